import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';
import { env, type LogOutputChannel, workspace, l10n } from 'vscode';
import { type Action, UserError } from './errors';
import { isExecutable, onPath } from './programs';

export interface ServerCommand {
  command: string;
  args: string[];
}

/** The setting holds for the machine: in a remote window it is set there. */
const openSetting = (): Action => ({
  title: l10n.t('Open Setting'),
  command: env.remoteName ? 'workbench.action.openRemoteSettings' : 'workbench.action.openSettings',
  arguments: env.remoteName ? [{ query: 'mazu.server.command' }] : ['mazu.server.command'],
});
const INSTALL: Action = { title: l10n.t('Install'), command: 'mazu.installServer' };
const REOPEN_IN_WSL: Action = { title: l10n.t('Reopen in WSL'), command: 'remote-wsl.reopenInWSL' };
const GET_WSL: Action = {
  title: l10n.t('Get the WSL Extension'),
  command: 'workbench.extensions.search',
  arguments: ['@id:ms-vscode-remote.remote-wsl'],
};
const RETRY: Action = { title: l10n.t('Try Again'), command: 'mazu.restartServer' };

/** The server's command line: the setting, else `mazu-ls` on the PATH, else a Python that has the package. */
export async function findServer(log: LogOutputChannel): Promise<ServerCommand> {
  if (process.platform === 'win32')
    throw new UserError(
      l10n.t('mazu-ls does not run on Windows itself.'),
      l10n.t('Open the folder in WSL (Windows Subsystem for Linux) and install it there.'),
      [REOPEN_IN_WSL, GET_WSL],
    );
  const settings = workspace.getConfiguration('mazu.server');
  const configured = settings.get('command', '').trim();
  const args = settings.get<string[]>('args', []);
  if (configured) return { command: await configuredProgram(configured), args };
  const program = await onPath('mazu-ls');
  if (program) return { command: program, args };
  for (const python of await pythons()) {
    if (await hasServer(python, log)) return { command: python, args: ['-P', '-m', 'mazu_ls', ...args] };
  }
  throw new UserError(
    l10n.t('the server mazu-ls was not found.'),
    l10n.t(
      'Install it here, or with "pipx install ." in a clone of mazu-ls (Python 3.11 or newer), or name it in the setting mazu.server.command.',
    ),
    [INSTALL, openSetting(), RETRY],
  );
}

async function configuredProgram(configured: string): Promise<string> {
  const expanded = configured.replace(/^~(?=[/\\])/, homedir());
  const isPath = /[/\\]/.test(expanded);
  const program = isPath ? ((await isExecutable(expanded)) ? expanded : undefined) : await onPath(expanded);
  if (program) return program;
  throw new UserError(
    isPath
      ? l10n.t('the setting mazu.server.command names "{0}", which is not a program on this machine.', configured)
      : l10n.t('the setting mazu.server.command names "{0}", which is not a program on the PATH.', configured),
    l10n.t('Correct it, or clear it to have the server found.'),
    [openSetting(), RETRY],
  );
}

export async function pythons(): Promise<string[]> {
  const preferred = workspace.getConfiguration('python').get<string>('defaultInterpreterPath');
  const found = preferred && path.isAbsolute(preferred) && (await isExecutable(preferred)) ? [preferred] : [];
  for (const name of ['python3', 'python']) {
    const program = await onPath(name);
    if (program) found.push(program);
  }
  return found;
}

/** `-P` keeps the project's own folder out of the module path; it needs Python 3.11, as the server does. */
function hasServer(python: string, log: LogOutputChannel): Promise<boolean> {
  const probe = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("mazu_ls") is None)';
  return new Promise((resolve) => {
    execFile(python, ['-P', '-c', probe], { timeout: 20_000 }, (error) => {
      log.debug(`${python} ${error ? 'has no mazu_ls' : 'has mazu_ls'}`);
      resolve(!error);
    });
  });
}
