import { l10n, type QuickPickItem, ThemeIcon, window } from 'vscode';
import type { App } from '../app';
import { ago, counted, isChat } from '../describe';
import { report } from '../errors';
import type { Session } from '../protocol';
import { SessionItem } from '../views/items';

const DELAY_MS = 150;

interface SessionPick extends QuickPickItem {
  sessionId: string;
}

/** The conversations: found, opened, renamed, deleted. */
export function registerSessionCommands(app: App): void {
  const idOf = (item: unknown) =>
    item instanceof SessionItem ? item.value.id : typeof item === 'string' ? item : undefined;
  app.command('mazu.showHistory', () => showHistory(app));
  app.command('mazu.openSession', (item) => app.chats.show(idOf(item)));
  app.command('mazu.renameSession', (item) => item instanceof SessionItem && rename(app, item.value));
  app.command('mazu.deleteSession', (item) => item instanceof SessionItem && deleteSession(app, item.value));
  app.command('mazu.restoreSession', () => restoreSession(app));
}

/** Every conversation, newest first; what is typed is looked for in what was said. */
async function showHistory({ server, chats }: App): Promise<void> {
  const { sessions } = await server.execute('mazu.session.list');
  const all = sessions.filter(isChat).map(sessionPick);
  const pick = window.createQuickPick<SessionPick>();
  pick.title = l10n.t('Mazu: conversations');
  pick.placeholder = l10n.t('Type to search all conversations');
  pick.items = all;
  let timer: NodeJS.Timeout | undefined;
  let latest = 0;
  const search = async (query: string) => {
    const mine = ++latest;
    const { matches } = await server.execute('mazu.session.search', { query, limit: 20 });
    if (mine !== latest) return;
    const found = matches.map(({ sessionId, name, at, text }): SessionPick => ({
      sessionId,
      label: name || l10n.t('Conversation'),
      description: ago(at),
      detail: text.replace(/\s+/g, ' ').slice(0, 160),
      alwaysShow: true,
    }));
    const ids = new Set(found.map(({ sessionId }) => sessionId));
    pick.items = [...found, ...all.filter(({ sessionId }) => !ids.has(sessionId))];
  };
  pick.onDidChangeValue((value) => {
    clearTimeout(timer);
    if (value.trim().length > 1) timer = setTimeout(() => void search(value).catch(report), DELAY_MS);
    else pick.items = all;
  });
  pick.onDidAccept(() => {
    const [item] = pick.activeItems;
    pick.hide();
    if (item) void chats.show(item.sessionId);
  });
  pick.onDidHide(() => {
    clearTimeout(timer);
    pick.dispose();
  });
  pick.show();
}

const ICONS: Record<string, string> = { running: 'loading~spin', waiting: 'question' };

const sessionPick = ({ id, name, turnCount, updatedAt, state }: Session): SessionPick => ({
  sessionId: id,
  label: name || l10n.t('Conversation'),
  description: [counted(turnCount, 'turn'), ago(updatedAt), state === 'running' || state === 'waiting' ? state : '']
    .filter(Boolean)
    .join(' · '),
  iconPath: new ThemeIcon(ICONS[state] ?? 'comment-discussion'),
});

async function rename({ server }: App, { id, name }: Session): Promise<void> {
  const value = await window.showInputBox({ title: l10n.t('Mazu: rename the conversation'), value: name });
  if (value?.trim()) await server.execute('mazu.session.rename', { sessionId: id, name: value.trim() });
}

/** Deletes a conversation; the server keeps it for some days, and *Undo* has it back. */
async function deleteSession({ server }: App, { id, name }: Session): Promise<void> {
  const { restorableUntil } = await server.execute('mazu.session.delete', { sessionId: id });
  const title = name || l10n.t('Conversation');
  if (!restorableUntil) return;
  const undo = l10n.t('Undo');
  void window
    .showInformationMessage(l10n.t('Mazu: “{0}” is deleted; its checkpoints are kept.', title), undo)
    .then((chosen) => (chosen === undo ? server.execute('mazu.session.restore', { sessionId: id }) : undefined))
    .then(undefined, report);
}

/** A deleted conversation, chosen among those that are still kept. */
async function restoreSession({ server, chats }: App): Promise<void> {
  const { sessions } = await server.execute('mazu.session.list', { deleted: true });
  if (!sessions.length) {
    window.setStatusBarMessage(l10n.t('Mazu: no deleted conversation is kept'), 4000);
    return;
  }
  const title = l10n.t('Mazu: restore a deleted conversation');
  const chosen = await window.showQuickPick(sessions.map(sessionPick), { title });
  if (!chosen) return;
  await server.execute('mazu.session.restore', { sessionId: chosen.sessionId });
  await chats.show(chosen.sessionId);
}
