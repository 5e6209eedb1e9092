import { env, l10n, Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import type { App } from '../app';
import { openLink } from '../chat/open';
import { attempt } from '../errors';
import type { CouncilResult } from '../protocol';
import type { FromCouncil, ToCouncil } from './messages';
import { pageHtml } from './page';

/** A council as an editor: a column for each member, the synthesis above them. */
export class CouncilPanel {
  private readonly panel: WebviewPanel;
  private result: CouncilResult | undefined;

  constructor(
    private readonly app: App,
    private readonly question: string,
  ) {
    const { extensionUri } = app.context;
    const options = {
      enableScripts: true,
      retainContextWhenHidden: true,
      localResourceRoots: [Uri.joinPath(extensionUri, 'dist', 'webview')],
    };
    this.panel = window.createWebviewPanel('mazu.council', l10n.t('Council'), ViewColumn.Active, options);
    this.panel.iconPath = Uri.joinPath(extensionUri, 'media', 'icon.svg');
    this.panel.webview.onDidReceiveMessage((message: FromCouncil) => void attempt(() => this.handle(message)));
    this.panel.webview.html = pageHtml(this.panel.webview, extensionUri, 'council', l10n.t('Council'));
  }

  show(result: CouncilResult): void {
    this.result = result;
    this.post({ type: 'answered', result });
  }

  close(): void {
    this.panel.dispose();
  }

  private handle(message: FromCouncil): unknown {
    switch (message.type) {
      case 'ready':
        return this.post(
          this.result ? { type: 'answered', result: this.result } : { type: 'asked', question: this.question },
        );
      case 'copy':
        return env.clipboard.writeText(message.text);
      case 'openLink':
        return openLink(message.href);
      case 'remember':
        return this.remember();
    }
  }

  private async remember(): Promise<void> {
    if (!this.result) return;
    const { memory } = await this.app.server.execute('mazu.remember', {
      title: this.question.trim().slice(0, 200),
      body: this.result.synthesis,
      category: 'decision',
    });
    window.setStatusBarMessage(l10n.t('Mazu: remembered: {0}', memory.title), 6000);
  }

  private post(message: ToCouncil): void {
    void this.panel.webview.postMessage(message);
  }
}
