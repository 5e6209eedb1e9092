import { l10n, MarkdownString, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import type { App } from '../app';
import { ago, checkpointChanges, checkpointName } from '../describe';
import { stepOf } from '../panels/checkpointStep';
import type { StepView } from '../panels/messages';
import type { Checkpoint } from '../protocol';
import { ParentItem } from './tree';

const ICONS: Record<string, string> = {
  manual: 'bookmark',
  safety: 'shield',
  baseline: 'home',
  compaction: 'fold',
};
/** Files of one step that are listed; all of them are in its changes. */
const FILES = 100;

/** A checkpoint; below it what its step changed in code and in memory, and what was said then. */
export class CheckpointItem extends ParentItem {
  override readonly contextValue: string;

  constructor(
    private readonly app: App,
    readonly value: Checkpoint,
    current: boolean,
  ) {
    super(checkpointName(value), TreeItemCollapsibleState.Collapsed);
    this.id = value.id;
    this.description = [current ? l10n.t('current') : '', ago(value.createdAt)].filter(Boolean).join(' · ');
    this.contextValue = value.pinned ? 'pinnedCheckpoint' : 'checkpoint';
    this.tooltip = checkpointChanges(value);
    this.iconPath = new ThemeIcon(value.pinned ? 'pinned' : (ICONS[value.kind] ?? 'git-commit'));
  }

  async children(): Promise<TreeItem[]> {
    const { files, memories, said } = await stepOf(this.app, this.value);
    const rows = [
      ...said.map(({ who, text }) => saidItem(this.value.id, who, text)),
      ...files.slice(0, FILES).map((file) => new StepFileItem(this.value, file)),
      ...memories.map((memory) => new StepMemoryItem(this.value, memory)),
    ];
    return rows.length ? rows : [nothingItem(this.value.id)];
  }
}

/** A file that a step changed. */
export class StepFileItem extends TreeItem {
  override readonly contextValue = 'stepFile';
  readonly path: string;

  constructor(
    readonly checkpoint: Checkpoint,
    { path, status, added, removed }: StepView['files'][number],
  ) {
    super(path);
    this.path = path;
    this.id = `${checkpoint.id}/file/${path}`;
    const what = { added: l10n.t('new file'), deleted: l10n.t('deleted') }[status];
    this.description = what ?? (added === null ? l10n.t('binary') : `+${added} −${removed}`);
    this.iconPath = new ThemeIcon({ added: 'diff-added', deleted: 'diff-removed' }[status] ?? 'diff-modified');
    this.command = { title: l10n.t('Show Changes'), command: 'mazu.showStepChange', arguments: [this] };
  }
}

/** A memory that a step learned, changed or forgot. */
export class StepMemoryItem extends TreeItem {
  override readonly contextValue = 'stepMemory';
  readonly memoryId: string;

  constructor(
    readonly checkpoint: Checkpoint,
    { id, title, sign }: { id: string; title: string; sign: '+' | '~' | '−' },
  ) {
    super(title);
    this.memoryId = id;
    this.id = `${checkpoint.id}/memory/${id}`;
    this.description = { '+': l10n.t('learned'), '~': l10n.t('changed'), '−': l10n.t('forgotten') }[sign];
    this.iconPath = new ThemeIcon('lightbulb');
  }
}

function saidItem(id: string, who: 'You' | 'Mazu', text: string): TreeItem {
  const item = new TreeItem(text.split('\n', 1)[0] ?? '');
  item.id = `${id}/said/${who}`;
  item.description = who === 'You' ? l10n.t('you') : l10n.t('Mazu');
  item.tooltip = new MarkdownString().appendText(text);
  item.iconPath = new ThemeIcon(who === 'You' ? 'account' : 'comment');
  return item;
}

function nothingItem(id: string): TreeItem {
  const item = new TreeItem(l10n.t('No file and no memory changed in this step'));
  item.id = `${id}/nothing`;
  return item;
}
