import { MarkdownString, ThemeIcon, TreeItem } from 'vscode';
import { ago, checkpointChanges, checkpointName, counted } from '../describe';
import type { Checkpoint, Memory, Session } from '../protocol';

const SESSION_ICONS: Record<string, string> = { running: 'loading~spin', waiting: 'bell-dot', ended: 'archive' };
const CHECKPOINT_ICONS: Record<string, string> = {
  manual: 'bookmark',
  safety: 'shield',
  baseline: 'home',
  compaction: 'fold',
};
const MEMORY_ICONS: Record<string, string> = {
  decision: 'milestone',
  convention: 'law',
  mistake: 'warning',
  task_outcome: 'tasklist',
  user_preference: 'account',
};

/** The categories of memory, in the order in which they are shown. */
export const CATEGORIES = {
  decision: 'Decisions',
  convention: 'Conventions',
  mistake: 'Mistakes',
  fact: 'Facts',
  user_preference: 'Your preferences',
  task_outcome: 'Results of tasks',
};

export class SessionItem extends TreeItem {
  override readonly contextValue = 'session';

  constructor(
    readonly value: Session,
    current: boolean,
  ) {
    super(value.name || 'Conversation');
    this.id = value.id;
    this.description = [current ? 'current' : '', counted(value.turnCount, 'turn'), ago(value.updatedAt)]
      .filter(Boolean)
      .join(' · ');
    this.iconPath = new ThemeIcon(SESSION_ICONS[value.state] ?? 'comment-discussion');
    this.command = { title: 'Open Session', command: 'mazu.openSession', arguments: [this] };
  }
}

export class CheckpointItem extends TreeItem {
  override readonly contextValue: string;

  constructor(
    readonly value: Checkpoint,
    current: boolean,
  ) {
    super(checkpointName(value));
    this.id = value.id;
    this.description = [current ? 'current' : '', ago(value.createdAt)].filter(Boolean).join(' · ');
    this.contextValue = value.pinned ? 'pinnedCheckpoint' : 'checkpoint';
    this.tooltip = checkpointChanges(value);
    this.iconPath = new ThemeIcon(value.pinned ? 'pinned' : (CHECKPOINT_ICONS[value.kind] ?? 'git-commit'));
    this.command = { title: 'Show Changes', command: 'mazu.showCheckpointDiff', arguments: [this] };
  }
}

export class MemoryItem extends TreeItem {
  override readonly contextValue: string;

  constructor(readonly value: Memory) {
    super(value.title);
    this.id = `${value.scope}/${value.id}`;
    this.contextValue = value.pinned ? 'pinnedMemory' : 'memory';
    this.description = [value.scope === 'global' ? 'everywhere' : '', value.pinned ? 'pinned' : '']
      .filter(Boolean)
      .join(' · ');
    this.tooltip = new MarkdownString().appendText(value.body || value.title);
    this.iconPath = new ThemeIcon(value.pinned ? 'pinned' : (MEMORY_ICONS[value.category] ?? 'note'));
    this.command = { title: 'Open Memory', command: 'mazu.openMemory', arguments: [this] };
  }
}
