import { commands } from 'vscode';
import type { App } from './app';
import type { RollbackResult } from './protocol';

const TAKES_BACK = new Set(['mazu.rollback', 'mazu.undo']);

/**
 * What menus, welcome texts and the ticks of the walkthrough go by. A tick is there when the thing was done, by
 * whatever way: a server runs, a model can be called, something was said, remembered, taken back.
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
    // A preview takes nothing back.
    else if (TAKES_BACK.has(command) && (answer as RollbackResult).applied) once('undone');
  });
}
