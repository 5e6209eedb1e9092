import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FromTimeMachine, StepView, Stop, ToTimeMachine } from '../src/panels/messages';
import { connect } from './page';
import { t } from './l10n';
import { clock, counted } from './words';

const LOOK_MS = 60;

let receive: (message: ToTimeMachine) => void = () => undefined;
const send = connect<ToTimeMachine, FromTimeMachine>((message) => receive(message));

function TimeMachine() {
  const [stops, setStops] = useState<Stop[] | null>(null);
  const [at, setAt] = useState(0);
  const [step, setStep] = useState<StepView | null>(null);
  const stop = stops?.[at];
  receive = (message) => {
    if (message.type === 'step') return setStep(message.step);
    const known = message.stops.findIndex(({ id }) => id === stop?.id);
    setStops(message.stops);
    const current = message.stops.findIndex(({ current: is }) => is);
    setAt(known >= 0 ? known : current >= 0 ? current : message.stops.length - 1);
  };
  useEffect(() => {
    if (!stop) return undefined;
    // While the slider is dragged nothing is asked for; where it rests, one step is.
    const timer = setTimeout(() => send({ type: 'look', id: stop.id }), LOOK_MS);
    return () => clearTimeout(timer);
  }, [stop?.id]);
  if (!stops) return <p class="machine">{t('Looking at the checkpoints…')}</p>;
  if (!stop)
    return (
      <p class="machine">
        {t('There is no checkpoint yet. One is taken before and after each step that changes something.')}
      </p>
    );
  return (
    <div class="machine">
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
          {[clock(stop.at), stop.changes, stop.current ? 'current state' : '', stop.here ? '' : 'another branch']
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      <div class="answers">
        <button
          type="button"
          class="primary"
          disabled={stop.current}
          onClick={() => send({ type: 'restore', id: stop.id })}
        >
          {t('Restore all…')}
        </button>
        <button type="button" class="secondary" onClick={() => send({ type: 'branch', id: stop.id })}>
          {t('Branch from here')}
        </button>
      </div>
      {step?.id === stop.id ? <Step step={step} /> : <p class="about">…</p>}
    </div>
  );
}

/** The checkpoints as ticks: those on the line to where things stand above, other branches below. */
function Track({ stops, at }: { stops: Stop[]; at: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const it = canvas.current;
    const context = it?.getContext('2d');
    if (!it || !context) return;
    const scale = window.devicePixelRatio;
    it.width = it.clientWidth * scale;
    it.height = it.clientHeight * scale;
    const style = getComputedStyle(it);
    const step = stops.length > 1 ? (it.width - 16 * scale) / (stops.length - 1) : 0;
    for (const [index, { here, current, kind }] of stops.entries()) {
      const chosen = index === at;
      const tall = chosen || current || kind === 'manual';
      context.fillStyle =
        chosen || current ? style.getPropertyValue('--vscode-focusBorder') || style.color : style.color;
      context.globalAlpha = here ? 1 : 0.4;
      const height = it.height * (tall ? 0.5 : 0.3);
      context.fillRect(
        8 * scale + index * step,
        here ? it.height / 2 - height : it.height / 2,
        Math.max(1, 2 * scale),
        height,
      );
    }
  });
  return <canvas ref={canvas} class="track" aria-hidden="true" />;
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
              <span class="size">{added === null ? 'binary' : `+${added} −${removed}`}</span>
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
        {said.map(({ who, text }) => (
          <div key={who}>
            <span class="who">{who}</span>
            <div class="said">{text}</div>
          </div>
        ))}
        {said.length > 0 && <p class="about">{counted(said.length, 'message')}</p>}
      </section>
    </div>
  );
}

render(<TimeMachine />, document.getElementById('root') as HTMLElement);
send({ type: 'ready' });
