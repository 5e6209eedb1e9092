import { commands, extensions, window, l10n } from 'vscode';
import type { App } from '../app';
import type { AttachedText, Attachment } from '../protocol';
import type { ChatController } from './controller';
import type { Chip } from './messages';

const MOST_CHARACTERS = 40_000;

export interface Composed {
  message: string;
  attachments?: Attachment[];
  texts?: AttachedText[];
}

/** A message with what goes along: documents, and texts that are none, which are not the user's own words. */
export async function composed({ terminalOutput }: App, text: string, chips: readonly Chip[]): Promise<Composed> {
  const attachments: Attachment[] = [];
  const texts: AttachedText[] = [];
  const parts = [text];
  for (const chip of chips) {
    if (chip.kind === 'folder') parts.push(`(About the folder ${chip.label}/.)`);
    else if (chip.uri) attachments.push({ uri: chip.uri, ...(chip.range ? { range: chip.range } : {}) });
    else {
      const content = chip.text ?? (chip.kind === 'changes' ? await changes() : await terminalOutput.text());
      if (content) texts.push({ name: chip.label, text: content.slice(0, MOST_CHARACTERS) });
    }
  }
  return {
    message: parts.filter(Boolean).join('\n\n') || l10n.t('Look at what is attached.'),
    ...(attachments.length ? { attachments } : {}),
    ...(texts.length ? { texts } : {}),
  };
}

interface GitExtension {
  getAPI(version: 1): { repositories: { diff(cached?: boolean): Promise<string> }[] };
}

/** What is not committed, from VS Code's own git. */
async function changes(): Promise<string> {
  const git = await extensions.getExtension<GitExtension>('vscode.git')?.activate();
  const [repository] = git?.getAPI(1).repositories ?? [];
  if (!repository) return '';
  return `${await repository.diff(true)}${await repository.diff()}`;
}

/** Runs `/command rest`; false where it is none, so that it is said to the model. */
export async function slashCommand(app: App, controller: ChatController, text: string): Promise<boolean> {
  const [, name, rest = ''] = /^\/(\w+)\s*([^]*)$/.exec(text) ?? [];
  const { server } = app;
  const session = controller.sessionId ? { sessionId: controller.sessionId } : {};
  switch (name) {
    case 'new':
      await controller.show(null);
      return true;
    case 'undo':
      await commands.executeCommand('mazu.undoTurn', controller.sessionId);
      return true;
    case 'rewind':
      await server.execute('mazu.session.rewind', session);
      return true;
    case 'compact':
      await server.execute('mazu.session.compact', { ...session, wait: true });
      return true;
    case 'checkpoint':
      await server.execute('mazu.checkpoint', rest ? { label: rest } : {});
      controller.post({ type: 'notice', level: 'info', text: l10n.t('Checkpoint taken.') });
      return true;
    case 'rollback':
      await commands.executeCommand('mazu.rollBack');
      return true;
    case 'recall':
      await commands.executeCommand('mazu.recallMemory', rest);
      return true;
    case 'council':
      await commands.executeCommand('mazu.askCouncil', rest);
      return true;
    case 'remember': {
      const title =
        rest || (await window.showInputBox({ title: l10n.t('Mazu: remember'), prompt: l10n.t('In one sentence') }));
      if (!title) return true;
      const { memory } = await server.execute('mazu.remember', { title });
      controller.post({ type: 'notice', level: 'info', text: l10n.t('Remembered: {0}', memory.title) });
      return true;
    }
    default:
      return false;
  }
}
