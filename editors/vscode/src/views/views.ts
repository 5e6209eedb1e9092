import { commands, window } from 'vscode';
import type { App } from '../app';
import { isChat } from '../describe';
import { agentRows, registerAgentCommands } from './agent';
import { checkpointRows } from './checkpointRows';
import { SessionItem } from './items';
import { memoryRows } from './memoryRows';
import { Tree } from './tree';

/** Sessions, checkpoints, memory, and what the agent can do, in the container of the chat. */
export function registerViews(app: App): void {
  const { server, context } = app;
  let everySession = false;
  const trees = {
    sessions: new Tree(app, async () => {
      const { sessions } = await server.execute('mazu.session.list');
      const listed = sessions.filter((session) => everySession || isChat(session));
      return listed.map((session) => new SessionItem(session, session.id === app.chats.shownSession));
    }),
    checkpoints: new Tree(app, () => checkpointRows(app)),
    memory: new Tree(app, () => memoryRows(app)),
    agent: new Tree(app, () => agentRows(app, () => trees.agent.refresh())),
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
  context.subscriptions.push(
    server.onUpdate(({ update }) => update.kind === 'state' && trees.sessions.refresh()),
    app.chats.onDidShow(() => trees.sessions.refresh()),
  );
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
