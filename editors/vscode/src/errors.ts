import { CancellationError, commands, window } from 'vscode';
import { LSPErrorCodes, ResponseError } from 'vscode-languageclient';

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

const SHOW_LOG: Action = { title: 'Show Log', command: 'mazu.showLog' };
const SET_KEY: Action = { title: 'Set API Key', command: 'mazu.setApiKey' };

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
  const text = hint ? `${message} ${hint}` : message;
  const chosen = await window.showErrorMessage(`Mazu: ${text}`, ...actions.map((action) => action.title));
  const action = actions.find((candidate) => candidate.title === chosen);
  if (action) await commands.executeCommand(action.command, ...(action.arguments ?? []));
}

/** The sentence alone, for places that show text (the chat view). */
export function sentence(error: unknown): string {
  const { message, hint } = describe(error);
  return hint ? `${message} ${hint}` : message;
}

function describe(error: unknown): { message: string; hint: string; actions: readonly Action[] } {
  if (error instanceof UserError) return error;
  if (error instanceof ResponseError) {
    const data = (error.data ?? {}) as { kind?: string; hint?: string };
    return { message: error.message, hint: data.hint ?? '', actions: data.kind === 'auth' ? [SET_KEY] : [SHOW_LOG] };
  }
  return { message: error instanceof Error ? error.message : String(error), hint: '', actions: [SHOW_LOG] };
}

export function isCancellation(error: unknown): boolean {
  return (
    error instanceof CancellationError ||
    (error instanceof ResponseError && error.code === LSPErrorCodes.RequestCancelled)
  );
}
