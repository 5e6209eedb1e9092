import {
  commands,
  type Disposable,
  EventEmitter,
  type FileChangeEvent,
  FileChangeType,
  FileSystemError,
  type FileSystemProvider,
  type FileStat,
  FileType,
  l10n,
  Uri,
  workspace,
} from 'vscode';
import type { App } from './app';
import type { Memory } from './protocol';

const SCHEME = 'mazu-memory';
const MOST = 10_000;

/** Memories as documents that are edited and saved like files: the heading is the title, the rest the body. */
export class MemoryDocuments implements FileSystemProvider, Disposable {
  private readonly changed = new EventEmitter<FileChangeEvent[]>();
  private readonly open_ = new Map<string, Uri>();
  private readonly registration: Disposable;

  readonly onDidChangeFile = this.changed.event;

  constructor(private readonly app: App) {
    this.registration = workspace.registerFileSystemProvider(SCHEME, this, { isCaseSensitive: true });
    app.server.onChanged(({ what }) => what.includes('memory') && this.refresh());
    app.context.subscriptions.push(this);
  }

  /** Opens a memory to be edited. */
  async open({ id, scope, title }: Memory): Promise<void> {
    const name =
      title
        .replace(/[\\/?#:*"<>|\s]+/g, ' ')
        .trim()
        .slice(0, 60) || 'memory';
    const uri = Uri.from({ scheme: SCHEME, path: `/${name}.md`, query: `${scope}/${id}` });
    this.open_.set(uri.toString(), uri);
    await commands.executeCommand('vscode.open', uri);
  }

  async stat(uri: Uri): Promise<FileStat> {
    const memory = await this.find(uri);
    const size = Buffer.byteLength(textOf(memory));
    return { type: FileType.File, ctime: Date.parse(memory.createdAt), mtime: Date.parse(memory.updatedAt), size };
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    return Buffer.from(textOf(await this.find(uri)));
  }

  async writeFile(uri: Uri, content: Uint8Array): Promise<void> {
    const { id, scope } = await this.find(uri);
    const [first = '', ...rest] = Buffer.from(content).toString('utf8').split('\n');
    const title = first.replace(/^#+\s*/, '').trim();
    if (!title) throw FileSystemError.Unavailable(l10n.t('The first line is the title; it cannot be empty.'));
    await this.app.server.execute('mazu.memory.update', { id, scope, title, body: rest.join('\n').trim() });
  }

  watch(): Disposable {
    return { dispose: () => undefined };
  }

  readDirectory(): never {
    throw FileSystemError.NoPermissions();
  }

  createDirectory(): never {
    throw FileSystemError.NoPermissions();
  }

  delete(): never {
    throw FileSystemError.NoPermissions(l10n.t('Forget it in the view Memory.'));
  }

  rename(): never {
    throw FileSystemError.NoPermissions();
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  private refresh(): void {
    const events = [...this.open_.values()].map((uri) => ({ type: FileChangeType.Changed, uri }));
    if (events.length) this.changed.fire(events);
  }

  private async find(uri: Uri): Promise<Memory> {
    const [scope, id] = uri.query.split('/');
    const { memories } = await this.app.server.execute('mazu.memory.list', { limit: MOST });
    const found = memories.find((memory) => memory.id === id && memory.scope === scope);
    if (!found) throw FileSystemError.FileNotFound(uri);
    return found;
  }
}

const textOf = ({ title, body }: Memory): string => `# ${title}\n${body ? `\n${body}\n` : ''}`;
