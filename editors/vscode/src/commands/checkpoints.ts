import { l10n, type QuickPickItem, QuickPickItemKind, window, workspace } from 'vscode';
import type { App } from '../app';
import { ago, checkpointChanges, checkpointName, KINDS, ownWork, rollbackChanges, takenByUndo } from '../describe';
import { showCheckpointChanges, showRollbackFile, showStepFile } from '../diffs/checkpoint';
import { UserError } from '../errors';
import { TIME_MACHINE, TimeMachine } from '../panels/timeMachine';
import type { Checkpoint, RollbackArgument, RollbackResult } from '../protocol';
import { CheckpointItem, StepFileItem, StepMemoryItem } from '../views/checkpointItems';
import { type Decision, reviewPlan } from './review';

/** Checkpoints: taken, compared, gone back to, and the way back from there. */
export function registerCheckpointCommands(app: App): void {
  app.command('mazu.openTimeMachine', () => new TimeMachine(app));
  app.context.subscriptions.push(
    window.registerWebviewPanelSerializer(TIME_MACHINE, {
      deserializeWebviewPanel: async (panel) => void new TimeMachine(app, panel),
    }),
  );
  app.command('mazu.createCheckpoint', () => createCheckpoint(app));
  app.command('mazu.rollBack', async (item, ended) => {
    const id = item instanceof CheckpointItem ? item.value.id : item;
    const whole = typeof ended === 'string' ? await findUndoOf(app, ended) : undefined;
    return rollBack(app, whole ?? (typeof id === 'string' && id ? id : undefined));
  });
  app.command('mazu.undoTurn', async (session) => {
    const argument = typeof session === 'string' ? { sessionId: session } : {};
    await tell(app, await app.wait(l10n.t('undoing the last turn…'), 'mazu.undo', argument));
  });
  const pin = (item: unknown, command: 'mazu.checkpoint.pin' | 'mazu.checkpoint.unpin') =>
    item instanceof CheckpointItem && app.server.execute(command, { id: item.value.id });
  app.command('mazu.pinCheckpoint', (item) => pin(item, 'mazu.checkpoint.pin'));
  app.command('mazu.unpinCheckpoint', (item) => pin(item, 'mazu.checkpoint.unpin'));
  app.command('mazu.branchFrom', (item) => item instanceof CheckpointItem && branchFrom(app, item.value));
  app.command(
    'mazu.showStepChange',
    (item) => item instanceof StepFileItem && showStepFile(app, item.checkpoint, item.path),
  );
  app.command(
    'mazu.restoreFile',
    (item) =>
      item instanceof StepFileItem &&
      rollBackTo(app, item.checkpoint.id, { only: ['code'], paths: [item.path] }, item.path),
  );
  app.command(
    'mazu.restoreMemory',
    (item) =>
      item instanceof StepMemoryItem &&
      rollBackTo(app, item.checkpoint.id, { only: ['memory'], memories: [item.memoryId] }, `“${item.label}”`),
  );
  app.command('mazu.showCheckpointDiff', async (item) => {
    if (item instanceof CheckpointItem) await showCheckpointChanges(app, item.value.id, 'now', l10n.t('since then'));
  });
}

async function findUndoOf({ server }: App, ended: string): Promise<string | undefined> {
  const { checkpoints } = await server.execute('mazu.checkpoint.list', { limit: 1000 });
  return takenByUndo(checkpoints, ended)?.id;
}

/** A new conversation that goes on from where a checkpoint was taken: with the turn of a step. The old one stays. */
export async function branchFrom({ server, chats }: App, checkpoint: Checkpoint): Promise<void> {
  const { sessionId, turnId, kind } = checkpoint;
  if (!sessionId) {
    throw new UserError(l10n.t('no conversation led to this checkpoint, so none can branch from it.'));
  }
  const where = turnId ? { turnId, withTurn: kind !== 'baseline' } : {};
  const { id } = await server.execute('mazu.session.fork', { sessionId, ...where });
  await chats.show(id);
  const done = l10n.t('Mazu: a new conversation continues from “{0}”; the files stay.', checkpointName(checkpoint));
  window.setStatusBarMessage(done, 10_000);
}

