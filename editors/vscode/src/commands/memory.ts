import { type QuickPickItem, ThemeIcon, window } from 'vscode';
import type { App } from '../app';
import { ago } from '../describe';
import { selection } from '../editor';
import { openProjectFile } from '../chat/open';
import { isCancellation, report, UserError } from '../errors';
import type { Memory } from '../protocol';
import { MemoryItem } from '../views/items';

const CATEGORIES = [
  { label: 'fact', description: 'how something is' },
  { label: 'decision', description: 'what was chosen, and why' },
  { label: 'convention', description: 'how things are done here' },
  { label: 'mistake', description: 'what not to do again' },
  { label: 'task_outcome', description: 'result of a task' },
  { label: 'user_preference', description: 'how you like it, in every project' },
] as const;
const DELAY_MS = 150;

/** Remember, recall, show and forget. */
export function registerMemoryCommands(app: App): void {
  app.command('mazu.rememberNote', () => remember(app));
  app.command('mazu.recallMemory', (query) => recall(app, typeof query === 'string' ? query : ''));
  app.command('mazu.openMemory', (item) => openMemory(app, item));
  app.command('mazu.goToAnchor', (item) => item instanceof MemoryItem && goToAnchor(item.value));
  for (const pinned of [true, false]) {
    const set = (item: unknown) =>
      item instanceof MemoryItem &&
      app.server.execute('mazu.memory.update', { id: item.value.id, scope: item.value.scope, pinned });
    if (pinned) app.command('mazu.pinMemory', set);
    else app.command('mazu.unpinMemory', set);
  }
  app.command('mazu.forgetMemory', (item) => item instanceof MemoryItem && forget(app, item.value));
}

async function remember({ server }: App): Promise<void> {
  const selected = selection();
  const title = await window.showInputBox({
    title: 'Mazu: remember',
    prompt: selected ? 'In one sentence; the selection is saved with it' : 'In one sentence',
    ignoreFocusOut: true,
  });
  if (!title?.trim()) return;
  const category = await window.showQuickPick(CATEGORIES, {
    title: 'Mazu: what kind of memory is it?',
    ignoreFocusOut: true,
  });
  if (!category) return;
  const { memory, outcome } = await server.execute('mazu.remember', {
    title: title.trim(),
    category: category.label,
    ...(selected ? { body: selected.text, anchors: [selected.attachment] } : {}),
  });
  const said = {
    created: 'remembered',
    duplicate: 'already known',
    superseded: 'remembered, instead of an older memory',
  };
  window.setStatusBarMessage(`Mazu: ${said[outcome]}: ${memory.title}`, 6000);
}

interface RecallItem extends QuickPickItem {
  memory: Memory;
}

const INSERT = { iconPath: new ThemeIcon('insert'), tooltip: 'Insert at the cursor' };

/** A quick pick that searches as one types. Enter shows a memory, its button inserts it. */
function recall(app: App, query: string): void {
  const editor = window.activeTextEditor;
  const pick = window.createQuickPick<RecallItem>();
  pick.title = 'Mazu: recall';
  pick.placeholder = 'What are you looking for?';
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
      pick.title = onlyNearest ? 'Mazu: recall (nothing found, only the nearest)' : 'Mazu: recall';
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
  description: [memory.category, memory.state === 'check' ? 'needs check' : '', memory.why].filter(Boolean).join(' · '),
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
  if (!memory) throw new UserError('that memory no longer exists.', 'It was forgotten, or rolled back.');
  return showMemory(app, memory);
}

async function goToAnchor({ anchors }: Memory): Promise<void> {
  const [anchor] = anchors ?? [];
  if (!anchor) throw new UserError('this memory is not anchored to code.');
  await openProjectFile(anchor.path, anchor.range?.start.line);
}

async function showMemory({ preview }: App, memory: Memory): Promise<void> {
  const { title, body, scope, category, state, tags, source, createdAt } = memory;
  const facts = [
    CATEGORIES.find(({ label }) => label === category)?.label.replace('_', ' '),
    scope === 'global' ? 'in every project' : '',
    state === 'current' ? '' : state === 'check' ? 'needs a check' : state,
    `from ${source === 'user' ? 'you' : source}`,
    ago(createdAt),
    ...tags.map((tag) => `#${tag}`),
  ];
  await preview.markdown(title, `# ${title}\n\n${body}\n\n---\n\n*${facts.filter(Boolean).join(' · ')}*\n`);
}

async function forget({ server }: App, memory: Memory): Promise<void> {
  const { forgotten } = await server.execute('mazu.memory.forget', { id: memory.id, scope: memory.scope });
  window.setStatusBarMessage(`Mazu: forgotten: ${forgotten.title}`, 6000);
}
