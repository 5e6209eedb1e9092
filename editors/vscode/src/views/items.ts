import { ThemeIcon, TreeItem, l10n } from 'vscode';
import { ago, counted } from '../describe';
import type { Session } from '../protocol';

const SESSION_ICONS: Record<string, string> = { running: 'loading~spin', waiting: 'bell-dot', ended: 'archive' };
export class SessionItem extends TreeItem {
  override readonly contextValue = 'session';

  constructor(
    readonly value: Session,
    current: boolean,
  ) {
    super(value.name || l10n.t('Conversation'));
    this.id = value.id;
    this.description = [current ? 'current' : '', counted(value.turnCount, 'turn'), ago(value.updatedAt)]
      .filter(Boolean)
      .join(' · ');
    this.iconPath = new ThemeIcon(SESSION_ICONS[value.state] ?? 'comment-discussion');
    this.command = { title: l10n.t('Open Session'), command: 'mazu.openSession', arguments: [this] };
  }
}
