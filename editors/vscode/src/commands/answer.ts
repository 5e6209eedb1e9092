import { type QuickPickItem, window, l10n } from 'vscode';
import type { App } from '../app';
import type { PermissionReply, PermissionRequest, QuestionOption } from '../updates';

interface AnswerItem extends QuickPickItem {
  reply?: PermissionReply;
  act?: 'deny' | 'show' | 'edit';
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
  if (chosen.act === 'edit') await edit(questions, request, chosen.reply!);
  else if (chosen.act === 'show') {
    if (request.diff) await preview.diff(request.title, request.diff);
    // One about no call stands in the chat, whatever conversation is shown there.
    const isOfTurn = request.sessionId && !request.tool.startsWith('mazu.');
    await chats.show(isOfTurn ? request.sessionId : undefined);
  } else if (chosen.act === 'deny') {
    const prompt = l10n.t('What the agent should do instead, or why it may not (may be empty)');
    const note = await window.showInputBox({ title: request.title, prompt, ignoreFocusOut: true });
    if (note !== undefined)
      await questions.answer(request.callId, { ...chosen.reply!, ...(note.trim() ? { note } : {}) });
  } else if (chosen.reply) await questions.answer(request.callId, chosen.reply);
}

/** What it is called with is changed before it is allowed. */
async function edit(questions: App['questions'], request: PermissionRequest, reply: PermissionReply): Promise<void> {
  const [name] = request.editable ?? [];
  if (!name) return;
  const prompt = l10n.t('Edit the {0} before it is allowed', name);
  const value = String(request.arguments?.[name] ?? '');
  const changed = await window.showInputBox({ title: request.title, prompt, value, ignoreFocusOut: true });
  if (changed?.trim()) await questions.answer(request.callId, { ...reply, arguments: { [name]: changed } });
}

/** A tool call is denied with a note for the model; other questions are simply answered. */
const refusal = ({ id, label }: QuestionOption): AnswerItem =>
  label === 'Deny'
    ? { label: `$(close) ${label}…`, reply: { optionId: id }, act: 'deny' }
    : { label: `$(close) ${label}`, reply: { optionId: id } };

function pick(request: PermissionRequest): Thenable<AnswerItem | undefined> {
  const { options, rule, title, detail } = request;
  const allowing = options.filter(({ kind }) => kind !== 'deny');
  const once = options.find(({ kind }) => kind === 'allow_once');
  const deny = options.find(({ kind }) => kind === 'deny');
  // What Enter takes at once costs nothing.
  const leave = deny && allowing.every(({ kind }) => kind === 'choice');
  const items: AnswerItem[] = [
    ...(leave ? [refusal(deny)] : []),
    ...allowing.map(({ id, label, kind }): AnswerItem => ({
      label: `$(check) ${label}`,
      description: kind !== 'allow_once' && rule ? rule : '',
      reply: { optionId: id },
    })),
    ...(once && request.editable?.length
      ? [{ label: l10n.t('$(edit) Edit, then allow once…'), reply: { optionId: once.id }, act: 'edit' as const }]
      : []),
    ...(deny && !leave ? [refusal(deny)] : []),
    { label: l10n.t('$(eye) Show what would happen'), act: 'show' },
  ];
  const isShort = (text: string) => text !== '' && text.length <= SHORT && !text.includes('\n');
  const placeHolder = [detail, request.reason ?? ''].find(isShort) ?? l10n.t('What may it do?');
  return window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true });
}
