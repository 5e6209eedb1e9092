import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PermissionReply, Question as QuestionData, QuestionOption } from '../src/updates';
import { Diff } from './diff';
import { send } from './host';
import { t } from './l10n';

/** Who has pressed a key so lately is typing. */
const TYPING_MS = 1000;
const DEAF_MS = 400;
let lastKey = Number.NEGATIVE_INFINITY;
document.addEventListener('keydown', () => (lastKey = performance.now()), true);

/** Short words on the buttons; what exactly they allow stands above them, so that the buttons come last and are in sight. */
const SHORT: Record<string, string> = {
  allow_once: t('Allow'),
  allow_session: t('For this session'),
  allow_always: t('Always'),
};
const KEYS: Record<string, string> = { allow_once: 'Enter', allow_session: 's', allow_always: 'a', deny: 'n' };

/** Whether an option allows or denies a tool call; what is asked about something else has answers of its own. */
const isOfCall = ({ label }: QuestionOption): boolean => /^(Allow|Always allow|Deny)\b/.test(label);

interface Props {
  question: QuestionData;
  /** What the call would be called with. */
  arguments: Record<string, unknown>;
}

/** An open question, in its place: everything that would happen, and every answer by keyboard. */
export function Question({ question, arguments: given }: Props) {
  const [note, setNote] = useState<string | null>(null);
  const [edited, setEdited] = useState<string | null>(null);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const box = useRef<HTMLDivElement>(null);
  const deafUntil = useRef(0);
  const { callId, options, diff, hunks, rule } = question;
  const { said, why } = parts(question);
  const of = (kind: string) => options.find((option) => option.kind === kind);
  const deny = of('deny');
  const widest = of('allow_always') ?? of('allow_session');
  const wider = widest && isOfCall(widest) ? widest : undefined;
  const editable = question.editable?.[0];
  const answer = (option: QuestionOption | undefined, more: Omit<PermissionReply, 'optionId'> = {}) => {
    if (!option || (option.kind !== 'deny' && left.size > 0 && left.size === hunks?.length)) return;
    const some = hunks && left.size ? { hunks: hunks.map(({ id }) => id).filter((id) => !left.has(id)) } : {};
    const allowed = option.kind === 'deny' ? {} : some;
    send({ type: 'answer', callId, reply: { optionId: option.id, ...allowed, ...more } });
  };
  const refuse = () => (deny && !isOfCall(deny) ? answer(deny) : setNote(''));
  const change = editable ? () => setEdited(String(given[editable] ?? '')) : undefined;

  useLayoutEffect(() => {
    // No key that was meant for something else answers: the keyboard comes here only where nothing is being written,
    // and what is typed on for a moment is not heard.
    const active = document.activeElement;
    const writing = active instanceof HTMLTextAreaElement && active.value !== '';
    if (writing || !document.hasFocus() || performance.now() - lastKey < TYPING_MS) return;
    deafUntil.current = performance.now() + DEAF_MS;
    box.current?.focus({ preventScroll: true });
  }, [callId]);

  useLayoutEffect(() => {
    const it = box.current;
    // The keyboard that was in it goes back to where one writes.
    return () => {
      if (it?.contains(document.activeElement)) document.querySelector<HTMLElement>('.composer textarea')?.focus();
    };
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (note !== null || edited !== null || performance.now() < deafUntil.current) return;
    if (event.key === 'Enter') answer(of('allow_once'));
    else if (event.key === 's') answer(of('allow_session'));
    else if (event.key === 'a') answer(of('allow_always'));
    else if (event.key === 'n') refuse();
    else if (event.key === 'e' && change) change();
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={box}
      class="question"
      role="group"
      aria-label={
        of('allow_once') && deny && isOfCall(deny)
          ? t('Mazu asks: {0}. Enter allows once, n denies.', question.title)
          : t('Mazu asks: {0}', question.title)
      }
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      {hunks && hunks.length > 1 ? (
        hunks.map(({ id, diff: part }) => (
          <label key={id} class="hunk">
            <input
              type="checkbox"
              checked={!left.has(id)}
              onChange={() => setLeft(toggled(left, id))}
              aria-label={t('Allow this change')}
            />
            <Diff diff={part} />
          </label>
        ))
      ) : diff ? (
        <Diff diff={diff} />
      ) : (
        said && edited === null && <pre class="output">{said}</pre>
      )}
      {why && <p class="exact">{t('Asked because {0}', why)}</p>}
      {edited !== null && editable && (
        <Field
          label={t('Edit the {0} before it is allowed', editable)}
          value={edited}
          action={t('Allow as edited')}
          code
          onDone={(value) => answer(of('allow_once'), { arguments: { [editable]: value } })}
          onCancel={() => setEdited(null)}
        />
      )}
      {note !== null && (
        <Field
          label={t('Reason, or what to do instead (optional)')}
          value={note}
          action={t('Deny')}
          onDone={(value) => answer(deny, value.trim() ? { note: value.trim() } : {})}
          onCancel={() => setNote(null)}
        />
      )}
      {note === null && edited === null && wider && (
        <p class="exact">{rule && !wider.label.includes(rule) ? `${wider.label}: ${rule}` : wider.label}</p>
      )}
      {note === null && edited === null && (
        <div class="answers">
          {options
            .filter(({ kind }) => kind !== 'deny')
            .map((option, index) => (
              <button
                key={option.id}
                type="button"
                class={index === 0 ? 'primary' : 'secondary'}
                title={title(option, of(option.kind) === option, rule)}
                disabled={hunks ? left.size === hunks.length : false}
                onClick={() => answer(option)}
              >
                {option.kind === 'allow_once' && hunks && left.size
                  ? t('Allow {0} of {1}', hunks.length - left.size, hunks.length)
                  : (isOfCall(option) && SHORT[option.kind]) || option.label}
              </button>
            ))}
          {change && (
            <button type="button" class="secondary" title="e" onClick={change}>
              {t('Edit…')}
            </button>
          )}
          {deny && (
            <button type="button" class="secondary" title="n" onClick={refuse}>
              {isOfCall(deny) ? t('Deny…') : deny.label}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** What a question says apart from its diff, and why it is asked, with which the detail ends. */
function parts({ detail, reason }: QuestionData): { said: string; why: string } {
  const end = reason ? `Why this needs approval: ${reason}` : '';
  return end && detail.endsWith(end)
    ? { said: detail.slice(0, -end.length).trim(), why: reason!.trim() }
    : { said: detail, why: '' };
}

const title = ({ kind, label }: QuestionOption, hasKey: boolean, rule: string | null | undefined): string =>
  [hasKey && KEYS[kind] ? `${label} (${KEYS[kind]})` : label, kind !== 'allow_once' && rule ? rule : '']
    .filter(Boolean)
    .join(' · ');

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const copy = new Set(set);
  if (!copy.delete(id)) copy.add(id);
  return copy;
}

interface FieldProps {
  label: string;
  value: string;
  action: string;
  /** What is written is code. */
  code?: boolean;
  onDone(value: string): void;
  onCancel(): void;
}

/** As many lines as a narrow side bar needs for it, within bounds. */
const rowsOf = (value: string): number =>
  Math.min(
    12,
    Math.max(
      2,
      value.split('\n').reduce((rows, line) => rows + 1 + Math.floor(line.length / 36), 0),
    ),
  );

/** A line to write in: Enter is its button, Escape goes back. */
export function Field({ label, value, action, code, onDone, onCancel }: FieldProps) {
  const input = useRef<HTMLTextAreaElement>(null);
  // Before the next key arrives.
  useLayoutEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'Escape') onCancel();
    else if (event.key === 'Enter' && !event.shiftKey) onDone(input.current?.value ?? '');
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="field">
      <textarea
        ref={input}
        rows={rowsOf(value)}
        class={code ? 'code-field' : undefined}
        aria-label={label}
        placeholder={label}
        onKeyDown={onKeyDown}
      >
        {value}
      </textarea>
      <div class="answers">
        <button type="button" class="primary" onClick={() => onDone(input.current?.value ?? '')}>
          {action}
        </button>
        <button type="button" class="secondary" onClick={onCancel}>
          {t('Cancel')}
        </button>
      </div>
    </div>
  );
}
