import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationTarget, ProgressLocation, Uri, window, workspace, l10n } from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';
import { pythons } from '../find';
import { onPath } from '../programs';

const MINUTES = 10;

interface Way {
  label: string;
  detail: string;
  run(): Promise<string>;
}

/** Installs the server: by uv or pipx where they are, else into an environment of the extension's own. */
export async function installServer(app: App): Promise<void> {
  const ways = await availableWays(app);
  if (!ways.length) {
    throw new UserError(
      l10n.t('Python 3.11 or newer was not found.'),
      l10n.t('Install it from python.org or your package manager, then try again.'),
    );
  }
  const way =
    ways.length === 1
      ? ways[0]
      : await window.showQuickPick(ways, { title: l10n.t('Mazu: install the server'), placeHolder: l10n.t('How?') });
  if (!way) return;
  const options = {
    location: ProgressLocation.Notification,
    title: l10n.t('Mazu: installing the server ({0})…', way.label),
  };
  const command = await window.withProgress(options, () => way.run());
  if (command) await workspace.getConfiguration('mazu.server').update('command', command, ConfigurationTarget.Global);
  await app.server.restart();
}

async function availableWays(app: App): Promise<Way[]> {
  const source = await wheelBeside(app);
  const [uv, pipx] = await Promise.all([onPath('uv'), onPath('pipx')]);
  const ways: Way[] = [];
  if (uv)
    ways.push({
      label: 'uv',
      detail: l10n.t('uv tool install {0}', source),
      run: async () => run(app, uv, ['tool', 'install', '--force', source]),
    });
  if (pipx)
    ways.push({
      label: 'pipx',
      detail: l10n.t('pipx install {0}', source),
      run: async () => run(app, pipx, ['install', '--force', source]),
    });
  for (const python of await pythons()) {
    if (!(await isNewEnough(python))) continue;
    const detail = l10n.t('A virtual environment in the storage of this extension; nothing else is changed');
    ways.push({ label: l10n.t('Python environment'), detail, run: () => intoStorage(app, python, source) });
    break;
  }
  return ways;
}

/** The wheel that lies beside the .vsix' files, else the name on PyPI. */
async function wheelBeside({ context }: App): Promise<string> {
  const names = await readdir(context.extensionPath).catch(() => []);
  const wheel = names.find((name) => /^mazu_ls-.*\.whl$/.test(name));
  return wheel ? path.join(context.extensionPath, wheel) : 'mazu-ls';
}

async function intoStorage(app: App, python: string, source: string): Promise<string> {
  const folder = Uri.joinPath(app.context.globalStorageUri, 'server').fsPath;
  const bin = path.join(folder, process.platform === 'win32' ? 'Scripts' : 'bin');
  await workspace.fs.createDirectory(app.context.globalStorageUri);
  await run(app, python, ['-m', 'venv', '--clear', folder]);
  await run(app, path.join(bin, 'python'), ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', source]);
  return path.join(bin, process.platform === 'win32' ? 'mazu-ls.exe' : 'mazu-ls');
}

function run({ log }: App, program: string, args: string[]): Promise<string> {
  log.info(`${program} ${args.join(' ')}`);
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: MINUTES * 60_000 }, (error, stdout, stderr) => {
      if (stdout.trim()) log.info(stdout.trim());
      if (stderr.trim()) log.info(stderr.trim());
      if (!error) resolve('');
      else
        reject(
          new UserError(
            l10n.t('the server could not be installed.'),
            stderr.trim().split('\n').at(-1) || l10n.t('See the log.'),
          ),
        );
    });
  });
}

function isNewEnough(python: string): Promise<boolean> {
  const probe = 'import sys; sys.exit(sys.version_info < (3, 11))';
  return new Promise((resolve) => {
    execFile(python, ['-c', probe], { timeout: 20_000 }, (error) => resolve(!error));
  });
}
