import { type CancellationToken, window } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { Preview } from './preview';
import type { PermissionReply, PermissionRequest } from './protocol';

const MORE = 'More…';
const DETAILS = 'Details';
const SHORT = 160;

/** Answers `mazu/permission/request` by a notification that never takes the focus. Closing it means no. */
export function answerPermissions(client: LanguageClient, preview: Preview): void {
  client.onRequest('mazu/permission/request', (request: PermissionRequest, token: CancellationToken) =>
    ask(request, token, preview),
  );
}

async function ask(request: PermissionRequest, token: CancellationToken, preview: Preview): Promise<PermissionReply> {
  const { options } = request;
  const once = options.find((option) => option.kind === 'allow_once');
  const deny = options.find((option) => option.kind === 'deny');
  const labels = [once?.label, deny?.label].filter((label) => label !== undefined);
  const buttons = [...labels, ...(options.length > labels.length ? [MORE] : []), ...(hasMore(request) ? [DETAILS] : [])];
  for (;;) {
    const chosen = await Promise.race([window.showInformationMessage(question(request), ...buttons), cancelled(token)]);
    const option = chosen === MORE ? await askAll(request, token) : options.find(({ label }) => label === chosen);
    if (option) return { optionId: option.id };
    if (chosen === DETAILS) await preview.diff(request.title, request.diff || request.detail);
    else if (chosen !== MORE || token.isCancellationRequested) return { optionId: deny?.id ?? 'deny' };
  }
}

function askAll(request: PermissionRequest, token: CancellationToken) {
  const items = request.options.map((option) => ({ label: option.label, id: option.id }));
  return window.showQuickPick(items, { title: request.title, placeHolder: brief(request.detail), ignoreFocusOut: true }, token);
}

const question = ({ title, detail }: PermissionRequest) =>
  `Mazu: ${title}${detail && !title.includes(detail) ? ` (${brief(detail)})` : ''}`;

const hasMore = ({ diff, detail }: PermissionRequest) => Boolean(diff) || detail !== brief(detail);

function brief(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > SHORT ? `${line.slice(0, SHORT)}…` : line;
}

function cancelled(token: CancellationToken): Promise<undefined> {
  return new Promise((resolve) => {
    if (token.isCancellationRequested) resolve(undefined);
    token.onCancellationRequested(() => resolve(undefined));
  });
}
