import { commands, type Disposable, EventEmitter, type TextDocumentContentProvider, Uri, ViewColumn, window, workspace } from 'vscode';

const SCHEME = 'mazu-preview';

/** Texts shown to the user that are no files: diffs, answers, single memories. */
export class Preview implements TextDocumentContentProvider, Disposable {
  private readonly texts = new Map<string, string>();
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

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  /** Shows a unified diff in an editor of its own; the focus stays where it is. */
  async diff(title: string, patch: string): Promise<void> {
    const uri = this.put(`${title}.diff`, patch || 'No differences.\n');
    await window.showTextDocument(uri, { viewColumn: ViewColumn.Beside, preview: true, preserveFocus: true });
  }

  /** Shows Markdown, rendered. */
  async markdown(title: string, text: string): Promise<void> {
    await commands.executeCommand('markdown.showPreviewToSide', this.put(`${title}.md`, text));
  }

  dispose(): void {
    for (const registration of this.registrations) registration.dispose();
  }

  private put(name: string, text: string): Uri {
    const uri = Uri.from({ scheme: SCHEME, path: `/${name.replace(/[/\\?#:]+/g, ' ').slice(0, 80)}` });
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    return uri;
  }
}
