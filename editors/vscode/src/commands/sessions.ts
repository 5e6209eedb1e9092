import { l10n, ProgressLocation, type QuickPickItem, ThemeIcon, window } from 'vscode';
import type { App } from '../app';
import { ago, counted } from '../describe';
import { report } from '../errors';
import type { Session } from '../protocol';
import { SessionItem } from '../views/items';

const DELAY_MS = 150;
/** How long a deleted conversation can be had back. */
const UNDO_MS = 10_000;

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
}

/** Every conversation, newest first; what is typed is looked for in what was said. */
async function showHistory({ server, chats, deleted }: App): Promise<void> {
  const { sessions } = await server.execute('mazu.session.list');
  const all = sessions.filter(({ id, turnCount }) => turnCount > 0 && !deleted.has(id)).map(sessionPick);
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

/** Gone from the lists at once, from the disk when the time to think better of it is over. */
async function deleteSession(app: App, { id, name }: Session): Promise<void> {
  const { server, deleted } = app;
  deleted.add(id);
  app.refreshViews();
  const options = {
    location: ProgressLocation.Notification,
    title: l10n.t('Mazu: “{0}” is deleted. Cancel to keep it.', name || l10n.t('Conversation')),
    cancellable: true,
  };
  const kept = await window.withProgress(options, (progress, token) => {
    progress.report({ message: l10n.t('Its checkpoints are kept.') });
    return new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), UNDO_MS);
      token.onCancellationRequested(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  });
  try {
    if (!kept) await server.execute('mazu.session.delete', { sessionId: id });
  } finally {
    deleted.delete(id);
    app.refreshViews();
  }
}
