import { render } from 'preact';
import { useLayoutEffect, useMemo, useState } from 'preact/hooks';
import type { Chip, FromWebview, RewindPreview, ToWebview, ViewState } from '../src/chat/messages';
import type { PermissionRequest } from '../src/updates';
import { Asked } from './asked';
import { onTranscriptClick } from './clicks';
import { Composer } from './composer';
import { EmptyState } from './empty';
import { Header } from './header';
import { remember, remembered, send } from './host';
import { t } from './l10n';
import { List } from './list';
import { store } from './store';
import type { Transcript, Turn } from './transcript';
import { TurnView } from './turn';
import { counted } from './words';

const TOO_EARLY = {
  type: 'notice',
  level: 'info',
  text: t('The server does not run yet. What you wrote stays here: send it again in a moment.'),
} as const;

function App() {
  const [, draw] = useState(0);
  // Before the first message can arrive: one that nobody listens to yet would be drawn with the next one only.
  useLayoutEffect(() => store.subscribe(() => draw((count) => count + 1)), []);
  const { transcript, view, open, chips, models, completions, preview, notice, insert, focus, sending } = store;
  const state = transcript.turns.at(-1)?.state;
  // What was sent runs from Enter on: it can be stopped, and what is said next waits for its end.
  const running = state === 'running' || state === 'waiting' || sending.length > 0;
  const rows = useMemo(() => grouped(transcript), [transcript]);
  const setChips = (changed: Chip[]) => {
    remember({ chips: changed });
    store.set({ chips: changed });
  };
  return (
    <main>
      <Header transcript={transcript} view={view} running={running} />
      {view.problem && <Problem view={view} />}
      {rows.length === 0 ? (
        <EmptyState view={view} asked={open.length > 0} />
      ) : (
        <List
          of={transcript.sessionId}
          sent={store.sent}
          grows={running}
          rows={rows.map((row) => ({ id: row.id, draw: () => drawRow(row, view, open, preview, running) }))}
          after={<Queue transcript={transcript} />}
        />
      )}
      <Asked open={open} sessionId={transcript.sessionId} />
      {notice && (
        <div class={`notice ${notice.level}`} role={notice.level === 'error' ? 'alert' : 'status'}>
          {notice.text}
          {notice.action && (
            <button
              type="button"
              class="link"
              onClick={() => {
                const { action } = notice;
                if (action) send('say' in action ? action.say : { type: 'command', command: action.command });
                store.set({ notice: null });
              }}
            >
              {notice.action.title}
            </button>
          )}
          <button
            type="button"
            class="tool codicon codicon-close"
            aria-label={t('Dismiss')}
            onClick={() => store.set({ notice: null })}
          />
        </div>
      )}
      <Composer
        view={view}
        models={models}
        running={running}
        waiting={state === 'waiting'}
        chips={chips}
        setChips={setChips}
        completions={completions}
        contextTokens={transcript.contextTokens}
        costUsd={transcript.costUsd}
        knownUsd={transcript.knownUsd}
        estimated={transcript.estimated}
        sending={(id) => store.receive({ type: 'sending', id })}
        isSending={() => store.sending.length > 0}
        tooEarly={() => store.set({ notice: TOO_EARLY })}
        insert={insert}
        focus={focus}
      />
    </main>
  );
}

type RowOf = { id: string; turn: Turn; last: boolean } | { id: string; gone: Turn[]; atEnd: boolean };

/** Turns that were taken back stand as one line. */
function grouped({ turns }: Transcript): RowOf[] {
  const rows: RowOf[] = [];
  const lastLive = turns.findLast(({ live }) => live);
  for (const turn of turns) {
    const before = rows.at(-1);
    if (turn.live) rows.push({ id: turn.id, turn, last: turn === lastLive });
    else if (before && 'gone' in before) before.gone.push(turn);
    else rows.push({ id: `gone-${turn.id}`, gone: [turn], atEnd: false });
  }
  const end = rows.at(-1);
  if (end && 'gone' in end) end.atEnd = true;
  return rows;
}

