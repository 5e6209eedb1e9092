import { type CodeAction, commands, window, l10n } from 'vscode';
import type { App } from '../app';
import { showPatch } from '../diffs/patch';
import { showTurnChanges } from '../diffs/turn';
import { attachments } from '../editor';
import { UserError } from '../errors';
import { answerQuestion } from './answer';

/** The chat document, one-shot questions, and stopping. */
export function registerChatCommands(app: App): void {
  const { server } = app;
  app.command('mazu.openChatDocument', () => {
    const sessionId = app.chats.shownSession;
    return server.execute('mazu.chat', { ...attachments(), ...(sessionId ? { sessionId } : {}) });
  });
  app.command('mazu.answerWith', (callId, optionId) =>
    app.questions.answer(String(callId), { optionId: String(optionId) }),
  );
  app.command('mazu.answerQuestion', () => answerQuestion(app));
  app.command('mazu.showQuestionDiff', (callId) => {
    const open = app.questions.open.find((request) => request.callId === callId);
    if (!open?.diff) throw new UserError(l10n.t('that question is answered.'));
    const file = open.arguments?.['path'];
    return showPatch(app, typeof file === 'string' ? file : open.title, open.diff, open.title);
  });
  app.command('mazu.reviewTurn', (sessionId, turnId) => showTurnChanges(app, String(sessionId), String(turnId), []));
  app.command('mazu.sendMessage', sendMessage);
  app.command('mazu.stopTurn', async () => {
    await app.chats.handedOver();
    const { cancelled } = await server.execute('mazu.cancel');
    if (!cancelled) window.setStatusBarMessage(l10n.t('Mazu: nothing is running'), 4000);
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
    throw new UserError(
      l10n.t('there is no message to send.'),
      l10n.t('Write one under the last "You" heading of a chat document.'),
    );
  }
  await commands.executeCommand(send.command.command, ...(send.command.arguments ?? []));
}
