import { type ExtensionContext, workspace } from 'vscode';
import { App } from './app';
import { registerChatView } from './chat/view';
import { registerChatParticipant } from './chatParticipant';
import { registerChatCommands } from './commands/chat';
import { registerCheckpointCommands } from './commands/checkpoints';
import { registerMemoryCommands } from './commands/memory';
import { registerMemoryActions } from './commands/memoryActions';
import { registerTeamMemory } from './commands/teamMemory';
import { registerScmCommands } from './commands/scm';
import { registerServerCommands } from './commands/server';
import { registerSessionCommands } from './commands/sessions';
import { registerTaskCommands } from './commands/tasks';
import { followContext } from './contextKeys';
import { answerSaves } from './documents';
import { attempt } from './errors';
import { registerLanguageModel } from './languageModel';
import { registerLanguageModelTools } from './languageModelTools';
import { lendLanguageServers } from './lending';
import { clearMarkOfSaved } from './savedEditors';
import { StatusBar } from './statusBar';
import { registerProposals } from './views/proposals';
import { registerViews } from './views/views';

let app: App | undefined;

export function activate(context: ExtensionContext): void {
  const began = performance.now();
  app = new App(context);
  const { server } = app;
  context.subscriptions.push(new StatusBar(app));
  registerChatView(app);
  server.answer(answerSaves);
  server.answer(lendLanguageServers);
  registerChatCommands(app);
  registerSessionCommands(app);
  registerTaskCommands(app);
  registerMemoryCommands(app);
  registerMemoryActions(app);
  registerTeamMemory(app);
  registerCheckpointCommands(app);
  registerServerCommands(app);
  registerScmCommands(app);
  registerViews(app);
  registerProposals(app);
  registerChatParticipant(app);
  registerLanguageModel(app);
  registerLanguageModelTools(app);
  followContext(app);
  clearMarkOfSaved(context, server);
  context.subscriptions.push(
    // A server that could not be found is looked for again as soon as the settings say where it is.
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('mazu.server') && workspace.isTrusted) void attempt(() => server.restart());
    }),
  );
  app.log.info(`activated in ${(performance.now() - began).toFixed(0)} ms`);
  const start = () => attempt(() => server.start());
  if (workspace.isTrusted) void start();
  else context.subscriptions.push(workspace.onDidGrantWorkspaceTrust(start));
}

export async function deactivate(): Promise<void> {
  await app?.server.stop();
}
