/** What can be decided on a rollback, in the order in which it is offered. */

import { l10n } from 'vscode';
import { counted, rollbackChanges } from '../describe';
import type { RollbackPlan } from '../protocol';

export interface Choice {
  label: string;
  detail: string;
  onConflict: 'keep' | 'overwrite';
}

/** Everything that also the user changed is asked about once: it stays, or comes back with the rest. */
export function decisions(plan: RollbackPlan, verb: string): Choice[] {
  const { conflicts, ownMemories, users, write, delete: deleted, buffers, memories } = plan;
  const safely = (what: string) => l10n.t('{0}; a safety checkpoint is taken first', what);
  const names = [...new Set([...conflicts.map(({ path }) => path), ...users])];
  const keep = { detail: safely(rollbackChanges(plan)), onConflict: 'keep' } as const;
  if (!names.length) return [{ ...keep, label: verb }];
  const mine = counted(names.length, names.some((name) => ownMemories.includes(name)) ? 'place' : 'file');
  const overwrite: Choice = {
    label: l10n.t('{0}, overwrite my changes in {1}', verb, mine),
    detail: safely(l10n.t('everything as it was')),
    onConflict: 'overwrite',
  };
  const rest = write.length + deleted.length + buffers.length + memories.added + memories.changed + memories.removed;
  // With nothing else to be done, to keep it would do nothing at all.
  if (!rest && !plan.conversation) return [overwrite];
  return [{ ...keep, label: l10n.t('{0}, keep my changes in {1}', verb, mine) }, overwrite];
}
