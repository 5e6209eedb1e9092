import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { FromTimeMachine, StateView, StepView, Stop, ToTimeMachine } from '../src/panels/messages';
import { t } from './l10n';
import { connect } from './page';
import { Track } from './track';
import { clock, counted } from './words';

const LOOK_MS = 60;

let receive: (message: ToTimeMachine) => void = () => undefined;
const send = connect<ToTimeMachine, FromTimeMachine>((message) => receive(message));

function TimeMachine() {
  const [all, setAll] = useState<Stop[] | null>(null);
  const [sessions, setSessions] = useState<{ id: string; name: string }[]>([]);
  const [only, setOnly] = useState('');
  const stops = useMemo(() => (only ? (all?.filter(({ session }) => session === only) ?? null) : all), [all, only]);
  const [at, setAt] = useState(0);
  const [step, setStep] = useState<StepView | null>(null);
  const [state, setState] = useState<StateView | null>(null);
  const [whole, setWhole] = useState(false);
  const [query, setQuery] = useState('');
  const stop = stops?.[at];
  receive = (message) => {
    if (message.type === 'step') return setStep(message.step);
    if (message.type === 'state') return setState(message.state);
    setAll(message.stops);
    setSessions(message.sessions);
    const still = message.stops.some(({ session }) => session === only) ? only : '';
    setOnly(still);
    setAt(standAt(message.stops, still, stop?.id));
  };
  const choose = (session: string) => {
    setOnly(session);
    setAt(standAt(all ?? [], session, stop?.id));
  };
  useEffect(() => {
    if (!stop) return undefined;
    // While the slider is dragged nothing is asked for; where it rests, one step is.
    const { id } = stop;
    const timer = setTimeout(() => send(whole ? { type: 'contents', id, query } : { type: 'look', id }), LOOK_MS);
    return () => clearTimeout(timer);
  }, [stop?.id, whole, query]);
  if (!stops) return <p class="machine">{t('Looking at the checkpoints…')}</p>;
  if (!stop)
    return (
      <p class="machine">
        {t('There is no checkpoint yet. One is taken before and after each step that changes something.')}
      </p>
    );
  return (
    <div class="machine">
      {sessions.length > 1 && (
        <select aria-label={t('Conversation')} value={only} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">{t('All conversations')}</option>
          {sessions.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      <Track stops={stops} at={at} />
      <input
        type="range"
        min={0}
        max={stops.length - 1}
        value={at}
        aria-label={t('Checkpoint')}
        aria-valuetext={`${stop.title}, ${clock(stop.at)}`}
        onInput={(event) => setAt(Number(event.currentTarget.value))}
      />
      <div class="head">
        <span class="who">{stop.title}</span>
        <span class="about">
          {[clock(stop.at), stop.changes, stop.current ? t('current') : '', stop.here ? '' : t('another branch')]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      <div class="answers">
        <button type="button" class="primary" onClick={() => send({ type: 'restore', id: stop.id })}>
          {t('Restore all…')}
        </button>
        <button type="button" class="secondary" onClick={() => send({ type: 'branch', id: stop.id })}>
          {t('Branch from here')}
        </button>
        <button type="button" class="secondary" onClick={() => send({ type: 'compare', id: stop.id })}>
          {t('Changes since then')}
        </button>
      </div>
      <div class="choice" role="group" aria-label={t('What is shown')}>
        <button type="button" class="link" aria-pressed={!whole} onClick={() => setWhole(false)}>
          {t('This step')}
        </button>
        <button type="button" class="link" aria-pressed={whole} onClick={() => setWhole(true)}>
          {t('Everything as it was')}
        </button>
      </div>
      {whole ? (
        <Whole state={state?.id === stop.id ? state : null} query={query} setQuery={setQuery} />
      ) : step?.id === stop.id ? (
        <Step step={step} />
      ) : (
        <p class="about">…</p>
      )}
    </div>
  );
}

/** The place of what was looked at, else of what stands now, else of the last one. */
function standAt(stops: readonly Stop[], session: string, looked: string | undefined): number {
  const shown = session ? stops.filter((stop) => stop.session === session) : stops;
  const known = shown.findIndex(({ id }) => id === looked);
  const current = shown.findIndex(({ current: is }) => is);
  return known >= 0 ? known : current >= 0 ? current : shown.length - 1;
}

function Step({ step: { id, files, memories, said, problem } }: { step: StepView }) {
  if (problem) return <p class="ended error">{problem}</p>;
  return (
    <div class="members">
      <section aria-label={t('Code')}>
        <h2>{t('Code')}</h2>
        {files.length === 0 && <p class="about">{t('No file changed in this step.')}</p>}
        <ul class="files">
          {files.map(({ path, status, added, removed }) => (
            <li key={path}>
              <span class="sign" title={status}>
                {({ added: '+', deleted: '−' } as Record<string, string>)[status] ?? '~'}
              </span>
              <button type="button" class="link" onClick={() => send({ type: 'diff', id, path })}>
                {path}
              </button>
              <span class="size">
                {added === null ? t('binary') : added === undefined ? '' : `+${added} −${removed}`}
              </span>
              <button type="button" class="link" onClick={() => send({ type: 'restoreFile', id, path })}>
                {t('restore this file')}
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label={t('Memory')}>
        <h2>{t('Memory')}</h2>
        {memories.length === 0 && <p class="about">{t('Nothing was learned or forgotten.')}</p>}
        <ul class="files">
          {memories.map(({ id: memory, title, sign }) => (
            <li key={memory}>
              <span class="sign">{sign}</span>
              <span>{title}</span>
              <button type="button" class="link" onClick={() => send({ type: 'restoreMemory', id, memory })}>
                {t('restore')}
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label={t('Conversation')}>
        <h2>{t('Conversation')}</h2>
        {said.length === 0 && <p class="about">{t('Nothing was said.')}</p>}
        <Conversation said={said} />
        {said.length > 0 && <p class="about">{counted(said.length, 'message')}</p>}
      </section>
    </div>
  );
}

function Conversation({ said }: Pick<StepView, 'said'>) {
  return (
    <>
      {said.map(({ who, text }, index) => (
        <div key={index}>
          <span class="who">{who === 'You' ? t('You') : who}</span>
          <div class="said">{text}</div>
        </div>
      ))}
    </>
  );
}

interface WholeProps {
  /** Null until it is known. */
  state: StateView | null;
  query: string;
  setQuery(query: string): void;
}

/** Code, memory and conversation as they were, each to be opened or brought back by itself. */
function Whole({ state, query, setQuery }: WholeProps) {
  if (state?.problem) return <p class="ended error">{state.problem}</p>;
  const left = state ? state.total - state.files.length : 0;
  return (
    <div class="members">
      <section aria-label={t('Code')}>
        <h2>{t('Code')}</h2>
        <input
          type="search"
          class="filter"
          value={query}
          placeholder={t('Find a file')}
          aria-label={t('Find a file')}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        <ul class="files">
          {state?.files.map((path) => (
            <li key={path}>
              <button type="button" class="link" onClick={() => send({ type: 'openThen', id: state.id, path })}>
                {path}
              </button>
              <button type="button" class="link" onClick={() => send({ type: 'restoreFile', id: state.id, path })}>
                {t('restore this file')}
              </button>
            </li>
          ))}
        </ul>
        <p class="about">
          {!state ? '…' : left > 0 ? t('and {0} more: write a part of the path', left) : counted(state.total, 'file')}
        </p>
      </section>
      <section aria-label={t('Memory')}>
        <h2>{t('Memory')}</h2>
        {state?.memories.length === 0 && <p class="about">{t('Nothing was remembered yet.')}</p>}
        <ul class="files">
          {state?.memories.map(({ id: memory, title, category }) => (
            <li key={memory}>
              <span>{title}</span>
              <span class="size">{category.replace('_', ' ')}</span>
              <button type="button" class="link" onClick={() => send({ type: 'restoreMemory', id: state.id, memory })}>
                {t('restore')}
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label={t('Conversation')}>
        <h2>{t('Conversation')}</h2>
        {state?.said.length === 0 && <p class="about">{t('Nothing was said.')}</p>}
        {state && <Conversation said={state.said} />}
        {state && state.turns > 0 && <p class="about">{counted(state.turns, 'turn')}</p>}
      </section>
    </div>
  );
}

render(<TimeMachine />, document.getElementById('root') as HTMLElement);
send({ type: 'ready' });
