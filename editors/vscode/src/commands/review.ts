import { type QuickPickItem, QuickPickItemKind, window, l10n } from 'vscode';
import { checkpointName, editorsAlone, placeName } from '../describe';
import { report } from '../errors';
import type { Part, Reasoned, RollbackArgument, RollbackResult } from '../protocol';
import { decisions } from './decisions';

/** What the user decided on a plan. */
export type Decision = Pick<RollbackArgument, 'only' | 'onConflict'>;

interface PlanItem extends QuickPickItem {
  decision?: Decision;
  path?: string;
}

/**
 * Shows what a roll back would do, before anything is touched.
 *
 * The first lines decide; a file shows its diff and leaves the list open. `part`: what alone is restored, "" for all.
 * Undefined: the user gave up.
 */
export function reviewPlan(
  preview: RollbackResult,
  showDiff: (path: string) => Promise<void>,
  part = '',
): Promise<Decision | undefined> {
  const pick = window.createQuickPick<PlanItem>();
  const name = checkpointName(preview.checkpoint);
  pick.title = part ? l10n.t('Mazu: restore {0} as of “{1}”', part, name) : l10n.t('Mazu: roll back to “{0}”', name);
  pick.placeholder = l10n.t('Nothing has been touched yet. Choose a file to see its changes.');
  pick.ignoreFocusOut = true;
  pick.items = planItems(preview, part !== '');
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

function planItems({ plan }: RollbackResult, isPart: boolean): PlanItem[] {
  const isUsers = ({ path }: Reasoned) => plan.users.includes(path);
  const section = (title: string, icon: string, entries: (string | Reasoned)[]) =>
    sectionOf(title, icon, entries, plan.ownMemories);
  return [
    ...decisions(plan, isPart ? l10n.t('Restore') : l10n.t('Roll back')).map(
      ({ label, detail, onConflict }): PlanItem => ({ label: `$(discard) ${label}`, detail, decision: { onConflict } }),
    ),
    ...section(l10n.t('Changed since by you'), 'warning', [...plan.conflicts, ...plan.keep.filter(isUsers)]),
    ...section(l10n.t('Open editors changed'), 'edit', editorsAlone(plan)),
    ...section(l10n.t('Set aside, what is there now'), 'archive', plan.setAside),
    ...section(l10n.t('Files written'), 'file', plan.write),
    ...section(l10n.t('Files deleted'), 'trash', plan.delete),
    ...section(
      l10n.t('Kept as they are'),
      'lock',
      plan.keep.filter((one) => !isUsers(one)),
    ),
    ...(isPart ? [] : PARTS),
  ];
}

const partOnly = (part: Part, name: string): PlanItem => ({
  label: l10n.t('$(discard) Roll back the {0} only', name),
  decision: { only: [part], onConflict: 'keep' },
});

const PARTS: PlanItem[] = [
  { label: l10n.t('A part only'), kind: QuickPickItemKind.Separator },
  partOnly('code', l10n.t('code')),
  partOnly('memory', l10n.t('memory')),
  partOnly('conversation', l10n.t('conversation')),
];

/** A memory that the user changed is no file: it has no changes to be shown. */
function sectionOf(title: string, icon: string, entries: (string | Reasoned)[], memories: string[]): PlanItem[] {
  if (!entries.length) return [];
  const items = entries.map((entry): PlanItem => {
    const { path, reason } = typeof entry === 'string' ? { path: entry, reason: '' } : entry;
    const file = memories.includes(path) ? {} : { path };
    return { label: `$(${icon}) ${placeName(path)}`, description: reason, ...file };
  });
  return [{ label: title, kind: QuickPickItemKind.Separator }, ...items];
}
