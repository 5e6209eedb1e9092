import { ThemeIcon, TreeItem, l10n } from 'vscode';
import { ago, counted } from '../describe';
import type { Session } from '../protocol';

const SESSION_ICONS: Record<string, string> = { running: 'loading~spin', waiting: 'bell-dot', ended: 'archive' };
const STATES: Record<string, string> = { running: l10n.t('running'), waiting: l10n.t('waits for you') };

export class SessionItem extends TreeItem {
  override readonly contextValue = 'session';

  /** `shown`: the chat shows it. */
  constructor(
    readonly value: Session,
    shown: boolean,
  ) {
    super(value.name || l10n.t('Conversation'));
    this.id = value.id;
    const { state, turnCount, updatedAt } = value;
    this.description = [STATES[state], shown ? l10n.t('in the chat') : '', counted(turnCount, 'turn'), ago(updatedAt)]
      .filter(Boolean)
      .join(' · ');
    this.iconPath = new ThemeIcon(SESSION_ICONS[state] ?? 'comment-discussion');
    this.command = { title: l10n.t('Open Session'), command: 'mazu.openSession', arguments: [this] };
  }
}
