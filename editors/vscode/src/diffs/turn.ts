import path from 'node:path';
import { commands, Uri, l10n } from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';
import { showPatch, textOf } from './patch';

/** The changes of one turn in VS Code's own list of diffs. */
export async function showTurnChanges(
  app: App,
  sessionId: string,
  turnId: string,
  diffs: { path: string; diff: string }[],
): Promise<void> {
  const { server, preview } = app;
  if (!server.offers('mazu.turn.changes')) return showCalls(app, diffs);
  const { files, before, after } = await server.execute('mazu.turn.changes', { sessionId, turnId });
  if (!files.length) throw new UserError(l10n.t('that turn changed no file.'));
  app.turnMarks.show({ sessionId, turnId, files });
  const asOf = async (checkpoint: string | null, file: string, name: string): Promise<[Uri | undefined, string]> => {
    if (checkpoint === null) return [undefined, ''];
    const { text } = await server.execute('mazu.checkpoint.file', { id: checkpoint, path: file });
    return [preview.put(`${turnId}/${name}/${file}`, text ?? ''), text ?? ''];
  };
  const sides = async ({ path: file, uri, status }: (typeof files)[number]) => {
    const here = Uri.parse(uri);
    const [left] = status === 'added' ? [undefined] : await asOf(before, file, 'before');
    const [then, text] = status === 'deleted' ? [undefined, ''] : await asOf(after, file, 'after');
    // Where the file still stands as the turn left it, it is the file itself, in which changes can be undone.
    const right = status !== 'deleted' && (after === null || (await textOf(here)) === text) ? here : then;
    return [here, left, right] as const;
  };
  const rows = await Promise.all(files.map(sides));
  const [[, left, right] = []] = rows;
  const title =
    files.length === 1 ? l10n.t('{0}: this turn', path.basename(files[0]!.path)) : l10n.t('Changes of this turn');
  if (rows.length === 1 && left && right) await commands.executeCommand('vscode.diff', left, right, title);
  else await commands.executeCommand('vscode.changes', title, rows);
}

/** What the calls of the turn changed, where the server does not sum them up. */
async function showCalls(app: App, diffs: { path: string; diff: string }[]): Promise<void> {
  const [only] = diffs;
  if (!only)
    throw new UserError(l10n.t('that turn changed no file by an edit.'), l10n.t('A command did; see the checkpoints.'));
  if (diffs.length === 1) return showPatch(app, only.path, only.diff, l10n.t('{0}: this turn', only.path));
  await app.preview.diff(l10n.t('changes of this turn'), diffs.map(({ diff }) => diff).join('\n'));
  return undefined;
}