function drawRow(row: RowOf, view: ViewState, open: PermissionRequest[], preview: RewindPreview | null, busy: boolean) {
  if ('gone' in row) return <Gone turns={row.gone} atEnd={row.atEnd} view={view} busy={busy} />;
  return (
    <TurnView
      turn={withQuestions(row.turn, open)}
      mode={view.mode}
      contextWindow={view.contextWindow}
      preview={preview?.turnId === row.turn.id ? preview : null}
      last={row.last}
      busy={busy}
    />
  );
}

/** What the server asks this window stands at its call, also where the stream did not say so. */
function withQuestions(turn: Turn, open: PermissionRequest[]): Turn {
  if (turn.state === 'done' || !open.length) return turn;
  const asked = (id: string) => open.find(({ callId }) => callId === id);
  if (!turn.items.some((item) => item.kind === 'call' && !item.question && item.result === null && asked(item.id))) {
    return turn;
  }
  const items = turn.items.map((item) =>
    item.kind === 'call' && !item.question && item.result === null && asked(item.id)
      ? { ...item, question: asked(item.id) ?? null }
      : item,
  );
  return { ...turn, items };
}

interface GoneProps {
  turns: Turn[];
  /** Nothing was said since: it can be redone. */
  atEnd: boolean;
  view: ViewState;
  busy: boolean;
}

function Gone({ turns, atEnd, view, busy }: GoneProps) {
  const [shown, setShown] = useState(false);
  const checkpoint = turns.findLast(({ lastCheckpoint }) => lastCheckpoint)?.lastCheckpoint ?? '';
  const to = [checkpoint, turns.at(-1)?.ended];
  const back: FromWebview = atEnd ? { type: 'redo' } : { type: 'command', command: 'mazu.rollBack', arguments: to };
  return (
    <div class="gone">
      <p>
        ⟲ {counted(turns.length, 'turn')} {t('undone ·')}{' '}
        <button type="button" class="link" aria-expanded={shown} onClick={() => setShown(!shown)}>
          {shown ? t('hide') : t('show')}
        </button>
        {' · '}
        <button type="button" class="link" disabled={busy} onClick={() => send(back)}>
          {atEnd ? t('redo') : t('go back to them…')}
        </button>
      </p>
      {shown &&
        turns.map((turn) => (
          <TurnView
            key={turn.id}
            turn={turn}
            mode={view.mode}
            contextWindow={view.contextWindow}
            preview={null}
            last={false}
            busy
          />
        ))}
    </div>
  );
}

function Queue({ transcript: { queued } }: { transcript: Transcript }) {
  return (
    <>
      {queued.map(({ id, text }) => (
        <div key={id} class="queued">
          <span class="who">{t('Next')}</span> <span class="said">{text}</span>
          <button
            type="button"
            class="tool codicon codicon-close"
            aria-label={t('Do not send this')}
            onClick={() => send({ type: 'unqueue', queueId: id })}
          />
        </div>
      ))}
    </>
  );
}

function Problem({ view }: { view: ViewState }) {
  return (
    <div class="notice error" role="alert">
      {view.problem}
      {view.condition === 'running' && !view.ready && (
        <>
          <button type="button" class="link" onClick={() => send({ type: 'command', command: 'mazu.setApiKey' })}>
            {t('Set API key')}
          </button>
          <button type="button" class="link" onClick={() => send({ type: 'command', command: 'mazu.selectModel' })}>
            {t('Choose model')}
          </button>
        </>
      )}
    </div>
  );
}

window.addEventListener('message', ({ data }: MessageEvent<ToWebview>) => store.receive(data));
window.addEventListener('error', ({ message }) => send({ type: 'fault', message }));
document.addEventListener('click', onTranscriptClick);
render(<App />, document.getElementById('root') as HTMLElement);
send({ type: 'ready', sessionId: remembered().sessionId });
