import { memo } from './memo';
import { t } from './l10n';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Diff } from './diff';
import { send } from './host';
import { Question } from './question';
import type { Call } from './transcript';
import { callTitle, diffSize, pathOf, sign, signName } from './words';

const LIVE_LINES = 6;
/** What stands where the user denied and gave no reason. */
const NO_REASON = 'refused';
/** Tools whose line says all that came of them where they succeed. */
const SAID_ALL = new Set(['read_file', 'list_dir', 'edit_file', 'write_file', 'remember']);

/** One tool call: one line, and what belongs to it. Failures are open, the rest is folded. */
export const CallCard = memo(({ call }: { call: Call }) => {
  const { question, result, output, diff, verdict } = call;
  const state = sign(call);
  const [opened, setOpened] = useState<boolean | null>(null);
  const open = opened ?? (result === 'failed' && verdict?.verdict !== 'deny');
  const { verb, object, joint, path } = callTitle(call);
  const asks = question && !call.title ? question.title : '';
  const foldable = !question && Boolean(diff || output || (result && result !== 'void' && verdict?.verdict !== 'deny'));
  return (
    <div class={`call ${result ?? (question ? 'asks' : 'running')}`} data-call={call.id}>
      <div class="call-line">
        <span class="sign" role="img" aria-label={signName[state] ?? ''}>
          {state}
        </span>
        {asks ? <span>{asks}</span> : verb && <span class="verb">{verb}</span>}
        {object && (
          <code class="object" title={whole(call, object)}>
            {object}
          </code>
        )}
        {joint && <span>{joint}</span>}
        {path && (
          <button type="button" class="link object" onClick={() => send({ type: 'openFile', path })}>
            {path}
          </button>
        )}
        {diff && <span class="size">{diffSize(diff)}</span>}
        <span class="outcome">{outcome(call)}</span>
        {diff && (
          <button
            type="button"
            class="link"
            title={t('Open the changes in the diff editor')}
            onClick={() => send({ type: 'callDiff', callId: call.id, path: pathOf(call), diff })}
          >
            {t('diff')}
          </button>
        )}
        {foldable && (
          <button
            type="button"
            class="link fold"
            aria-expanded={open}
            aria-label={open ? t('Hide details') : t('Show details')}
            onClick={() => setOpened(!open)}
          >
            {open ? '▾' : '▸'}
          </button>
        )}
      </div>
      {question ? (
        <Question question={question} arguments={call.arguments} />
      ) : (
        <Details call={call} open={open} live={result === null && Boolean(output)} />
      )}
      {call.edited && <div class="reason">{t('changed by you before it ran')}</div>}
      {verdict?.verdict === 'deny' && verdict.reason && verdict.reason !== NO_REASON && (
        <div class="reason">“{verdict.reason}”</div>
      )}
    </div>
  );
});

function Details({ call, open, live }: { call: Call; open: boolean; live: boolean }) {
  const { id, diff, output, whole, summary, result } = call;
  const isAsked = open && !diff && !whole && (result === 'ok' || result === 'failed');
  useEffect(() => {
    if (isAsked) send({ type: 'output', callId: id });
  }, [isAsked, id]);
  const shown = useRef<HTMLPreElement>(null);
  // What went wrong stands at the end.
  useLayoutEffect(() => {
    if (result === 'failed' && shown.current) shown.current.scrollTop = shown.current.scrollHeight;
  }, [open, output, result]);
  if (!open) return live ? <pre class="output live">{lastLines(output, LIVE_LINES)}</pre> : null;
  return (
    <>
      {diff && <Diff diff={diff} />}
      {(output || !diff) && (
        <pre ref={shown} class="output" tabIndex={0} aria-label={t('Output')}>
          {output || summary}
        </pre>
      )}
    </>
  );
}

function outcome({ tool, result, summary, verdict, question }: Call): string {
  if (question) return '';
  if (verdict?.verdict === 'deny') return t('not allowed');
  if (SAID_ALL.has(tool) && result === 'ok') return '';
  if (result === 'void') return t('not run');
  const first = summary.split('\n', 1)[0] ?? '';
  return first.length > 80 ? `${first.slice(0, 79)}…` : first;
}

/** All of a command, of which the line shows the beginning. */
const whole = ({ arguments: given }: Call, shown: string): string =>
  typeof given['command'] === 'string' ? given['command'] : shown;

const lastLines = (text: string, count: number): string => text.trimEnd().split('\n').slice(-count).join('\n');
