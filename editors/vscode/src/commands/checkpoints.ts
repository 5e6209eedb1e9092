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
  app.command('mazu.undoTurn', async () => tell(app, await app.wait('undoing the last turn…', 'mazu.undo', {})));
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

async function apply(app: App, id: string, onConflict: Decision): Promise<void> {
  await tell(app, await app.wait(`rolling back to ${id}…`, 'mazu.rollback', { id, onConflict }));
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
  const items = checkpoints.map(
    (checkpoint): CheckpointPick => ({
      id: checkpoint.id,
      label: checkpointName(checkpoint),
      description: [checkpoint.kind, ago(checkpoint.createdAt), checkpoint.id === current ? 'current' : '']
        .filter(Boolean)
        .join(' · '),
      detail: checkpointChanges(checkpoint),
    }),
  );
  const heading: CheckpointPick = { label: 'newest first', kind: QuickPickItemKind.Separator };
  const chosen = await window.showQuickPick([heading, ...items], {
    title: 'Mazu: roll back to which checkpoint?',
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  return chosen?.id;
}

async function showDiff({ server, preview }: App, id: string, path?: string): Promise<void> {
  const { patch } = await server.execute('mazu.checkpoint.diff', { id, against: 'now', ...(path ? { paths: [path] } : {}) });
  await preview.diff(`${id} to now${path ? ` ${path}` : ''}`, patch);
}

/** Says what was really done, and offers the way back. */
async function tell(app: App, result: RollbackResult): Promise<void> {
  const { safety, checkpoint, applied, verified, plan, problems } = result;
  const undo = 'Undo';
  const buttons = safety ? [undo] : [];
  const files = plan.write.length + plan.delete.length;
  const where = `${checkpointName(checkpoint)}: ${counted(files, 'file')}, ${counted(plan.buffers.length, 'buffer')}`;
  const show = applied && verified && !problems.length ? window.showInformationMessage : window.showWarningMessage;
  const said = !applied
    ? 'nothing was rolled back'
    : verified && !problems.length
      ? `rolled back to ${where}`
      : `rolled back to ${where}, but not everything came back: ${problems.map(problemText).join('; ') || 'not verified'}`;
  if ((await show(`Mazu: ${said}.`, ...buttons)) === undo && safety) await apply(app, safety.id, 'overwrite');
}

const problemText = (problem: unknown): string =>
  typeof problem === 'string' ? problem : Object.values(problem as object).join(': ');
