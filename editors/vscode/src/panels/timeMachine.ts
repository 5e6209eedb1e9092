import { l10n, Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import type { App } from '../app';
import { branchFrom, rollBackTo } from '../commands/checkpoints';
import { checkpointChanges, checkpointName } from '../describe';
import { showCheckpointChanges, showFileThen, showStepFile } from '../diffs/checkpoint';
import { attempt, sentence } from '../errors';
import type { Checkpoint, CheckpointList, Session } from '../protocol';
import { stateOf, stepOf } from './checkpointStep';
import type { FromTimeMachine, Stop, ToTimeMachine } from './messages';
import { pageHtml } from './page';

export const TIME_MACHINE = 'mazu.timeMachine';
const MOST = 10_000;
/** The newest are shown at once; the others follow. */
const FIRST = 200;

/** A slider over the checkpoints: what each step changed, and the ways back to it. */
export class TimeMachine {
  private readonly panel: WebviewPanel;
  private checkpoints = new Map<string, Checkpoint>();
  private loads = 0;

  /** In a new editor, or in the one that a window had before it was loaded anew. */
  constructor(
    private readonly app: App,
    panel?: WebviewPanel,
  ) {
    const { context, server } = app;
    const title = l10n.t('Time Machine');
    const shown = { retainContextWhenHidden: true };
    this.panel = panel ?? window.createWebviewPanel(TIME_MACHINE, title, ViewColumn.Active, shown);
    this.panel.webview.options = {
      enableScripts: true,
      localResourceRoots: [Uri.joinPath(context.extensionUri, 'dist', 'webview')],
    };
    this.panel.iconPath = Uri.joinPath(context.extensionUri, 'media', 'icon.svg');
    const follows = server.onChanged(({ what }) => what.includes('checkpoints') && void attempt(() => this.load()));
    this.panel.onDidDispose(() => follows.dispose());
    this.panel.webview.onDidReceiveMessage((message: FromTimeMachine) => void attempt(() => this.handle(message)));
    this.panel.webview.html = pageHtml(this.panel.webview, context.extensionUri, 'timeMachine', title);
  }

  private handle(message: FromTimeMachine): unknown {
    const checkpoint = 'id' in message ? this.checkpoints.get(message.id) : undefined;
    switch (message.type) {
      case 'ready':
        return this.load();
      case 'look':
        return this.look(message.id);
      case 'contents':
        return checkpoint && this.contents(checkpoint, message.query);
      case 'openThen':
        return showFileThen(this.app, message.id, message.path, checkpoint ? checkpointName(checkpoint) : '');
      case 'compare':
        return showCheckpointChanges(this.app, message.id, 'now', l10n.t('since then'));
      case 'diff':
        return checkpoint && showStepFile(this.app, checkpoint, message.path);
      case 'restore':
        return rollBackTo(this.app, message.id);
      case 'restoreFile':
        return rollBackTo(this.app, message.id, { only: ['code'], paths: [message.path] }, message.path);
      case 'restoreMemory':
        return rollBackTo(
          this.app,
          message.id,
          { only: ['memory'], memories: [message.memory] },
          l10n.t('this memory'),
        );
      case 'branch':
        return checkpoint && branchFrom(this.app, checkpoint);
    }
  }

  private async load(): Promise<void> {
    const mine = ++this.loads;
    const named = this.app.server.execute('mazu.session.list');
    for (const limit of [FIRST, MOST]) {
      const [list, { sessions }] = await Promise.all([
        this.app.server.execute('mazu.checkpoint.list', { limit }),
        named,
      ]);
      if (mine !== this.loads) return; // a newer list was asked for meanwhile
      this.show(list, sessions);
      if (list.checkpoints.length < limit) return;
    }
  }

  private show({ checkpoints, current }: CheckpointList, sessions: Session[]): void {
    this.checkpoints = new Map(checkpoints.map((checkpoint) => [checkpoint.id, checkpoint]));
    const here = new Set<string>();
    let at = current ? this.checkpoints.get(current) : checkpoints[0];
    while (at && !here.has(at.id)) {
      here.add(at.id);
      at = at.parentId ? this.checkpoints.get(at.parentId) : undefined;
    }
    const stops = checkpoints.toReversed().map((checkpoint): Stop => ({
      id: checkpoint.id,
      title: checkpointName(checkpoint),
      at: checkpoint.createdAt,
      kind: checkpoint.kind,
      changes: checkpointChanges(checkpoint),
      here: here.has(checkpoint.id),
      current: checkpoint.id === current,
      session: checkpoint.sessionId ?? '',
    }));
    const ids = new Set(stops.map(({ session }) => session));
    const named = sessions.filter(({ id, name }) => name && ids.has(id)).map(({ id, name }) => ({ id, name }));
    this.post({ type: 'stops', stops, sessions: named });
  }

  private async look(id: string): Promise<void> {
    const checkpoint = this.checkpoints.get(id);
    if (!checkpoint) return;
    try {
      this.post({ type: 'step', step: await stepOf(this.app, checkpoint) });
    } catch (error) {
      const nothing = { id, files: [], memories: [], said: [] };
      this.post({ type: 'step', step: { ...nothing, problem: sentence(error) } });
    }
  }

  private async contents(checkpoint: Checkpoint, query: string): Promise<void> {
    const { id } = checkpoint;
    try {
      this.post({ type: 'state', state: await stateOf(this.app, checkpoint, query) });
    } catch (error) {
      const nothing = { id, query, files: [], total: 0, memories: [], turns: 0, said: [] };
      this.post({ type: 'state', state: { ...nothing, problem: sentence(error) } });
    }
  }

  private post(message: ToTimeMachine): void {
    void this.panel.webview.postMessage(message);
  }
}
