import { type ChatFollowup, l10n } from 'vscode';

export const FOLLOW_UP = l10n.t('What should be remembered from this?');

/** What is offered below an answer of a conversation; what was just asked is not offered again. */
export const followUps = (metadata: { sessionId?: string; asked?: string } | undefined): ChatFollowup[] =>
  metadata?.sessionId && metadata.asked !== FOLLOW_UP
    ? [{ prompt: FOLLOW_UP, label: l10n.t('Remember what was decided') }]
    : [];
