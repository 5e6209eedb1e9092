import { l10n, ThemeIcon, TreeItem } from 'vscode';
import type { App } from '../app';
import { checkpointName, counted } from '../describe';
import type { Checkpoint } from '../protocol';
import { CheckpointItem } from './checkpointItems';
import { GroupItem } from './tree';

const MOST = 200;

/**
 * The tree of checkpoints, newest first: those that led to where things stand now, and above the one from which it
 * branched off each other branch, folded.
 */
export async function checkpointRows(app: App): Promise<TreeItem[]> {
  const { checkpoints, current } = await app.server.execute('mazu.checkpoint.list', { limit: MOST });
  const byId = new Map(checkpoints.map((checkpoint) => [checkpoint.id, checkpoint]));
  const line = lineTo(current ? byId.get(current) : checkpoints[0], byId);
  const item = (checkpoint: Checkpoint) => new CheckpointItem(app, checkpoint, checkpoint.id === current);
  const branches = branchesOf(checkpoints, byId, line);
  const groups = (from: string) =>
    (branches.get(from) ?? []).map((branch) => new BranchItem(branch, byId.get(from), branch.map(item)));
  const rows = checkpoints.filter(({ id }) => line.has(id)).flatMap((one) => [...groups(one.id), item(one)]);
  const loose = [...branches.keys()].filter((from) => !line.has(from)).flatMap(groups);
  return [...rows, ...loose, ...(checkpoints.length < MOST ? [] : [olderItem()])];
}

type ById = ReadonlyMap<string, Checkpoint>;

/** The ids of a checkpoint and of those before it. */
function lineTo(from: Checkpoint | undefined, byId: ById): ReadonlySet<string> {
  const line = new Set<string>();
  for (let at = from; at && !line.has(at.id); at = at.parentId ? byId.get(at.parentId) : undefined) line.add(at.id);
  return line;
}

/** The branches beside a line, newest checkpoint first, by the id of the one from which each comes ("" where it is not known). */
function branchesOf(checkpoints: Checkpoint[], byId: ById, line: ReadonlySet<string>): Map<string, Checkpoint[][]> {
  const byRoot = new Map<string, Checkpoint[]>();
  const rootOf = (checkpoint: Checkpoint): Checkpoint => {
    let at = checkpoint;
    for (const seen = new Set<string>(); !seen.has(at.id);) {
      seen.add(at.id);
      const parent = at.parentId ? byId.get(at.parentId) : undefined;
      if (!parent || line.has(parent.id)) break;
      at = parent;
    }
    return at;
  };
  for (const checkpoint of checkpoints.filter(({ id }) => !line.has(id))) {
    const { id } = rootOf(checkpoint);
    byRoot.set(id, [...(byRoot.get(id) ?? []), checkpoint]);
  }
  const byFork = new Map<string, Checkpoint[][]>();
  for (const [root, branch] of byRoot) {
    const from = byId.get(root)?.parentId ?? '';
    byFork.set(from, [...(byFork.get(from) ?? []), branch]);
  }
  return byFork;
}

/** A branch that was left: named by its newest checkpoint. */
class BranchItem extends GroupItem {
  override contextValue = 'branch';

  constructor(branch: Checkpoint[], from: Checkpoint | undefined, rows: TreeItem[]) {
    const newest = branch.find(({ kind }) => kind !== 'safety') ?? (branch[0] as Checkpoint);
    super(checkpointName(newest), `branch/${branch.at(-1)!.id}`, rows, false);
    this.description = [l10n.t('other branch'), counted(branch.length, 'checkpoint')].join(' · ');
    this.tooltip = from ? l10n.t('Branched off from “{0}”', checkpointName(from)) : '';
    this.iconPath = new ThemeIcon('git-branch');
  }
}

function olderItem(): TreeItem {
  const item = new TreeItem(l10n.t('Older ones are in the time machine'));
  item.id = 'older';
  item.iconPath = new ThemeIcon('history');
  item.command = { title: l10n.t('Open Time Machine'), command: 'mazu.openTimeMachine' };
  return item;
}
