/**
 * The transcript as a value: what a session's events and updates add up to. Pure, so that a page which is drawn again
 * from the events shows the same as one that followed the stream.
 */

import { t } from './l10n';
import { changedTitle } from './words';
import type { AttachedPlace, EventPage, Question, SessionUpdate, TurnChanges, TurnError, Update } from '../src/updates';

/** Characters of live output that are kept of one call; the server keeps all of it. */
export const OUTPUT_KEPT = 20_000;

export interface Prose {
  kind: 'text' | 'thought';
  text: string;
  streaming: boolean;
  /** Milliseconds; only where the thinking was watched. */
  began?: number;
  ended?: number;
}

export interface Call {
  kind: 'call';
  id: string;
  tool: string;
  verb: string;
  title: string;
  arguments: Record<string, unknown>;
  output: string;
  /** `output` is all that it gave back. */
  whole: boolean;
  /** null while it runs; 'void' where the turn ended before it began. */
  result: 'ok' | 'failed' | 'void' | null;
  summary: string;
  diff: string;
  question: Question | null;
  verdict: { verdict: string; by: string; reason: string } | null;
  /** The user changed what it is called with before it ran. */
  edited: boolean;
}

export interface Note {
  kind: 'note';
  text: string;
  detail: string;
}

export type Item = Prose | Call | Note;

export interface Turn {
  id: string;
  at: string;
  /** False: taken back, or on another branch. */
  live: boolean;
  turnKind: string;
  model: string;
  user: { text: string; attachments: AttachedPlace[] } | null;
  memories: { id: string; title: string }[];
  written: { id: string; title: string; outcome: string }[];
  items: Item[];
  state: 'running' | 'waiting' | 'done';
  /** When; null while it runs, or if its end was never written. */
  ended: string | null;
  stopReason: string;
  detail: string;
  error: TurnError | null;
  changes: TurnChanges | null;
  checkpoints: number;
  /** The id of the newest; "" where there is none. */
  lastCheckpoint: string;
  tokens: number;
  /** Those of its last call: what the context window held then. */
  contextTokens: number;
  /** null: a price is not known. */
  costUsd: number | null;
  /** What is known of it. */
  knownUsd: number;
  /** A part of the cost is an estimate. */
  estimated: boolean;
}

export interface Transcript {
  sessionId: string | null;
  name: string;
  turns: Turn[];
  queued: { id: string; text: string }[];
  /** `seq` of the last update that is in it. */
  seq: number;
  /** An update is missing or the head moved: the events are to be fetched again. */
  stale: boolean;
  /** Tokens of the last model call, all of its input and its output. */
  contextTokens: number;
  costUsd: number | null;
  knownUsd: number;
  estimated: boolean;
}

export const EMPTY: Transcript = {
  sessionId: null,
  name: '',
  turns: [],
  queued: [],
  seq: 0,
  stale: false,
  contextTokens: 0,
  costUsd: 0,
  knownUsd: 0,
  estimated: false,
};

/** The first page of a session's events. */
export function fromPage(page: EventPage, now = Date.now()): Transcript {
  const start = { ...EMPTY, sessionId: page.sessionId, name: page.name, seq: page.updates };
  return addPage(start, page, now);
}

/** One more page; what has streamed of an unfinished message comes with the last one. */
export function addPage(transcript: Transcript, page: EventPage, now = Date.now()): Transcript {
  const batch = new Batch(transcript);
  batch.state.seq = page.updates;
  for (const { turnId, at, live, update } of page.events) batch.apply(turnId, at, live, update, now);
  if (page.next === null) batch.finish(page, now);
  return batch.result();
}

/** What was sent since; what is known already is dropped. */
export function addUpdates(transcript: Transcript, updates: readonly SessionUpdate[], now = Date.now()): Transcript {
  const batch = new Batch(transcript);
  for (const { sessionId, turnId, seq, update, at } of updates) {
    if (sessionId !== transcript.sessionId || seq <= batch.state.seq) continue;
    if (seq > batch.state.seq + 1) batch.state.stale = true;
    batch.state.seq = seq;
    batch.apply(turnId, at ?? new Date(now).toISOString(), true, update, now);
  }
  return batch.result();
}

/** With all that a call gave back: what streamed of it is bounded, and no part of what is stored. */
export function withOutput(transcript: Transcript, callId: string, output: string): Transcript {
  const turns = transcript.turns.map((turn) => {
    if (!turn.items.some((item) => item.kind === 'call' && item.id === callId)) return turn;
    const items = turn.items.map((item) =>
      item.kind === 'call' && item.id === callId ? { ...item, output, whole: true } : item,
    );
    return { ...turn, items };
  });
  return { ...transcript, turns };
}

/** Copies each turn once at most, however many updates touch it. */
class Batch {
  readonly state: Transcript;
  private readonly copied = new Set<Turn>();
  private readonly places: Map<string, number>;

