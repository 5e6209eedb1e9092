import { type CancellationToken, window } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { Close, Preview } from './preview';
import type { PermissionReply, PermissionRequest } from './protocol';

const MORE = 'More…';
const DETAILS = 'Details';
const SHORT = 160;

/**
 * Answers `mazu/permission/request` by a notification that never takes the focus. Closing it means no.
 * `waits` is told while a question is open.
 */
export function answerPermissions(
  client: LanguageClient,
  preview: Preview,
  waits: (sessionId: string, waiting: boolean) => void,
): void {
  client.onRequest('mazu/permission/request', async (request: PermissionRequest, token: CancellationToken) => {
    waits(request.sessionId, true);
    try {
      return await ask(request, token, preview);
    } finally {
      waits(request.sessionId, false);
    }
  });
}

async function ask(request: PermissionRequest, token: CancellationToken, preview: Preview): Promise<PermissionReply> {
  const { options } = request;
  const once = options.find((option) => option.kind === 'allow_once');
  const deny = options.find((option) => option.kind === 'deny');
  const labels = [once?.label, deny?.label].filter((label) => label !== undefined);
  const buttons = [
    ...labels,
    ...(options.length > labels.length ? [MORE] : []),
    ...(hasMore(request) ? [DETAILS] : []),
  ];
  let close: Close | undefined;
  try {
    for (;;) {
      const chosen = await Promise.race([
        window.showInformationMessage(question(request), ...buttons),
        cancelled(token),
      ]);
      if (chosen === undefined) return { optionId: deny?.id ?? 'deny' };
      if (chosen === DETAILS) close = await showDetails(request, preview);
      const option = options.find(({ label }) => label === chosen);
      const reply = chosen === MORE ? await askAll(request, token) : option && { optionId: option.id };
      if (reply) return reply;
    }
  } finally {
    await close?.();
  }
}

/** Every option, and a refusal that says why. */
async function askAll(request: PermissionRequest, token: CancellationToken): Promise<PermissionReply | undefined> {
  const options = request.options.map(({ label, id }) => ({ label, id, explain: false }));
  const deny = request.options.find(({ kind }) => kind === 'deny');
  const explained = deny ? [{ label: `${deny.label}, and say why…`, id: deny.id, explain: true }] : [];
  const placeHolder = isShort(request.detail) ? request.detail : 'What may it do?';
  const shown = { title: request.title, placeHolder, ignoreFocusOut: true };
  const chosen = await window.showQuickPick([...options, ...explained], shown, token);
  if (!chosen?.explain) return chosen && { optionId: chosen.id };
  const prompt = 'What the agent should do instead, or why it may not';
  const note = await window.showInputBox({ title: request.title, prompt, ignoreFocusOut: true }, token);
  return note === undefined ? undefined : { optionId: chosen.id, note };
}

/** A notification shows one line; a longer detail is behind the button. */
function question({ title, detail }: PermissionRequest): string {
  const named = title.startsWith('Mazu') ? title : `Mazu: ${title}`;
  return detail && isShort(detail) && !title.includes(detail) ? `${named} (${detail})` : named;
}

const showDetails = ({ title, diff, detail }: PermissionRequest, preview: Preview) =>
  diff ? preview.diff(title, diff) : preview.plain(title, detail);

const hasMore = ({ diff, detail }: PermissionRequest) => Boolean(diff) || !isShort(detail);

const isShort = (text: string) => text.length <= SHORT && !text.includes('\n');

function cancelled(token: CancellationToken): Promise<undefined> {
  return new Promise((resolve) => {
    if (token.isCancellationRequested) resolve(undefined);
    token.onCancellationRequested(() => resolve(undefined));
  });
}
