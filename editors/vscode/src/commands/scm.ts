import { extensions, l10n, ProgressLocation, type SourceControl, type Uri, window } from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';

const MOST_CHARACTERS = 60_000;
const QUESTION =
  'Write the commit message for this diff: a subject of at most 60 characters in the imperative, an empty line, then why in a few lines. Answer with the message alone, without a code fence.';
/** Of VS Code's git extension: a file that git does not know yet. */
const UNTRACKED = 7;

interface Repository {
  rootUri: Uri;
  inputBox: { value: string };
  state: { workingTreeChanges: { uri: Uri; status: number }[]; untrackedChanges?: { uri: Uri }[] };
  diff(cached?: boolean): Promise<string>;
}

interface GitExtension {
  getAPI(version: 1): { repositories: Repository[] };
}

/** What concerns VS Code's source control and terminal. */
export function registerScmCommands(app: App): void {
  app.command('mazu.writeCommitMessage', (source) => writeCommitMessage(app, source as SourceControl | undefined));
  app.command('mazu.addTerminal', async () => {
    const name = window.activeTerminal?.name;
    const chat = await app.chats.show();
    if (name) chat.add([{ id: 'terminal', kind: 'terminal', label: l10n.t('terminal: {0}', name) }]);
  });
}

/** Puts a message for what is staged, else for what is changed, into the box of source control. */
async function writeCommitMessage({ server }: App, source: SourceControl | undefined): Promise<void> {
  const git = await extensions.getExtension<GitExtension>('vscode.git')?.activate();
  const repositories = git?.getAPI(1).repositories ?? [];
  const root = source?.rootUri?.toString();
  const repository = repositories.find(({ rootUri }) => rootUri.toString() === root) ?? repositories[0];
  if (!repository) throw new UserError(l10n.t('there is no git repository in this window.'));
  const diff = (await repository.diff(true)) || (await workingTree(repository));
  if (!diff) throw new UserError(l10n.t('there is nothing to commit.'));
  const question = `${QUESTION}\n\n${diff.slice(0, MOST_CHARACTERS)}`;
  const { reply } = await window.withProgress({ location: ProgressLocation.SourceControl }, () =>
    server.execute('mazu.ask', { question, wait: true }),
  );
  repository.inputBox.value = reply.trim();
}

/** What is changed but not staged, new files by their names. */
async function workingTree(repository: Repository): Promise<string> {
  const { workingTreeChanges, untrackedChanges = [] } = repository.state;
  const untracked = [...untrackedChanges, ...workingTreeChanges.filter(({ status }) => status === UNTRACKED)];
  const root = repository.rootUri.path;
  const names = untracked.map(({ uri }) => `New file: ${uri.path.replace(`${root}/`, '')}`);
  return [await repository.diff(), ...names].filter(Boolean).join('\n');
}
