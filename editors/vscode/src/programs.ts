import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/** A program on the PATH, or where uv and pipx put programs, which a PATH from before they were installed lacks. */
export async function onPath(name: string): Promise<string | undefined> {
  const suffixes = process.platform === 'win32' ? (process.env['PATHEXT'] ?? '.EXE').split(';') : [''];
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), path.join(homedir(), '.local', 'bin')];
  for (const folder of folders) {
    if (!path.isAbsolute(folder)) continue; // a relative entry would be a folder of the project
    for (const suffix of suffixes) {
      const candidate = path.join(folder, name + suffix);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return undefined;
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
