import { type QuickPickItem, window, l10n } from 'vscode';
import type { App } from '../app';
import type { PermissionReply, PermissionRequest } from '../updates';

interface AnswerItem extends QuickPickItem {
  reply?: PermissionReply;
  act?: 'deny' | 'show';
}

const SHORT = 160;

/** Answers the question that is open from a quick pick: for when the chat is out of sight. */
export async function answerQuestion({ questions, chats, preview }: App): Promise<void> {
  const [request] = questions.open;
  if (!request) {
    window.setStatusBarMessage(l10n.t('Mazu: nothing waits for an answer'), 4000);
    return;
  }
  const gone = new Promise<undefined>((resolve) => {
    const watch = questions.onDidChange(() => {
      if (questions.open.some(({ callId }) => callId === request.callId)) return;
      watch.dispose();
      resolve(undefined);
    });
  });
  const chosen = await Promise.race([pick(request), gone]);
  if (!chosen) return;
  if (chosen.act === 'show') {
    if (request.diff) await preview.diff(request.title, request.diff);
    await chats.show(request.sessionId);
  } else if (chosen.act === 'deny') {
    const prompt = 'What the agent should do instead, or why it may not (may be empty)';
    const note = await window.showInputBox({ title: request.title, prompt, ignoreFocusOut: true });
    if (note !== undefined)
      await questions.answer(request.callId, { ...chosen.reply!, ...(note.trim() ? { note } : {}) });
  } else if (chosen.reply) await questions.answer(request.callId, chosen.reply);
}

function pick(request: PermissionRequest): Thenable<AnswerItem | undefined> {
  const { options, rule, title, detail } = request;
  const allowing = options.filter(({ kind }) => kind !== 'deny');
  const deny = options.find(({ kind }) => kind === 'deny');
  const items: AnswerItem[] = [
    ...allowing.map(({ id, label, kind }): AnswerItem => ({
      label: `$(check) ${label}`,
      description: kind !== 'allow_once' && rule ? rule : '',
      reply: { optionId: id },
    })),
    ...(deny ? [{ label: `$(close) ${deny.label}…`, reply: { optionId: deny.id }, act: 'deny' as const }] : []),
    { label: l10n.t('$(eye) Show what would happen'), act: 'show' },
  ];
  const placeHolder = detail.length <= SHORT && !detail.includes('\n') ? detail : 'What may it do?';
  return window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true });
}
