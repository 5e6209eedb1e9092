import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ViewState } from '../src/chat/messages';
import { send } from './host';
import { t } from './l10n';
import type { Transcript } from './transcript';

interface Props {
  transcript: Transcript;
  view: ViewState;
  running: boolean;
}

/** The session's name, which can be changed, and whether it runs. */
export function Header({ transcript: { name, turns, sessionId }, view, running }: Props) {
  const [editing, setEditing] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  // Before the next key: what is typed at once replaces the old name.
  useLayoutEffect(() => input.current?.select(), [editing]);
  if (!sessionId || !turns.length) return null;
  const title = name || turns[0]?.user?.text.split('\n', 1)[0] || t('Conversation');
  const done = () => {
    const value = input.current?.value.trim();
    setEditing(false);
    if (value && value !== name) send({ type: 'rename', name: value });
  };
  const waiting = turns.at(-1)?.state === 'waiting';
  return (
    <header>
      {editing ? (
        <input
          ref={input}
          aria-label={t('Conversation name')}
          defaultValue={title}
          onBlur={done}
          onKeyDown={(event) => {
            if (event.key === 'Enter') done();
            else if (event.key === 'Escape') setEditing(false);
          }}
        />
      ) : (
        <button type="button" class="title" title={t('Rename')} onClick={() => setEditing(true)}>
          {title}
        </button>
      )}
      {running && <span class="state">{waiting ? t('? waits for you') : t('● running')}</span>}
      {view.condition === 'stopped' && <span class="state">{t('server stopped')}</span>}
    </header>
  );
}
