import { commands } from 'vscode';
import type { App } from './app';
import type { RollbackResult } from './protocol';

const ROLLBACKS = new Set(['mazu.rollback', 'mazu.undo']);
const SETTLED_MS = 30_000;

/**
 * What menus, welcome texts and the ticks of the walkthrough go by. A tick is there when the thing was done, by
 * whatever way: a server runs, a model can be called, something was said, remembered, undone.
 *
 * VS Code registers a walkthrough some seconds after the extension has started, and never ticks a step whose context
 * was set before that. So each step of the manifest has a second event, which comes with `mazu.settled`.
 */
export function followContext(app: App): void {
  const { server, status, context } = app;
  const set = (name: string, value: boolean) => void commands.executeCommand('setContext', `mazu.${name}`, value);
  const once = (name: string) => {
    set(name, true);
    void context.globalState.update(`mazu.did.${name}`, true);
  };
  for (const name of ['chatted', 'remembered', 'undone']) {
    if (context.globalState.get(`mazu.did.${name}`)) set(name, true);
  }
  const settled = setTimeout(() => set('settled', true), SETTLED_MS);
  context.subscriptions.push({ dispose: () => clearTimeout(settled) });
  server.onCondition((condition) => {
    set('serverRuns', condition === 'running');
    set('serverStopped', condition === 'stopped');
  });
  status.onDidChange(() => set('modelReady', Boolean(status.status?.model && status.model?.ready !== false)));
  server.onUpdate(({ update }) => {
    if (update.kind === 'state' && update.state === 'done' && update.stopReason === 'end_turn') once('chatted');
    else if (update.kind === 'head') once('undone');
    else if (update.kind === 'memory') once('remembered');
  });
  server.onAnswered(({ command, answer }) => {
    if (command === 'mazu.remember') once('remembered');
    // A preview undoes nothing.
    else if (ROLLBACKS.has(command) && (answer as RollbackResult).applied) once('undone');
  });
}