  constructor(from: Transcript) {
    this.state = { ...from, turns: [...from.turns], queued: [...from.queued] };
    this.places = new Map(from.turns.map(({ id }, index) => [id, index]));
  }

  result(): Transcript {
    return this.state;
  }

  apply(turnId: string | null, at: string, live: boolean, update: Update, now: number): void {
    switch (update.kind) {
      case 'named':
        this.state.name = update.name;
        return;
      case 'queued':
        this.state.queued.push({ id: update.queueId, text: update.text });
        return;
      case 'dequeued':
        this.state.queued = this.state.queued.filter(({ id }) => id !== update.queueId);
        return;
      case 'head':
        this.state.stale = true;
        return;
      case 'model':
        return;
      case 'compacted':
        this.state.contextTokens = 0; // known again with the next call
    }
    if (turnId === null) return;
    const turn = this.turn(turnId, at, live);
    if (update.kind === 'usage') this.count(turn, update.usage);
    else applyToTurn(turn, update, now);
    if (update.kind === 'state' && turn.state === 'done') turn.ended = at;
  }

  /** The end of a replay: what runs goes on, and what does not run any more is over. */
  finish({ partial, state }: EventPage, now: number): void {
    const last = this.state.turns.at(-1);
    for (const turn of this.state.turns) {
      if (turn.state !== 'done' && (turn !== last || state === 'idle' || state === 'ended')) {
        endTurn(this.own(turn), turn.stopReason || 'interrupted');
      }
    }
    if (!last || last.state === 'done' || !partial) return;
    const turn = this.own(last);
    if (partial.thought) stream(turn, 'thought', partial.thought, now);
    if (partial.message) stream(turn, 'text', partial.message, now);
  }

  private turn(id: string, at: string, live: boolean): Turn {
    const place = this.places.get(id);
    if (place !== undefined) return this.own(this.state.turns[place] as Turn);
    const turn = newTurn(id, at, live);
    this.copied.add(turn);
    this.places.set(id, this.state.turns.push(turn) - 1);
    return turn;
  }

  private own(turn: Turn): Turn {
    if (this.copied.has(turn)) return turn;
    const copy = { ...turn, items: [...turn.items], memories: turn.memories, written: turn.written };
    this.copied.add(copy);
    this.state.turns[this.places.get(turn.id) as number] = copy;
    return copy;
  }

  private count(turn: Turn, usage: Extract<Update, { kind: 'usage' }>['usage']): void {
    const tokens =
      usage.inputTokens + usage.outputTokens + (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0);
    if (tokens) this.state.contextTokens = turn.contextTokens = tokens;
    turn.tokens += tokens;
    turn.costUsd = plus(turn.costUsd, usage.costUsd);
    this.state.costUsd = plus(this.state.costUsd, usage.costUsd);
    const known = usage.costUsd ?? usage.knownCostUsd ?? 0;
    turn.knownUsd += known;
    this.state.knownUsd += known;
    if (usage.estimated) turn.estimated = this.state.estimated = true;
  }
}

const plus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

function newTurn(id: string, at: string, live: boolean): Turn {
  return {
    id,
    at,
    live,
    turnKind: 'chat',
    model: '',
    user: null,
    memories: [],
    written: [],
    items: [],
    state: 'running',
    ended: null,
    stopReason: '',
    detail: '',
    error: null,
    changes: null,
    checkpoints: 0,
    lastCheckpoint: '',
    tokens: 0,
    contextTokens: 0,
    costUsd: 0,
    knownUsd: 0,
    estimated: false,
  };
}

function applyToTurn(turn: Turn, update: Update, now: number): void {
  switch (update.kind) {
    case 'turn':
      turn.turnKind = update.turnKind;
      turn.model = update.model;
      turn.memories = update.memories ?? [];
      return;
    case 'user':
      if (update.shown === '') turn.items.push(note(t('Note to the model'), update.text));
      else turn.user = { text: update.shown || update.text, attachments: update.attachments ?? [] };
      return;
    case 'message':
    case 'thought':
      stream(turn, update.kind === 'message' ? 'text' : 'thought', update.text, now);
      return;
    case 'reply':
      finishReply(turn, update.text, update.thought ?? '', now);
      return;
    case 'restart':
      turn.items = turn.items.filter((item) => item.kind === 'call' || item.kind === 'note' || !item.streaming);
      return;
    case 'retry':
      turn.items.push(note(t('Retry {0} in {1} s', update.attempt, Math.round(update.seconds)), update.reason));
      return;
    case 'compacted':
      turn.items.push(note(t('The conversation so far was summarised for the model'), update.summary));
      return;
    case 'checkpoint':
      turn.checkpoints += 1;
      turn.lastCheckpoint = update.checkpointId;
      return;
    case 'memory':
      turn.written = [...turn.written, { id: update.memoryId, title: update.title, outcome: update.outcome }];
      return;
    case 'state':
      if (update.state === 'running' || update.state === 'waiting') turn.state = update.state;
      else {
        turn.detail = update.detail ?? '';
        turn.error = update.error ?? null;
        turn.changes = update.changes ?? null;
        if (update.checkpoints) turn.checkpoints = update.checkpoints.length;
        endTurn(turn, update.stopReason ?? 'end_turn');
      }
      return;
    default:
      applyToCall(turn, update);
  }
}

