import type { ViewState } from '../src/chat/messages';
import { send } from './host';

const STARTS = [
  { label: 'Explain this file', command: 'mazu.explainFile' },
  { label: 'Fix the problems here', command: 'mazu.fixProblems' },
  { label: 'What do you remember about this project?', command: 'mazu.askMemory' },
];

/** Nothing was said yet: one sentence, and three things that can be done at once. */
export function EmptyState({ view }: { view: ViewState }) {
  const { condition, folder } = view;
  if (condition === 'untrusted') {
    return (
      <Sentence text="The agent works in trusted folders only.">
        <Start label="Manage workspace trust" command="workbench.trust.manage" />
      </Sentence>
    );
  }
  if (condition === 'stopped') {
    return (
      <Sentence text="The Mazu server is not running.">
        <Start label="Install the server" command="mazu.installServer" />
        <Start label="Try again" command="mazu.restartServer" />
        <Start label="Show the log" command="mazu.showLog" />
      </Sentence>
    );
  }
  if (!folder) {
    return (
      <Sentence text="Open a folder, and Mazu can read it, change it and remember it.">
        <Start label="Open folder…" command="workbench.action.files.openFolder" />
      </Sentence>
    );
  }
  return (
    <Sentence text="A coding agent that remembers, and can be undone.">
      {STARTS.map((start) => (
        <Start key={start.command} {...start} />
      ))}
      <p class="trust">Every step can be undone. Data leaves this machine only for the model you chose.</p>
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
