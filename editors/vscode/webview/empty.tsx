import type { ViewState } from '../src/chat/messages';
import { send } from './host';
import { t } from './l10n';

const STARTS = [
  { label: t('Explain this file'), command: 'mazu.explainFile' },
  { label: t('Fix the problems here'), command: 'mazu.fixProblems' },
  { label: t('What do you remember about this project?'), command: 'mazu.askMemory' },
];

/** Nothing was said yet: one sentence, and three things that can be done at once. */
export function EmptyState({ view, asked }: { view: ViewState; asked: boolean }) {
  const { condition, folder } = view;
  if (asked) return <div class="empty" />; // what is asked comes first
  if (condition === 'untrusted') {
    return (
      <Sentence text={t('The agent works in trusted folders only.')}>
        <Start label={t('Manage workspace trust')} command="workbench.trust.manage" />
      </Sentence>
    );
  }
  if (condition === 'stopped') {
    return (
      <Sentence text={t('The Mazu server is not running.')}>
        <Start label={t('Install the server')} command="mazu.installServer" />
        <Start label={t('Try again')} command="mazu.restartServer" />
        <Start label={t('Show the log')} command="mazu.showLog" />
      </Sentence>
    );
  }
  if (!folder) {
    return (
      <Sentence text={t('Open a folder, and Mazu can read it, change it and remember it.')}>
        <Start label={t('Open folder…')} command="workbench.action.files.openFolder" />
      </Sentence>
    );
  }
  return (
    <Sentence text={t('A coding agent that remembers, and can be undone.')}>
      {STARTS.map((start) => (
        <Start key={start.command} {...start} />
      ))}
      <p class="trust">{t('Every step can be undone. Data leaves this machine only for the model you chose.')}</p>
    </Sentence>
  );
}

function Sentence({ text, children }: { text: string; children: preact.ComponentChildren }) {
  return (
    <div class="empty">
      <p>{text}</p>
      {children}
    </div>
  );
}

function Start({ label, command }: { label: string; command: string }) {
  return (
    <button type="button" class="secondary" onClick={() => send({ type: 'command', command })}>
      {label}
    </button>
  );
}
