import { type CodeAction, commands, window } from 'vscode';
import type { App } from '../app';
import { price } from '../describe';
import { attachments } from '../editor';
import { UserError } from '../errors';

/** The chat document, one-shot questions, and stopping. */
export function registerChatCommands(app: App): void {
  const { server } = app;
  app.command('mazu.openChat', () => server.execute('mazu.chat', attachments()));
  app.command('mazu.sendMessage', sendMessage);
  app.command('mazu.askQuestion', () => askQuestion(app));
  app.command('mazu.stopTurn', async () => {
    const { cancelled } = await server.execute('mazu.cancel');
    if (!cancelled) window.setStatusBarMessage('Mazu: nothing is running', 4000);
  });
}

/** Runs the server's own "send" action on the chat document, so that there is one way of sending. */
async function sendMessage(): Promise<void> {
  const editor = window.activeTextEditor;
  if (!editor) return;
  const { document, selection } = editor;
  const provider = 'vscode.executeCodeActionProvider';
  const actions = await commands.executeCommand<CodeAction[]>(provider, document.uri, selection);
  const send = actions.find(({ title }) => /^Mazu: send\b/i.test(title));
  if (!send?.command) {
    throw new UserError('there is no message to send.', 'Write one under the last "You" heading of a chat document.');
  }
  await commands.executeCommand(send.command.command, ...(send.command.arguments ?? []));
}

async function askQuestion(app: App): Promise<void> {
  const question = await window.showInputBox({
    title: 'Mazu: ask a question',
    prompt: 'No tools, nothing remembered; a selection goes along',
    ignoreFocusOut: true,
  });
  if (!question) return;
  const answer = await app.wait('asking…', 'mazu.ask', { question, ...attachments(), wait: true });
  await app.preview.markdown(question, `# ${question}\n\n${answer.reply}\n\n*${price(answer.usage.costUsd)}*\n`);
}