function applyToCall(turn: Turn, update: Update): void {
  switch (update.kind) {
    case 'tool_call':
      endStreaming(turn);
      change(turn, update.callId, {
        tool: update.tool,
        verb: update.verb ?? '',
        title: update.title,
        arguments: (update.arguments ?? {}) as Record<string, unknown>,
      });
      return;
    case 'tool_output':
      change(turn, update.callId, (call) => ({ output: kept(call.output + update.text) }));
      return;
    case 'tool_result':
      change(turn, update.callId, (call) => ({
        result: update.ok ? 'ok' : 'failed',
        summary: update.summary,
        diff: update.diff ?? call.diff,
        question: null,
      }));
      return;
    case 'question':
      change(turn, update.callId, { question: update, tool: update.tool });
      return;
    case 'question_closed':
    case 'decision': {
      const by = update.by ?? '';
      const reason = update.kind === 'decision' ? (update.reason ?? '') : '';
      const changed = update.kind === 'decision' ? update.arguments : undefined;
      change(turn, update.callId, (call) => ({
        question: null,
        ...(changed ? { arguments: changed, title: changedTitle(call, changed), edited: true } : {}),
        verdict: { verdict: update.verdict, by, reason: reason || (call.verdict?.reason ?? '') },
      }));
    }
  }
}

/** Changes one call, which is added where it is not there yet. */
function change(turn: Turn, id: string, by: Partial<Call> | ((call: Call) => Partial<Call>)): void {
  const at = turn.items.findLastIndex((item) => item.kind === 'call' && item.id === id);
  const call = at < 0 ? newCall(id) : (turn.items[at] as Call);
  const changed = { ...call, ...(typeof by === 'function' ? by(call) : by) };
  if (at < 0) turn.items.push(changed);
  else turn.items[at] = changed;
}

const newCall = (id: string): Call => ({
  kind: 'call',
  id,
  tool: '',
  verb: '',
  title: '',
  arguments: {},
  output: '',
  whole: false,
  result: null,
  summary: '',
  diff: '',
  question: null,
  verdict: null,
  edited: false,
});

const note = (text: string, detail: string): Note => ({ kind: 'note', text, detail });

const kept = (text: string): string => (text.length > OUTPUT_KEPT ? text.slice(-OUTPUT_KEPT) : text);

/** Adds a chunk to what streams; thinking is over as soon as the reply begins. */
function stream(turn: Turn, kind: Prose['kind'], text: string, now: number): void {
  const last = turn.items.at(-1);
  if (last && (last.kind === 'text' || last.kind === 'thought') && last.streaming) {
    const at = turn.items.length - 1;
    if (last.kind === kind) {
      turn.items[at] = { ...last, text: last.text + text };
      return;
    }
    turn.items[at] = { ...last, ended: now };
  }
  turn.items.push({ kind, text, streaming: true, began: now });
}

/** The finished message takes the place of what streamed of it. */
function finishReply(turn: Turn, text: string, thought: string, now: number): void {
  const streamed = turn.items.filter(
    (item): item is Prose => (item.kind === 'text' || item.kind === 'thought') && item.streaming,
  );
  const calls = turn.items.filter((item) => !streamed.includes(item as Prose));
  const finished = (kind: Prose['kind'], whole: string): Prose[] => {
    if (!whole.trim()) return [];
    const of = streamed.find((item) => item.kind === kind);
    const times = of?.began === undefined ? {} : { began: of.began, ended: of.ended ?? now };
    return [{ kind, text: whole, streaming: false, ...times }];
  };
  turn.items = [...calls, ...finished('thought', thought), ...finished('text', text)];
}

function endStreaming(turn: Turn): void {
  turn.items = turn.items.map((item) =>
    (item.kind === 'text' || item.kind === 'thought') && item.streaming ? { ...item, streaming: false } : item,
  );
}

/** What the end of a turn made void disappears: its questions. A call without an end was not run only if it waited. */
function endTurn(turn: Turn, stopReason: string): void {
  endStreaming(turn);
  turn.state = 'done';
  turn.stopReason = stopReason;
  turn.items = turn.items.map((item) =>
    item.kind === 'call' && (item.result === null || item.question)
      ? { ...item, question: null, ...(item.result === null ? withoutEnd(item) : {}) }
      : item,
  );
}

function withoutEnd({ question, verdict }: Call): Pick<Call, 'result'> & Partial<Call> {
  if (question || (verdict && verdict.verdict !== 'allow')) return { result: 'void' };
  return { result: 'failed', summary: t('interrupted: what it did so far stays') };
}
