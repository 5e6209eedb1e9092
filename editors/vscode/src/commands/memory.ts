import { type QuickPickItem, ThemeIcon, window, l10n } from 'vscode';
import type { App } from '../app';
import { ago, kindName } from '../describe';
import { selection } from '../editor';
import { openProjectFile } from '../chat/open';
import { isCancellation, report, UserError } from '../errors';
import type { Memory } from '../protocol';
import { MemoryItem } from '../views/memoryRows';

export const CATEGORIES = [
  { label: 'fact', description: l10n.t('how something is') },
  { label: 'decision', description: l10n.t('what was chosen, and why') },
  { label: 'convention', description: l10n.t('how things are done here') },
  { label: 'mistake', description: l10n.t('what not to do again') },
  { label: 'task_outcome', description: l10n.t('result of a task') },
  { label: 'user_preference', description: l10n.t('how you like it, in every project') },
] as const;
const DELAY_MS = 150;

/** Remember, recall and show. */
export function registerMemoryCommands(app: App): void {
  app.command('mazu.rememberNote', () => remember(app));
  app.command('mazu.recallMemory', (query) => recall(app, typeof query === 'string' ? query : ''));
  app.command('mazu.openMemory', (item) => openMemory(app, item));
  app.command('mazu.goToAnchor', (item) => item instanceof MemoryItem && goToAnchor(item.value));
}

async function remember({ server }: App): Promise<void> {
  const selected = selection();
  const title = await window.showInputBox({
    title: l10n.t('Mazu: remember'),
    prompt: selected ? l10n.t('In one sentence; the selection is saved with it') : l10n.t('In one sentence'),
    ignoreFocusOut: true,
  });
  if (!title?.trim()) return;
  const kinds = CATEGORIES.map((kind) => ({ ...kind, category: kind.label, label: kindName(kind.label) }));
  const kind = await window.showQuickPick(kinds, {
    title: l10n.t('Mazu: what kind of memory is it?'),
    ignoreFocusOut: true,
  });
  if (!kind) return;
  const { memory, outcome } = await server.execute('mazu.remember', {
    title: title.trim(),
    category: kind.category,
    ...(selected ? { body: selected.text, anchors: [selected.attachment] } : {}),
  });
  const said = {
    created: l10n.t('remembered'),
    duplicate: l10n.t('already known'),
    superseded: l10n.t('remembered, instead of an older memory'),
  };
  window.setStatusBarMessage(`Mazu: ${said[outcome]}: ${memory.title}`, 6000);
}

interface RecallItem extends QuickPickItem {
  memory: Memory;
}

const INSERT = { iconPath: new ThemeIcon('insert'), tooltip: l10n.t('Insert at the cursor') };

/** A quick pick that searches as one types. Enter shows a memory, its button inserts it. */
function recall(app: App, query: string): void {
  const editor = window.activeTextEditor;
  const pick = window.createQuickPick<RecallItem>();
  pick.title = l10n.t('Mazu: recall');
  pick.placeholder = l10n.t('What are you looking for?');
  pick.ignoreFocusOut = true;
  let timer: NodeJS.Timeout | undefined;
  let latest = 0;
  const search = async (query: string) => {
    const mine = ++latest;
    pick.busy = true;
    try {
      const context = editor ? { uri: editor.document.uri.toString() } : {};
      const { memories, onlyNearest } = await app.server.execute('mazu.recall', { query, limit: 20, ...context });
      if (mine !== latest) return;
      pick.title = !memories.length
        ? l10n.t('Mazu: recall (nothing found)')
        : onlyNearest
          ? l10n.t('Mazu: recall (nothing found, only the nearest)')
          : l10n.t('Mazu: recall');
      pick.items = memories.map(recallItem);
    } catch (error) {
      pick.hide();
      if (!isCancellation(error)) void report(error);
    } finally {
      if (mine === latest) pick.busy = false;
    }
  };
  pick.onDidChangeValue((value) => {
    clearTimeout(timer);
    if (value.trim()) timer = setTimeout(() => void search(value), DELAY_MS);
    else pick.items = [];
  });
  pick.onDidTriggerItemButton(({ item }) => {
    pick.hide();
    void editor?.edit((edit) => edit.replace(editor.selection, item.memory.body || item.memory.title));
  });
  pick.onDidAccept(() => {
    const [item] = pick.activeItems;
    pick.hide();
    if (item) void showMemory(app, item.memory);
  });
  pick.onDidHide(() => {
    clearTimeout(timer);
    latest = -1;
    pick.dispose();
  });
  pick.show();
  if (query) {
    pick.value = query;
    void search(query);
  }
}

const recallItem = (memory: Memory): RecallItem => ({
  memory,
  label: memory.title,
  description: [kindName(memory.category), memory.state === 'check' ? l10n.t('needs check') : '', memory.why]
    .filter(Boolean)
    .join(' · '),
  detail: memory.body.split('\n', 1)[0] ?? '',
  alwaysShow: true,
  buttons: [INSERT],
});

/** Opens a memory by its row or its id. */
async function openMemory(app: App, item: unknown): Promise<void> {
  if (item instanceof MemoryItem) return showMemory(app, item.value);
  if (typeof item !== 'string') return undefined;
  const { memories } = await app.server.execute('mazu.memory.list', { limit: 10_000 });
  const memory = memories.find(({ id }) => id === item);
  if (!memory)
    throw new UserError(l10n.t('that memory no longer exists.'), l10n.t('It was forgotten, or rolled back.'));
  return showMemory(app, memory);
}

async function goToAnchor({ anchors }: Memory): Promise<void> {
  const [anchor] = anchors ?? [];
  if (!anchor) throw new UserError(l10n.t('this memory is not anchored to code.'));
  await openProjectFile(anchor.path, anchor.range?.start.line);
}

async function showMemory({ preview }: App, memory: Memory): Promise<void> {
  const { title, body, scope, category, state, tags, source, createdAt } = memory;
  const facts = [
    kindName(category),
    scope === 'global' ? l10n.t('in every project') : '',
    state === 'current' ? '' : state === 'check' ? l10n.t('needs a check') : state,
    source === 'user' ? l10n.t('from you') : l10n.t('from {0}', source),
    ago(createdAt),
    ...tags.map((tag) => `#${tag}`),
  ];
  await preview.markdown(title, `# ${title}\n\n${body}\n\n---\n\n*${facts.filter(Boolean).join(' · ')}*\n`);
}
