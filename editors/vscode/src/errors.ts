import { CancellationError, commands, window, workspace, l10n } from 'vscode';
import { beginning, withName } from './describe';

/** LSP's RequestCancelled. */
const CANCELLED = -32800;

/** An error that the server answered with. */
interface ServerError extends Error {
  code: number;
  data?: { kind?: string; hint?: string };
}

const isServerError = (error: unknown): error is ServerError =>
  error instanceof Error && typeof (error as Partial<ServerError>).code === 'number';

/** Something the user can act on: one sentence, and what to do about it. */
export class UserError extends Error {
  constructor(
    message: string,
    readonly hint = '',
    readonly actions: readonly Action[] = [],
  ) {
    super(message);
  }
}

export interface Action {
  title: string;
  command: string;
  arguments?: readonly unknown[];
}

const SHOW_LOG: Action = { title: l10n.t('Show Log'), command: 'mazu.showLog' };
/** What mends an error of this kind. */
const MENDS: Record<string, readonly Action[]> = {
  auth: [
    { title: l10n.t('Set API Key'), command: 'mazu.setApiKey' },
    { title: l10n.t('Choose Model'), command: 'mazu.selectModel' },
  ],
  model: [{ title: l10n.t('Choose Model'), command: 'mazu.selectModel' }],
  permission: [{ title: l10n.t('Select Mode'), command: 'mazu.selectMode' }],
};

const OPEN_FOLDER: Action = { title: l10n.t('Open Folder'), command: 'vscode.openFolder' };

/** What mends an error of the server; without a folder nothing of a project is supported. */
const mends = (kind: string): readonly Action[] =>
  kind === 'unsupported' && !workspace.workspaceFolders?.length ? [OPEN_FOLDER] : (MENDS[kind] ?? [SHOW_LOG]);

/** Runs what the user asked for; what goes wrong is said once, a cancellation not at all. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    void report(error);
    return undefined;
  }
}

/** One notification with the error's own sentence, its hint and the actions that help. */
export async function report(error: unknown): Promise<void> {
  if (isCancellation(error)) return;
  const { message, hint, actions } = describe(error);
  const text = joined(message, hint);
  const chosen = await window.showErrorMessage(`Mazu: ${text}`, ...actions.map((action) => action.title));
  const action = actions.find((candidate) => candidate.title === chosen);
  if (action) await commands.executeCommand(action.command, ...(action.arguments ?? []));
}

/** LSP's MessageType. */
const ERROR = 1;
const WARNING = 2;

/** What the server says by itself, under the name that every message of ours has. */
export function showServerMessage({ type, message }: { type: number; message: string }): void {
  const show =
    type === ERROR
      ? window.showErrorMessage
      : type === WARNING
        ? window.showWarningMessage
        : window.showInformationMessage;
  void show(withName(message));
}

/** The sentence alone, for places that show text (the chat view): no "Mazu:" stands before it. */
export function sentence(error: unknown): string {
  const { message, hint } = describe(error);
  return beginning(joined(message, hint));
}

/** The hint stands once, also where the message has it already. */
const joined = (message: string, hint: string): string =>
  hint && !message.includes(hint) ? `${message} ${hint}` : message;

function describe(error: unknown): { message: string; hint: string; actions: readonly Action[] } {
  if (error instanceof UserError) return error;
  if (isServerError(error)) {
    const { kind = '', hint = '' } = error.data ?? {};
    return { message: error.message, hint, actions: mends(kind) };
  }
  return { message: error instanceof Error ? error.message : String(error), hint: '', actions: [SHOW_LOG] };
}

export function isCancellation(error: unknown): boolean {
  return error instanceof CancellationError || (isServerError(error) && error.code === CANCELLED);
}
