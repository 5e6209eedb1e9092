import { type ExtensionContext, workspace } from 'vscode';
import { App } from './app';
import { registerChatParticipant } from './chatParticipant';
import { registerChatCommands } from './commands/chat';
import { registerCheckpointCommands } from './commands/checkpoints';
import { registerMemoryCommands } from './commands/memory';
import { registerServerCommands } from './commands/server';
import { registerTaskCommands } from './commands/tasks';
import { answerSaves } from './documents';
import { attempt } from './errors';
import { registerLanguageModel } from './languageModel';
import { registerLanguageModelTools } from './languageModelTools';
import { lendLanguageServers } from './lending';
import { answerPermissions } from './permissions';
import { StatusBar } from './statusBar';
import { registerProposals } from './views/proposals';
import { registerViews } from './views/views';

let app: App | undefined;

export function activate(context: ExtensionContext): void {
  app = new App(context);
  const { server, preview } = app;
  const statusBar = new StatusBar(server);
  context.subscriptions.push(statusBar);
  server.answer((client) =>
    answerPermissions(client, preview, (session, waiting) => statusBar.waits(session, waiting)),
  );
  server.answer(answerSaves);
  server.answer(lendLanguageServers);
  registerChatCommands(app);
  registerTaskCommands(app);
  registerMemoryCommands(app);
  registerCheckpointCommands(app);
  registerServerCommands(app);
  registerViews(app);
  registerProposals(app);
  registerChatParticipant(app);
  registerLanguageModel(app);
  registerLanguageModelTools(app);
  const start = () => attempt(() => server.start());
  if (workspace.isTrusted) void start();
  else context.subscriptions.push(workspace.onDidGrantWorkspaceTrust(start));
}

export async function deactivate(): Promise<void> {
  await app?.server.stop();
}
