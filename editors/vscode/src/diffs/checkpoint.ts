import path from 'node:path';
import { commands, l10n, Uri, ViewColumn, workspace } from 'vscode';
import type { App } from '../app';
import { projectFile } from '../chat/open';
import { checkpointName } from '../describe';
import type { Checkpoint, CheckpointDiff } from '../protocol';

type ChangedFile = CheckpointDiff['files'][number];
type Side = Uri | undefined;

/** What changed since a checkpoint, up to now or to another one, in VS Code's own diff editors. */
export async function showCheckpointChanges(app: App, from: string, to: string, title: string): Promise<void> {
  const { files } = await app.server.execute('mazu.checkpoint.diff', { id: from, against: to });
  await showFiles(app, files, from, to, title);
}

/** What a step changed in one file. */
export async function showStepFile(app: App, checkpoint: Checkpoint, file: string): Promise<void> {
  const { id, parentId } = checkpoint;
  if (!parentId) return showFileThen(app, id, file, checkpointName(checkpoint));
  const against = { id: parentId, against: id, paths: [file] };
  const { files } = await app.server.execute('mazu.checkpoint.diff', against);
  await showFiles(app, files, parentId, id, l10n.t('this step'));
}

/** A file as it was at a checkpoint. */
export async function showFileThen(app: App, id: string, file: string, when: string): Promise<void> {
  const options = { preview: true, viewColumn: ViewColumn.Beside };
  const title = l10n.t('{0} at “{1}”', path.basename(file), when);
  await commands.executeCommand('vscode.open', asOf(app, id, file), options, title);
}

/** What going back to a checkpoint would change in one file: as it is now, and as it would be. */
export async function showRollbackFile(app: App, id: string, file: string): Promise<void> {
  const now = await projectFile(file);
  const then = asOf(app, id, file);
  const nothing = app.preview.put(`nothing/${path.basename(file)}`, '');
  await commands.executeCommand(
    'vscode.diff',
    now ?? nothing,
    then,
    l10n.t('{0}: now ↔ after the roll back', path.basename(file)),
    { preview: true },
  );
}

async function showFiles(app: App, files: ChangedFile[], from: string, to: string, title: string): Promise<void> {
  const rows = await Promise.all(
    files.map(async ({ path: file, status }): Promise<[Uri, Side, Side]> => {
      const left = status === 'added' ? undefined : asOf(app, from, file);
      const now = to === 'now' ? await projectFile(file) : asOf(app, to, file);
      const right = status === 'deleted' ? undefined : now;
      return [placeOf(file), left, right];
    }),
  );
  const [[, left, right] = []] = rows;
  if (rows.length === 1 && left && right) {
    await commands.executeCommand('vscode.diff', left, right, `${files[0]!.path}: ${title}`, { preview: true });
  } else if (rows.length) await commands.executeCommand('vscode.changes', title, rows);
  else await app.preview.plain(title, l10n.t('No file differs.\n'));
}

/** A file as a checkpoint has it; its text is asked for when it is looked at. */
function asOf({ server, preview }: App, id: string, file: string): Uri {
  return preview.later(`${id}/${file}`, async () => {
    const { text, binary } = await server.execute('mazu.checkpoint.file', { id, path: file });
    return binary ? l10n.t('(a binary file)') : (text ?? '');
  });
}

const placeOf = (file: string): Uri =>
  Uri.joinPath(workspace.workspaceFolders?.[0]?.uri ?? Uri.from({ scheme: 'file', path: '/' }), file);
