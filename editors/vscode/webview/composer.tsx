import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chip, Completion, ModelChoice, ViewState } from '../src/chat/messages';
import { onDrop, onPaste } from './dropped';
import { newSendingId, remember, remembered, send } from './host';
import { t } from './l10n';
import { Menu } from './menu';
import { money, share, tokens } from './words';

export const MODES = [
  { id: 'ask', label: t('Ask'), detail: t('asks before edits and commands') },
  { id: 'auto', label: t('Auto'), detail: t('edits and harmless commands run; everything else is refused') },
  { id: 'plan', label: t('Plan'), detail: t('reads only') },
  { id: 'bypass', label: t('Bypass'), detail: t('asks about almost nothing; hard denials still apply') },
];
/** What Shift+Tab goes through; bypass is never reached by accident. */
const CYCLE = ['ask', 'auto', 'plan'];

interface Props {
  view: ViewState;
  models: ModelChoice[];
  running: boolean;
  /** A question is open. */
  waiting: boolean;
  chips: Chip[];
  setChips(chips: Chip[]): void;
  /** A message is on its way. */
  sending(id: number): void;
  /** Whether one is, also where that was not drawn yet: the next key may come before the next frame. */
  isSending(): boolean;
  completions: { request: number; items: Completion[] };
  contextTokens: number;
  costUsd: number | null;
  knownUsd: number;
  estimated: boolean;
  /** Enter was pressed before there is a server to send to. */
  tooEarly(): void;
  /** Changes when text is to be put in: `[count, text, the text that it replaces]`. */
  insert: readonly [number, string, string];
  focus: number;
}

