import { memo } from './memo';
import { t } from './l10n';
import { useEffect, useState } from 'preact/hooks';
import type { RewindPreview } from '../src/chat/messages';
import { CallCard } from './call';
import { newSendingId, send } from './host';
import { Markdown, Thought } from './prose';
import type { Item, Turn } from './transcript';
import { Tool, UserMessage } from './userMessage';
import { counted, ended, money, pathOf, seconds, share, tokens } from './words';

interface Props {
  turn: Turn;
  mode: string;
  contextWindow: number | null;
  preview: RewindPreview | null;
  /** The newest of the conversation: it can be tried again. */
  last: boolean;
  busy: boolean;
}

/** One turn from top to bottom. */
export const TurnView = memo(({ turn, mode, contextWindow, preview, last, busy }: Props) => {
  const model = turn.model.replace(/^[^:]*:/, '');
  return (
    <>
      {turn.user && <UserMessage turn={turn} preview={preview} last={last} busy={busy} />}
      <div class="head">
        <span class="who">{t('Mazu')}</span>
        <span class="about">{[model, turn.state === 'done' ? '' : mode].filter(Boolean).join(' · ')}</span>
        {turn.state !== 'done' && <Clock waiting={turn.state === 'waiting'} began={turn.at} />}
      </div>
      {turn.memories.length > 0 && <Memories turn={turn} />}
      {turn.items.map((item, index) => (
        <ItemView key={item.kind === 'call' ? item.id : index} item={item} />
      ))}
      {turn.state === 'done' && <Footer turn={turn} contextWindow={contextWindow} last={last} busy={busy} />}
    </>
  );
});

function ItemView({ item }: { item: Item }) {
  switch (item.kind) {
    case 'call':
      return <CallCard call={item} />;
    case 'thought':
      return <Thought item={item} />;
    case 'text':
      return <Markdown text={item.text} streaming={item.streaming} />;
    case 'note':
      return (
        <details class="note">
          <summary>{item.text}</summary>
          {item.detail}
        </details>
      );
  }
}

function Clock({ waiting, began }: { waiting: boolean; began: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span class="clock">
      {waiting ? t('waits for you') : t('running {0}', seconds(now - Date.parse(began)))}
      <button type="button" class="link" title={t('Stop (Escape)')} onClick={() => send({ type: 'stop' })}>
        {t('■ stop')}
      </button>
    </span>
  );
}

function Memories({ turn: { memories } }: { turn: Turn }) {
  return (
    <details class="memories">
      <summary>
        {memories.length === 1 ? t('1 memory') : t('{0} memories', memories.length)} {t('used')}
      </summary>
      <ul>
        {memories.map(({ id, title }) => (
          <li key={id}>
            <button type="button" class="link" onClick={() => send({ type: 'openMemory', id })}>
              {title}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What each call of the turn changed. */
const diffs = ({ items }: Turn) =>
  items.flatMap((item) => (item.kind === 'call' && item.diff ? [{ path: pathOf(item), diff: item.diff }] : []));

/** What mends an error of this kind. */
const MENDS: Record<string, { title: string; command: string }> = {
  auth: { title: t('Set API key'), command: 'mazu.setApiKey' },
  model: { title: t('Choose model'), command: 'mazu.selectModel' },
  rate_limit: { title: t('Choose another model'), command: 'mazu.selectModel' },
  budget: { title: t('Change the limits'), command: 'mazu.openLimits' },
};

type FooterProps = Pick<Props, 'turn' | 'contextWindow' | 'last' | 'busy'>;

/** What changed, review, undo, checkpoints, cost, share of the context window. */
function Footer({ turn, contextWindow, last, busy }: FooterProps) {
  const { changes, checkpoints, tokens: used, costUsd, stopReason, detail, written } = turn;
  const reason = ended(stopReason);
  const mend = MENDS[turn.error?.kind ?? ''];
  const reply = turn.items.flatMap((item) => (item.kind === 'text' ? [item.text] : [])).join('\n\n');
  const meter = [used && money(costUsd, turn.estimated, turn.knownUsd), used && t('{0} tokens', tokens(used))]
    .filter(Boolean)
    .join(' · ');
  const part = share(turn.contextTokens, contextWindow);
  return (
    <div class="footer">
      {reason && (
        <p class={`ended ${stopReason}`}>
          {turn.error ? [turn.error.message, turn.error.hint].filter(Boolean).join(' ') : detail || reason}{' '}
          {mend && (
            <button type="button" class="link" onClick={() => send({ type: 'command', command: mend.command })}>
              {mend.title}
            </button>
          )}
        </p>
      )}
      {written.map(({ id, title, outcome }) => (
        <p key={id} class="learned">
          {outcome === 'forgotten' ? t('Forgot') : t('Remembered')}:{' '}
          <button type="button" class="link" onClick={() => send({ type: 'openMemory', id })}>
            {title}
          </button>
        </p>
      ))}
      <div class="facts">
        {changes && (changes.files > 0 || changes.uncounted) && (
          <span class="changed">
            {changes.files > 0 && (
              <>
                {counted(changes.files, 'file')} {t('changed')} <span class="plus">+{changes.added}</span>{' '}
                <span class="minus">−{changes.removed}</span> ·{' '}
                <button
                  type="button"
                  class="link"
                  onClick={() => send({ type: 'turnChanges', turnId: turn.id, diffs: diffs(turn) })}
                >
                  {t('review')}
                </button>
                {' · '}
              </>
            )}
            {changes.uncounted && <>{t('what its commands changed was not counted')} · </>}
            <button
              type="button"
              class="link"
              disabled={busy}
              title={t('Undo this turn: code, memory and conversation')}
              onClick={() => send({ type: 'rewind', turnId: turn.id, last, parts: 'both' })}
            >
              {t('undo')}
            </button>
          </span>
        )}
        <span class="meter" title={meter}>
          {[checkpoints > 0 && `◆ ${counted(checkpoints, 'checkpoint')}`, meter].filter(Boolean).join(' · ')}
          {part && used > 0 && ` (${part})`}
        </span>
        <span class="tools">
          {reply && (
            <Tool label={t('Copy the reply')} icon="copy" onClick={() => send({ type: 'copy', text: reply })} />
          )}
          {last && turn.user && (
            <Tool
              label={t('Try again: undo this turn and resend the message')}
              icon="refresh"
              disabled={busy}
              onClick={() =>
                send({
                  type: 'resend',
                  id: newSendingId(),
                  turnId: turn.id,
                  last,
                  text: turn.user?.text ?? '',
                  parts: 'both',
                })
              }
            />
          )}
        </span>
      </div>
    </div>
  );
}
