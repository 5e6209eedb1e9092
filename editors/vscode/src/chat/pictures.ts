import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { type ExtensionContext, Uri, workspace } from 'vscode';
import type { Chip } from './messages';

const KEPT_MS = 30 * 86_400_000;

/** Where pasted and dropped pictures are; the conversation has its own copy of what was sent. */
export const picturesFolder = ({ storageUri, globalStorageUri }: ExtensionContext): Uri =>
  Uri.joinPath(storageUri ?? globalStorageUri, 'images');

/** Writes a picture into a folder of its own, by its name; removes those that are long out of use. */
export async function keepPicture(context: ExtensionContext, name: string, base64: string): Promise<Chip> {
  const folder = picturesFolder(context);
  await removeOld(folder);
  const file = Uri.joinPath(folder, randomUUID(), path.extname(name) ? path.basename(name) : `${name}.png`);
  await workspace.fs.writeFile(file, Buffer.from(base64, 'base64'));
  return { id: file.toString(), kind: 'image', label: name, uri: file.toString() };
}

async function removeOld(folder: Uri): Promise<void> {
  const names = await workspace.fs.readDirectory(folder).then(
    (found) => found.map(([name]) => Uri.joinPath(folder, name)),
    () => [], // there is none yet
  );
  for (const old of names) {
    const { mtime } = await workspace.fs.stat(old);
    if (Date.now() - mtime > KEPT_MS) await workspace.fs.delete(old, { recursive: true });
  }
}
