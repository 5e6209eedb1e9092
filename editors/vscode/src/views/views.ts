import { EventEmitter, type TreeDataProvider, type TreeItem, window } from 'vscode';
import type { App } from '../app';
import { sentence } from '../errors';
import { CheckpointItem, MemoryItem, SessionItem } from './items';

const SETTLE_MS = 200;

/** A flat list that is loaded from the server and follows `mazu/changed`. */
class List implements TreeDataProvider<TreeItem> {
  private readonly changed = new EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly app: App,
    private readonly load: () => Promise<TreeItem[]>,
  ) {}

  refresh(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.changed.fire(), SETTLE_MS);
  }

  getTreeItem(item: TreeItem): TreeItem {
    return item;
  }

  async getChildren(): Promise<TreeItem[]> {
    if (this.app.server.condition !== 'running') return [];
    try {
      return await this.load();
    } catch (error) {
      this.app.log.warn(sentence(error));
      return [];
    }
  }
}

/** Sessions, checkpoints and memory, in one container of the activity bar. */
export function registerViews(app: App): void {
  const { server, context } = app;
  const lists = {
    sessions: new List(app, async () =>
      (await server.execute('mazu.session.list')).sessions.map((session) => new SessionItem(session)),
    ),
    checkpoints: new List(app, async () => {
      const { checkpoints, current } = await server.execute('mazu.checkpoint.list', { limit: 200 });
      return checkpoints.map((checkpoint) => new CheckpointItem(checkpoint, checkpoint.id === current));
    }),
    memory: new List(app, async () =>
      (await server.execute('mazu.memory.list', { limit: 500 })).memories.map((memory) => new MemoryItem(memory)),
    ),
  };
  for (const [name, list] of Object.entries(lists)) {
    context.subscriptions.push(window.registerTreeDataProvider(`mazu.${name}`, list));
    server.onChanged(({ what }) => what.includes(name) && list.refresh());
    server.onCondition(() => list.refresh());
  }
  app.command('mazu.refreshViews', () => Object.values(lists).forEach((list) => list.refresh()));
  app.command('mazu.openSession', async (item) => {
    const sessionId = item instanceof SessionItem ? item.value.id : item;
    if (typeof sessionId === 'string') await server.execute('mazu.chat', { sessionId });
  });
  app.command('mazu.deleteSession', (item) => item instanceof SessionItem && deleteSession(app, item));
}

async function deleteSession({ server }: App, item: SessionItem): Promise<void> {
  const yes = 'Delete';
  const question = `Delete the conversation "${String(item.label)}"? Its checkpoints stay.`;
  if ((await window.showWarningMessage(`Mazu: ${question}`, yes)) !== yes) return;
  await server.execute('mazu.session.delete', { sessionId: item.value.id });
}
