import { type QuickPickItem, QuickPickItemKind, window } from 'vscode';
import type { App } from '../app';
import { ago, checkpointChanges, checkpointName, counted } from '../describe';
import { UserError } from '../errors';
import type { RollbackResult } from '../protocol';
import { CheckpointItem } from '../views/items';
import { type Decision, reviewPlan } from './review';

/** Checkpoints: taken, compared, gone back to, and the way back from there. */
export function registerCheckpointCommands(app: App): void {
  app.command('mazu.createCheckpoint', () => createCheckpoint(app));
  app.command('mazu.rollBack', (item) => rollBack(app, item instanceof CheckpointItem ? item.value.id : undefined));
  app.command('mazu.undoTurn', async (session) => {
    const argument = typeof session === 'string' ? { sessionId: session } : {};
    await tell(app, await app.wait('undoing the last turn…', 'mazu.undo', argument));
  });
  app.command('mazu.showCheckpointDiff', async (item) => {
    if (item instanceof CheckpointItem) await showDiff(app, item.value.id);
  });
}

async function createCheckpoint({ server }: App): Promise<void> {
  const label = await window.showInputBox({
    title: 'Mazu: create checkpoint',
    prompt: 'A name for it, or nothing',
    ignoreFocusOut: true,
  });
  if (label === undefined) return;
  const checkpoint = await server.execute('mazu.checkpoint', label.trim() ? { label: label.trim() } : {});
  window.setStatusBarMessage(`Mazu: ${checkpointName(checkpoint)} (${checkpointChanges(checkpoint)})`, 6000);
}

async function rollBack(app: App, given: string | undefined): Promise<void> {
  const id = given ?? (await pickCheckpoint(app));
  if (!id) return;
  const preview = await app.server.execute('mazu.rollback', { id, preview: true });
  const decision = await reviewPlan(preview, (path) => showDiff(app, id, path));
  if (decision) await apply(app, id, decision);
}

async function apply(app: App, id: string, decision: Decision): Promise<void> {
  await tell(app, await app.wait(`rolling back to ${id}…`, 'mazu.rollback', { id, ...decision }));
}

interface CheckpointPick extends QuickPickItem {
  id?: string;
}

async function pickCheckpoint({ server }: App): Promise<string | undefined> {
  const { checkpoints, current } = await server.execute('mazu.checkpoint.list', { limit: 200 });
  if (!checkpoints.length) {
    throw new UserError('there is no checkpoint yet.', 'One is taken after each step that changes something.', [
      { title: 'Create Checkpoint', command: 'mazu.createCheckpoint' },
    ]);
  }
  const items = checkpoints.map((checkpoint): CheckpointPick => ({
    id: checkpoint.id,
    label: checkpointName(checkpoint),
    description: [checkpoint.kind, ago(checkpoint.createdAt), checkpoint.id === current ? 'current' : '']
      .filter(Boolean)
      .join(' · '),
    detail: checkpointChanges(checkpoint),
  }));
  const heading: CheckpointPick = { label: 'newest first', kind: QuickPickItemKind.Separator };
  const chosen = await window.showQuickPick([heading, ...items], {
    title: 'Mazu: roll back to which checkpoint?',
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  return chosen?.id;
}

async function showDiff({ server, preview }: App, id: string, path?: string): Promise<void> {
  const { patch } = await server.execute('mazu.checkpoint.diff', {
    id,
    against: 'now',
    ...(path ? { paths: [path] } : {}),
  });
  await preview.diff(`${id} to now${path ? ` ${path}` : ''}`, patch);
}

/** Says what was really done, and offers the way back. */
async function tell(app: App, result: RollbackResult): Promise<void> {
  const { safety, applied, verified, problems } = result;
  const undo = 'Undo';
  const buttons = safety && applied ? [undo] : [];
  const whole = applied && verified && !problems.length;
  const show = whole ? window.showInformationMessage : window.showWarningMessage;
  const chosen = await show(`Mazu: ${outcome(result)}.`, ...buttons);
  if (chosen === undo && safety) await apply(app, safety.id, { onConflict: 'overwrite' });
}

function outcome({ checkpoint, plan, applied, verified, problems }: RollbackResult): string {
  const reasons = [...problems, ...plan.conflicts].map(({ path, reason }) => `${path}: ${reason}`).join('; ');
  if (!applied) return `nothing was rolled back${reasons && ` (${reasons})`}`;
  const files = counted(plan.write.length + plan.delete.length, 'file');
  const done = `rolled back to ${checkpointName(checkpoint)}: ${files}, ${counted(plan.buffers.length, 'buffer')}`;
  if (problems.length) return `${done}, but not everything came back: ${reasons}`;
  return verified ? done : `${done}, but that could not be verified`;
}