async function createCheckpoint({ server }: App): Promise<void> {
  // Nobody is asked for the name of what cannot be: without a folder the server says what to do.
  const label = workspace.workspaceFolders?.length
    ? await window.showInputBox({
        title: l10n.t('Mazu: create checkpoint'),
        prompt: l10n.t('Label (optional)'),
        ignoreFocusOut: true,
      })
    : '';
  if (label === undefined) return;
  const checkpoint = await server.execute('mazu.checkpoint', label.trim() ? { label: label.trim() } : {});
  window.setStatusBarMessage(`Mazu: ${checkpointName(checkpoint)} (${checkpointChanges(checkpoint)})`, 6000);
}

async function rollBack(app: App, given: string | undefined): Promise<void> {
  const id = given ?? (await pickCheckpoint(app));
  if (id) await rollBackTo(app, id);
}

type Part = Pick<RollbackArgument, 'only' | 'paths' | 'memories'>;

/** Shows what going back to a checkpoint, or a part of it that `name` says, would do; then does what was decided. */
export async function rollBackTo(app: App, id: string, part: Part = {}, name = ''): Promise<void> {
  const preview = await app.server.execute('mazu.rollback', { id, ...part, preview: true });
  const decision = await reviewPlan(preview, (path) => showRollbackFile(app, id, path), name);
  if (decision) await apply(app, id, { ...decision, ...part });
}

async function apply(app: App, id: string, decision: Decision & Part): Promise<void> {
  await tell(app, await app.wait(l10n.t('rolling back…'), 'mazu.rollback', { id, ...decision }));
}

interface CheckpointPick extends QuickPickItem {
  id?: string;
}

async function pickCheckpoint({ server }: App): Promise<string | undefined> {
  const { checkpoints, current } = await server.execute('mazu.checkpoint.list', { limit: 200 });
  if (!checkpoints.length) {
    throw new UserError(
      l10n.t('there is no checkpoint yet.'),
      l10n.t('One is taken after each step that changes something.'),
      [{ title: l10n.t('Create Checkpoint'), command: 'mazu.createCheckpoint' }],
    );
  }
  const items = checkpoints.map((checkpoint): CheckpointPick => ({
    id: checkpoint.id,
    label: checkpointName(checkpoint),
    description: [KINDS[checkpoint.kind], ago(checkpoint.createdAt), checkpoint.id === current ? l10n.t('current') : '']
      .filter(Boolean)
      .join(' · '),
    detail: checkpointChanges(checkpoint),
  }));
  const heading: CheckpointPick = { label: l10n.t('newest first'), kind: QuickPickItemKind.Separator };
  const chosen = await window.showQuickPick([heading, ...items], {
    title: l10n.t('Mazu: roll back to which checkpoint?'),
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  return chosen?.id;
}

/** Says what was really done, and offers the way back. */
async function tell(app: App, result: RollbackResult): Promise<void> {
  const { safety, applied, verified, problems } = result;
  const undo = l10n.t('Undo');
  const buttons = safety && applied ? [undo] : [];
  const whole = applied && verified && !problems.length;
  const show = whole ? window.showInformationMessage : window.showWarningMessage;
  const chosen = await show(`Mazu: ${outcome(result)}.`, ...buttons);
  if (chosen === undo && safety) await apply(app, safety.id, {});
}

function outcome({ checkpoint, plan, applied, verified, problems }: RollbackResult): string {
  const reasons = [...problems, ...plan.conflicts].map(({ path, reason }) => `${path}: ${reason}`).join('; ');
  if (!applied) return [l10n.t('nothing was rolled back'), reasons && `(${reasons})`].filter(Boolean).join(' ');
  const done = l10n.t('rolled back to “{0}”: {1}', checkpointName(checkpoint), rollbackChanges(plan));
  if (problems.length) return l10n.t('{0}, but not everything came back: {1}', done, reasons);
  return [verified ? done : l10n.t('{0}, but that could not be verified', done), ownWork(plan)]
    .filter(Boolean)
    .join('; ');
}
