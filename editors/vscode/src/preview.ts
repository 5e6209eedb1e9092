import {
  commands,
  type Disposable,
  EventEmitter,
  TabInputText,
  type TextDocumentContentProvider,
  Uri,
  ViewColumn,
  window,
  workspace,
  l10n,
} from 'vscode';
import { isChat } from './editor';

const SCHEME = 'mazu-preview';

type Text = string | (() => Promise<string>);

export type Close = () => Thenable<unknown>;

/** Texts shown to the user that are no files: diffs, answers, single memories. */
export class Preview implements TextDocumentContentProvider, Disposable {
  private readonly texts = new Map<string, Text>();
  private readonly changed = new EventEmitter<Uri>();
  private readonly registrations: Disposable[];

  readonly onDidChange = this.changed.event;

  constructor() {
    this.registrations = [
      workspace.registerTextDocumentContentProvider(SCHEME, this),
      workspace.onDidCloseTextDocument((document) => this.texts.delete(document.uri.toString())),
      this.changed,
    ];
  }

  provideTextDocumentContent(uri: Uri): string | Promise<string> {
    const text = this.texts.get(uri.toString()) ?? '';
    return typeof text === 'string' ? text : text();
  }

  /** Shows a unified diff; the focus stays where it is. What comes back closes it. */
  diff(title: string, patch: string): Promise<Close> {
    return this.show(`${title.replaceAll('/', ' ')}.diff`, patch || l10n.t('No differences.\n'));
  }

  /** Shows plain text in the same way. */
  plain(title: string, text: string): Promise<Close> {
    return this.show(title.replaceAll('/', ' '), text);
  }

  /** Shows Markdown, rendered; locked, or it would follow the next Markdown editor, such as a chat. */
  async markdown(title: string, text: string): Promise<void> {
    await commands.executeCommand(
      'markdown.showLockedPreviewToSide',
      this.put(`${title.replaceAll('/', ' ')}.md`, text),
    );
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
  }

  /** Over the code, where a chat stays in sight beside it. */
  private async show(name: string, text: string): Promise<Close> {
    const active = window.activeTextEditor;
    const viewColumn = active && isChat(active.document.uri) ? ViewColumn.One : ViewColumn.Active;
    const uri = this.put(name, text);
    await window.showTextDocument(uri, { viewColumn, preview: true, preserveFocus: true });
    return () => closeTabs(uri);
  }

  /** A document of its own with this text; `name` may have folders. */
  put(name: string, text: string): Uri {
    return this.keep(name, text);
  }

  /** One whose text is asked for only when it is opened, each time anew. */
  later(name: string, text: () => Promise<string>): Uri {
    return this.keep(name, text);
  }

  private keep(name: string, text: Text): Uri {
    const path = name.split('/').map((part) => part.replace(/[\\?#:]+/g, ' ').slice(0, 80));
    const uri = Uri.from({ scheme: SCHEME, path: `/${path.join('/')}` });
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    return uri;
  }
}

function closeTabs(uri: Uri): Thenable<unknown> {
  const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
  const ours = tabs.filter(({ input }) => input instanceof TabInputText && input.uri.toString() === uri.toString());
  return window.tabGroups.close(ours, true);
}
