import { type QuickPickItem, QuickPickItemKind, window } from 'vscode';
import { checkpointName, counted } from '../describe';
import { report } from '../errors';
import type { PlanEntry, RollbackPlan, RollbackResult } from '../protocol';

export type Decision = 'overwrite' | 'keep';

interface PlanItem extends QuickPickItem {
  decision?: Decision;
  path?: string;
}

/**
 * Shows what a roll back would do, before anything is touched.
 *
 * The first lines decide; a file shows its diff and leaves the list open. Undefined: the user gave up.
 */
export function reviewPlan(preview: RollbackResult, showDiff: (path: string) => Promise<void>): Promise<Decision | undefined> {
  const pick = window.createQuickPick<PlanItem>();
  pick.title = `Mazu: roll back to ${checkpointName(preview.checkpoint)}`;
  pick.placeholder = 'Nothing has been touched yet. Choose a file to see its changes.';
  pick.ignoreFocusOut = true;
  pick.items = planItems(preview);
  return new Promise((resolve) => {
    pick.onDidAccept(() => {
      const [item] = pick.activeItems;
      if (item?.path) showDiff(item.path).catch(report);
      if (!item?.decision) return;
      resolve(item.decision);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

export function planItems({ plan, checkpoint }: RollbackResult): PlanItem[] {
  return [
    ...decisions(plan, checkpoint.id),
    ...section('Changed since by you', 'warning', plan.conflicts),
    ...section('Buffers changed', 'edit', plan.buffers),
    ...section('Files written', 'file', plan.write),
    ...section('Files deleted', 'trash', plan.delete),
    ...section('Kept as they are', 'lock', plan.keep),
  ];
}

function decisions({ conflicts, write, delete: deleted, buffers }: RollbackPlan, id: string): PlanItem[] {
  const counts = `${counted(write.length, 'file')} written, ${deleted.length} deleted, ${counted(buffers.length, 'buffer')} changed`;
  const detail = `${counts}; a safety checkpoint is taken first`;
  if (!conflicts.length) return [{ label: `$(discard) Roll back to ${id}`, detail, decision: 'keep', alwaysShow: true }];
  const mine = counted(conflicts.length, 'file');
  return [
    { label: `$(discard) Roll back, keep my changes in ${mine}`, detail, decision: 'keep', alwaysShow: true },
    { label: `$(discard) Roll back, overwrite my changes in ${mine}`, detail, decision: 'overwrite', alwaysShow: true },
  ];
}

function section(title: string, icon: string, entries: PlanEntry[]): PlanItem[] {
  if (!entries.length) return [];
  const items = entries.map((entry): PlanItem => {
    const path = typeof entry === 'string' ? entry : entry.path;
    return { label: `$(${icon}) ${path}`, description: (typeof entry === 'object' && entry.reason) || '', path };
  });
  return [{ label: title, kind: QuickPickItemKind.Separator }, ...items];
}
