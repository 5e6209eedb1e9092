import { l10n, MarkdownString, ThemeIcon, TreeItem } from 'vscode';
import type { App } from '../app';
import { kindName } from '../describe';
import type { ImportedProposal, Memory } from '../protocol';
import { GroupItem } from './tree';

const MOST = 500;
const ICONS: Record<string, string> = {
  decision: 'milestone',
  convention: 'law',
  mistake: 'warning',
  task_outcome: 'tasklist',
  user_preference: 'account',
};

/** The categories of memory, in the order in which they are shown. */
const categories = (): Record<string, string> => ({
  decision: l10n.t('Decisions'),
  convention: l10n.t('Conventions'),
  mistake: l10n.t('Mistakes'),
  fact: l10n.t('Facts'),
  task_outcome: l10n.t('Results of tasks'),
  user_preference: l10n.t('Preferences'),
});

export class MemoryItem extends TreeItem {
  /** Words that the menus look for. */
  override readonly contextValue: string;

  constructor(readonly value: Memory) {
    super(value.title);
    const { id, scope, pinned, state, anchors = [], category, body, title, shared, author } = value;
    this.id = `${scope}/${id}`;
    const team = scope === 'global' ? '' : shared ? 'shared' : 'private';
    this.contextValue = ['memory', pinned ? 'pinned' : 'unpinned', state, anchors.length ? 'anchored' : '', team]
      .filter(Boolean)
      .join(' ');
    const by = author ? l10n.t('shared by {0}', author) : shared ? l10n.t('shared') : '';
    this.description = [pinned ? l10n.t('pinned') : '', state === 'superseded' ? l10n.t('superseded') : '', by]
      .filter(Boolean)
      .join(' · ');
    this.tooltip = new MarkdownString().appendText(body || title);
    this.iconPath = new ThemeIcon(pinned ? 'pinned' : (ICONS[category] ?? 'note'));
    this.command = { title: l10n.t('Open Memory'), command: 'mazu.openMemory', arguments: [this] };
  }
}

/** All of a proposal as a document: what it says, where it comes from, what it changes or replaces and what was there. */
export const importedText = ({ title, category, evidence }: ImportedProposal): string =>
  [`# ${title}`, `*${kindName(category)}*`, ...evidence.split(/; (?=[a-z]+: )/)].join('\n\n');

/** What the files of another agent or of the team hold, and what becomes a memory if it is accepted. */
export class ImportedItem extends TreeItem {
  override readonly contextValue = 'imported';

  constructor(readonly value: ImportedProposal) {
    super(value.title);
    this.id = `imported/${value.id}`;
    this.description = kindName(value.category);
    this.tooltip = new MarkdownString().appendText(importedText(value));
    this.iconPath = new ThemeIcon('git-pull-request-draft');
    this.command = { title: l10n.t('Show'), command: 'mazu.showImported', arguments: [this] };
  }
}

/** What waits for the user first (imports, what needs a check), then the project's by category, then the user's own. */
export async function memoryRows({ server }: App): Promise<TreeItem[]> {
  const [{ memories, total }, imported] = await Promise.all([
    server.execute('mazu.memory.list', { limit: MOST }),
    server.execute('mazu.memory.import.proposals', { limit: MOST }),
  ]);
  const old = memories.filter(({ state }) => state === 'archived' || state === 'superseded');
  const live = memories.filter((memory) => !old.includes(memory));
  const check = live.filter(({ state }) => state === 'check');
  const rest = live.filter(({ state }) => state !== 'check');
  const own = rest.filter(({ scope }) => scope === 'global');
  const group = (label: string, id: string, rows: Memory[], expanded = true) =>
    rows.length ? [new GroupItem(label, id, rows.map(memoryItem), expanded)] : [];
  return [
    ...importedGroup(imported),
    ...group(l10n.t('Needs a check'), 'check', check),
    ...Object.entries(categories()).flatMap(([category, name]) =>
      group(
        name,
        category,
        rest.filter((memory) => memory.scope !== 'global' && memory.category === category),
      ),
    ),
    ...group(l10n.t('In every project'), 'global', own),
    ...group(l10n.t('Archived'), 'archived', old, false),
    ...(total > memories.length ? [moreItem(total - memories.length)] : []),
  ];
}

function importedGroup({ proposals, total }: { proposals: ImportedProposal[]; total: number }): TreeItem[] {
  if (!total) return [];
  const rows = proposals.map((proposal) => new ImportedItem(proposal));
  const group = new GroupItem(l10n.t('To be decided'), 'imported', rows);
  group.contextValue = 'importedGroup';
  group.description = String(total);
  group.tooltip = l10n.t(
    'What your team shared, and what other agents left: nothing of it is memory before you accept it.',
  );
  return [group];
}

function moreItem(count: number): TreeItem {
  const item = new TreeItem(l10n.t('{0} more: search for them', count));
  item.id = 'more';
  item.iconPath = new ThemeIcon('search');
  item.command = { title: l10n.t('Recall'), command: 'mazu.recallMemory' };
  return item;
}

const memoryItem = (memory: Memory): MemoryItem => new MemoryItem(memory);
