import { commands, env, Range, Uri, window, workspace, l10n } from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';
import { picturesFolder } from './pictures';

/** Opens a file of the project by its path, which may be relative to a folder of the workspace. */
export async function openProjectFile(path: string, line?: number): Promise<void> {
  const uri = await projectFile(relative(path));
  if (!uri) throw new UserError(l10n.t('there is no file {0} in this workspace.', path));
  if (await isFolder(uri)) {
    await commands.executeCommand('revealInExplorer', uri);
    return;
  }
  const selection = line === undefined ? {} : { selection: new Range(line, 0, line, 0) };
  // Where it is in sight already it is shown there, not once more beside.
  const shown = window.visibleTextEditors.find(
    ({ document }) => document.uri.toString() === uri.toString(),
  )?.viewColumn;
  await window.showTextDocument(uri, { preview: true, ...selection, ...(shown ? { viewColumn: shown } : {}) });
}

/** Opens a file that may be outside of the project, and keeps it open beside others; a folder is shown in the explorer. */
export async function openFile(uri: Uri): Promise<void> {
  if (await isFolder(uri)) await commands.executeCommand('revealInExplorer', uri);
  else await commands.executeCommand('vscode.open', uri, { preview: false });
}

/** Opens what was attached to a message: a file of the project, or a picture that was pasted. */
export async function openAttached({ context }: App, path: string, line?: number): Promise<void> {
  const isPicture = path.startsWith(`${picturesFolder(context).path}/`);
  if (isPicture) await commands.executeCommand('vscode.open', Uri.file(path));
  else await openProjectFile(path, line);
}

export async function projectFile(path: string): Promise<Uri | undefined> {
  for (const { uri, name } of workspace.workspaceFolders ?? []) {
    const inner = path.startsWith(`${name}/`) ? [path, path.slice(name.length + 1)] : [path];
    for (const candidate of inner) {
      const found = Uri.joinPath(uri, candidate);
      if (found.path.startsWith(`${uri.path}/`) && (await exists(found))) return found;
    }
  }
  return undefined;
}

/** A link in what the model wrote: a web page after VS Code's own question, a file of the project, nothing else. */
export async function openLink(href: string): Promise<void> {
  if (/^(https?|mailto):/i.test(href)) {
    await env.openExternal(Uri.parse(href));
    return;
  }
  const [path = '', place = ''] = decodeURIComponent(href.replace(/^file:\/\//, '').replace(/^\.\//, '')).split('#');
  const line = /^L?(\d+)/.exec(place)?.[1] ?? /:(\d+)(?::\d+)?$/.exec(path)?.[1];
  const bare = path.replace(/:\d+(:\d+)?$/, '');
  await openProjectFile(bare, line === undefined ? undefined : Number(line) - 1);
}

/** A path of the project that was written as a whole one. */
function relative(path: string): string {
  const folder = workspace.workspaceFolders?.find(({ uri }) => path.startsWith(`${uri.path}/`));
  return folder ? path.slice(folder.uri.path.length + 1) : path;
}

const exists = async (uri: Uri): Promise<boolean> =>
  workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );

const isFolder = async (uri: Uri): Promise<boolean> => ((await workspace.fs.stat(uri)).type & 2) !== 0;