/** Where the next message is written. */
export function Composer(props: Props) {
  const { view, running, chips, setChips, completions, insert, focus } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(remembered().draft);
  const [word, setWord] = useState<{ sign: '@' | '/'; query: string; request: number } | null>(null);
  const [chosen, setChosen] = useState(0);
  const requests = useRef(0);
  const caret = useRef<number | null>(null);
  const items = word && completions.request === word.request ? completions.items : [];

  useEffect(() => remember({ draft: text }), [text]);
  // The focus and the caret are set before the next key can arrive; an effect after the next frame would lose it.
  // A page that has just been drawn takes the keyboard from nobody: a quick pick may be open.
  useLayoutEffect(() => {
    if (focus > 0 || document.hasFocus()) area.current?.focus();
  }, [focus]);
  useEffect(() => {
    const take = () => document.activeElement === document.body && area.current?.focus();
    window.addEventListener('focus', take);
    return () => window.removeEventListener('focus', take);
  }, []);
  useLayoutEffect(() => {
    if (!insert[0]) return;
    const [, added, replaces] = insert;
    setText((old) => joinLines(replaces && old.trim() === replaces ? '' : old, added));
    area.current?.focus();
  }, [insert]);
  useLayoutEffect(() => {
    const it = area.current;
    if (!it) return;
    it.style.height = 'auto';
    it.style.height = `${Math.min(it.scrollHeight, window.innerHeight * 0.4)}px`;
    if (caret.current !== null) it.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [text]);

  const look = () => {
    const it = area.current;
    if (!it) return;
    const before = it.value.slice(0, it.selectionStart);
    const found = /(?:^|\s)(@)([^\s@]*)$/.exec(before) ?? /^(\/)(\S*)$/.exec(before);
    if (!found) return setWord(null);
    const [, sign, query] = found as unknown as [string, '@' | '/', string];
    const request = ++requests.current;
    setChosen(0);
    setWord({ sign, query, request });
    send({ type: 'complete', request, sign, query });
  };
  const take = ({ chip, insert: into, label }: Completion) => {
    const it = area.current;
    if (!it || !word) return;
    const end = it.selectionStart;
    const start = end - word.query.length - 1;
    const put = chip ? '' : `${into ?? label} `;
    caret.current = start + put.length;
    setText(it.value.slice(0, start) + put + it.value.slice(end));
    if (chip) setChips([...chips.filter(({ id }) => id !== chip.id), chip]);
    setWord(null);
  };
  const submit = () => {
    if (!text.trim() && !chips.length) return;
    if (view.condition !== 'running') return props.tooEarly();
    const id = newSendingId();
    const queue = running || props.isSending();
    if (!text.startsWith('/')) props.sending(id);
    send({ type: 'send', id, text: text.trim(), chips, queue });
    setText('');
    setChips([]);
    setWord(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (items.length && move) setChosen((chosen + move + items.length) % items.length);
    else if (items.length && (event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) take(items[chosen]!);
    else if (event.key === 'Escape' && word) setWord(null);
    else if (event.key === 'Escape' && (running || props.isSending())) send({ type: 'stop' });
    else if (event.key === 'ArrowUp' && !text && openQuestion()) openQuestion()?.focus();
    else if (event.key === 'Enter' && !event.shiftKey) submit();
    else if (event.key === 'Tab' && event.shiftKey) send({ type: 'mode', mode: next(view.mode) });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="composer" onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      {chips.length > 0 && (
        <div class="chips">
          {chips.map((chip) => (
            <span key={chip.id} class="chip">
              <span title={chip.label}>{chip.label}</span>
              <button
                type="button"
                aria-label={t('Remove {0}', chip.label)}
                onClick={() => setChips(chips.filter(({ id }) => id !== chip.id))}
              >
                ×
              </button>
            </span>
          ))}
        </div>
      )}
      {items.length > 0 && <Completions items={items} chosen={chosen} take={take} />}
      <textarea
        ref={area}
        rows={2}
        value={text}
        disabled={view.condition === 'untrusted'}
        aria-label={t('Message')}
        aria-autocomplete="list"
        aria-controls={items.length ? 'completions' : undefined}
        aria-activedescendant={items.length ? `completion-${chosen}` : undefined}
        placeholder={placeholder(props)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          look();
        }}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <Bar {...props} empty={!text.trim() && !chips.length} submit={submit} />
    </div>
  );
}

function Completions({ items, chosen, take }: { items: Completion[]; chosen: number; take(item: Completion): void }) {
  useEffect(() => document.getElementById(`completion-${chosen}`)?.scrollIntoView({ block: 'nearest' }), [chosen]);
  return (
    <ul id="completions" class="completions" role="listbox" aria-label={t('Suggestions')}>
      {items.map((item, index) => (
        <li
          key={`${item.label}${item.detail}`}
          id={`completion-${index}`}
          role="option"
          aria-selected={index === chosen}
          class={index === chosen ? 'chosen' : ''}
          onMouseDown={(event) => {
            event.preventDefault();
            take(item);
          }}
        >
          <span class={`codicon codicon-${item.icon}`} aria-hidden="true" />
          <span class="label">{item.label}</span>
          <span class="detail">{item.detail}</span>
        </li>
      ))}
    </ul>
  );
}

function Bar({
  view,
  models,
  running,
  contextTokens,
  costUsd,
  knownUsd,
  estimated,
  empty,
  submit,
}: Props & { empty: boolean; submit(): void }) {
  const mode = MODES.find(({ id }) => id === view.mode);
  const full = share(contextTokens, view.contextWindow);
  return (
    <div class="bar">
      <Menu
        label={mode?.label ?? (view.mode || t('Ask'))}
        name={t('Permission mode')}
        hint={t('What Mazu may do without asking (Shift+Tab)')}
        items={MODES.map(({ id, label, detail }) => ({ id, label, detail, current: id === view.mode }))}
        choose={(id) => send({ type: 'mode', mode: id })}
      />
      <Menu
        label={view.model?.replace(/^[^:]*:/, '') ?? t('no model')}
        name={t('Model')}
        hint={t('The model that answers')}
        items={models.map(({ name, detail, ready, current }) => ({
          id: name,
          label: name.replace(/^[^:]*:/, ''),
          detail: ready ? detail : t('needs a key · {0}', detail),
          current,
        }))}
        opened={() => send({ type: 'models' })}
        choose={(model) => send({ type: 'model', model })}
      />
      <span
        class="meter"
        title={t('{0} tokens in the context window; cost of this conversation', tokens(contextTokens))}
      >
        {contextTokens > 0 && `◔ ${full || tokens(contextTokens)}`}{' '}
        {contextTokens > 0 && money(costUsd, estimated, knownUsd)}
      </span>
      {running && (
        <button
          type="button"
          class="tool codicon codicon-debug-stop"
          aria-label={t('Stop')}
          title={t('Stop (Escape)')}
          onClick={() => send({ type: 'stop' })}
        />
      )}
      <button
        type="button"
        class="tool send codicon codicon-send"
        aria-label={running ? t('Send when this turn is done') : t('Send')}
        title={running ? t('Send when this turn is done (Enter)') : t('Send (Enter)')}
        disabled={empty || view.condition !== 'running'}
        onClick={submit}
      />
    </div>
  );
}

/** The question that waits, where the arrow up goes from an empty composer. */
const openQuestion = () => document.querySelector<HTMLElement>('.question');

function placeholder({ running, waiting }: Props): string {
  if (waiting) return t('A question waits for you: ↑ goes to it');
  return running ? t('Write on: it is sent when this turn is done') : t('Ask, or describe a task…  @ /');
}

const joinLines = (old: string, added: string): string =>
  old && added && !old.endsWith('\n') ? `${old}\n${added}` : old + added;

const next = (mode: string): string => CYCLE[(CYCLE.indexOf(mode) + 1) % CYCLE.length] ?? 'ask';
