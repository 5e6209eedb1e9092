import path from 'node:path';
import { applyPatch, parsePatch, reversePatch } from 'diff';
import { commands, Range as Selected, Uri, workspace } from 'vscode';
import type { App } from '../app';
import type { Range } from '../protocol';
import { projectFile } from '../chat/open';

/**
 * Shows a unified diff of one file in VS Code's diff editor. Where the file stands as the diff leaves it, or as it finds
 * it, both sides are whole; else each side is what the diff says of it.
 */
export async function showPatch({ preview }: App, file: string, patch: string, title: string): Promise<void> {
  const uri = await projectFile(file);
  const now = uri && (await textOf(uri));
  const { before, after } = sides(patch, now);
  const name = path.basename(file);
  await commands.executeCommand(
    'vscode.diff',
    preview.put(`before/${name}`, before),
    preview.put(`after/${name}`, after),
    title,
    { preview: true },
  );
}

/** Shows one hunk, which has no header, in its document: what stands there now, and what would. */
export async function showHunk(
  app: App,
  { uri, path: file, range, diff }: { uri: string; path: string; range: Range; diff: string },
  title: string,
): Promise<void> {
  const now = (await textOf(Uri.parse(uri))) ?? '';
  const lines = now.split('\n');
  const added = diff.split('\n').filter((line) => line.startsWith('+'));
  const end = range.end.line + (range.end.character > 0 ? 1 : 0);
  lines.splice(range.start.line, Math.max(0, end - range.start.line), ...added.map((line) => line.slice(1)));
  const name = path.basename(file);
  const [before, after] = [app.preview.put(`before/${name}`, now), app.preview.put(`after/${name}`, lines.join('\n'))];
  const { line } = range.start;
  const selection = new Selected(line, 0, line, 0);
  await commands.executeCommand('vscode.diff', before, after, title, { preview: true, selection });
}

export function sides(patch: string, now: string | undefined): { before: string; after: string } {
  const [parsed] = parsePatch(patch);
  if (!parsed) return { before: '', after: '' };
  if (now !== undefined) {
    const after = applyPatch(now, parsed);
    if (after !== false) return { before: now, after };
    const before = applyPatch(now, reversePatch(parsed));
    if (before !== false) return { before, after: now };
  }
  const side = (other: string) =>
    parsed.hunks
      .map(({ lines }) =>
        lines.filter((line) => !line.startsWith(other) && !line.startsWith('\\')).map((line) => line.slice(1)),
      )
      .map((lines) => `${lines.join('\n')}\n`)
      .join('\n⋯\n\n');
  return { before: side('+'), after: side('-') };
}

/** The text of a document as the editor has it, else as it is on disk. */
export async function textOf(uri: Uri): Promise<string | undefined> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return open.getText();
  try {
    return Buffer.from(await workspace.fs.readFile(uri)).toString('utf8');
  } catch {
    return undefined;
  }
}
