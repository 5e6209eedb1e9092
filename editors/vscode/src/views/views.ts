import { commands, l10n, TreeItem, window } from 'vscode';
import type { App } from '../app';
import type { Checkpoint } from '../protocol';
import { agentRows, registerAgentCommands } from './agent';
import { CheckpointItem } from './checkpointItems';
import { SessionItem } from './items';
import { memoryRows } from './memoryRows';
import { GroupItem, Tree } from './tree';

const CHECKPOINTS = 200;

/** Sessions, checkpoints, memory, and what the agent can do, in the container of the chat. */
export function registerViews(app: App): void {
  const { server, context } = app;
  let everySession = false;
  const trees = {
    sessions: new Tree(app, async () => {
      const { sessions, current } = await server.execute('mazu.session.list');
      const shown = sessions.filter(({ turnCount }) => everySession || turnCount > 0);
      return shown.map((session) => new SessionItem(session, session.id === current));
    }),
    checkpoints: new Tree(app, async () => {
      const { checkpoints, current } = await server.execute('mazu.checkpoint.list', { limit: CHECKPOINTS });
      return checkpointRows(app, checkpoints, current);
    }),
    memory: new Tree(app, () => memoryRows(app)),
    agent: new Tree(app, () => agentRows(app)),
  };
  const follows = {
    sessions: ['sessions'],
    checkpoints: ['checkpoints'],
    memory: ['memory'],
    agent: ['skills', 'tools', 'permissions', 'trust'],
  };
  for (const [name, tree] of Object.entries(trees)) {
    const view = window.createTreeView(`mazu.${name}`, {
      treeDataProvider: tree,
      showCollapseAll: name !== 'sessions',
    });
    context.subscriptions.push(view);
    if (name === 'sessions') app.chats.standIn = view;
    const of = follows[name as keyof typeof follows];
    server.onChanged(({ what }) => what.some((changed) => of.includes(changed)) && tree.refresh());
    server.onCondition(() => tree.refresh());
    view.onDidChangeVisibility(({ visible }) => visible && tree.refresh());
  }
  registerAgentCommands(app);
  app.command('mazu.refreshViews', () => Object.values(trees).forEach((tree) => tree.refresh()));
  app.command('mazu.showEverySession', () => filter(true));
  app.command('mazu.showChatsOnly', () => filter(false));
  const filter = (every: boolean) => {
    everySession = every;
    void commands.executeCommand('setContext', 'mazu.everySession', every);
    trees.sessions.refresh();
  };
}

/** Newest first; what hangs on another branch than the one that stands stands under "Other branches". */
function checkpointRows(app: App, checkpoints: Checkpoint[], current: string | null): TreeItem[] {
  const byId = new Map(checkpoints.map((checkpoint) => [checkpoint.id, checkpoint]));
  const line = new Set<string>();
  for (
    let at = current ? byId.get(current) : checkpoints[0];
    at;
    at = at.parentId ? byId.get(at.parentId) : undefined
  ) {
    line.add(at.id);
  }
  const item = (checkpoint: Checkpoint) => new CheckpointItem(app, checkpoint, checkpoint.id === current);
  const here = checkpoints.filter(({ id }) => line.has(id)).map(item);
  const elsewhere = checkpoints.filter(({ id }) => !line.has(id)).map(item);
  return elsewhere.length ? [...here, new GroupItem(l10n.t('Other branches'), 'branches', elsewhere, false)] : here;
}
