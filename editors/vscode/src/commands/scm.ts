import { extensions, ProgressLocation, window } from 'vscode';
import type { App } from '../app';
import { UserError } from '../errors';

const MOST_CHARACTERS = 60_000;
const QUESTION =
  'Write the commit message for this diff: a subject of at most 60 characters in the imperative, an empty line, then why in a few lines. Answer with the message alone, without a code fence.';

interface Repository {
  inputBox: { value: string };
  diff(cached?: boolean): Promise<string>;
}

interface GitExtension {
  getAPI(version: 1): { repositories: Repository[] };
}

/** What concerns VS Code's source control and terminal. */
export function registerScmCommands(app: App): void {
  app.command('mazu.writeCommitMessage', () => writeCommitMessage(app));
  app.command('mazu.addTerminal', async () => {
    const name = window.activeTerminal?.name;
    const chat = await app.chats.show();
    if (name) chat.add([{ id: 'terminal', kind: 'terminal', label: `terminal: ${name}` }]);
  });
}

/** Puts a message for what is staged, else for what is changed, into the box of source control. */
async function writeCommitMessage({ server }: App): Promise<void> {
  const git = await extensions.getExtension<GitExtension>('vscode.git')?.activate();
  const [repository] = git?.getAPI(1).repositories ?? [];
  if (!repository) throw new UserError('there is no git repository in this window.');
  const diff = (await repository.diff(true)) || (await repository.diff());
  if (!diff) throw new UserError('there is nothing to commit.');
  const question = `${QUESTION}\n\n${diff.slice(0, MOST_CHARACTERS)}`;
  const { reply } = await window.withProgress({ location: ProgressLocation.SourceControl }, () =>
    server.execute('mazu.ask', { question, wait: true }),
  );
  repository.inputBox.value = reply.trim();
}
