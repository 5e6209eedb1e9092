import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventPage, SessionEvent, SessionUpdate, Update } from '../src/updates';
import {
  addPage,
  addUpdates,
  fromPage,
  OUTPUT_KEPT,
  type Call,
  type Transcript,
  withOutput,
} from '../webview/transcript';

const AT = '2026-01-01T10:00:00Z';
const NOW = Date.parse(AT);
const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 85, steps: 1, costUsd: 0.01 };
const QUESTION = {
  kind: 'question',
  callId: 'c1',
  tool: 'edit_file',
  title: 'Edit app.py',
  detail: '',
  options: [{ id: 'once', label: 'Allow once', kind: 'allow_once' }],
} as const satisfies Update;

const STORED: Update[] = [
  { kind: 'turn', turnKind: 'chat', model: 'anthropic:claude', memories: [{ id: 'm1', title: 'We add.' }] },
  { kind: 'state', state: 'running' },
  { kind: 'user', text: 'mend it', shown: 'mend it', attachments: [{ path: 'app.py' }] },
  { kind: 'reply', text: 'It subtracts.', thought: 'Look first.' },
  { kind: 'usage', usage },
  {
    kind: 'tool_call',
    callId: 'c1',
    tool: 'edit_file',
    verb: 'Edit',
    title: 'Edit app.py',
    arguments: { path: 'app.py' },
  },
  QUESTION,
  { kind: 'question_closed', callId: 'c1', verdict: 'allow', by: 'user' },
  { kind: 'decision', callId: 'c1', verdict: 'allow', by: 'user', reason: '' },
  { kind: 'tool_result', callId: 'c1', ok: true, summary: 'edited app.py', diff: '@@ -1 +1 @@\n-a\n+b\n' },
  { kind: 'checkpoint', checkpointId: 'cp_000001', checkpointKind: 'step', label: '' },
  { kind: 'reply', text: 'Done.', thought: '' },
  { kind: 'usage', usage },
];
const DONE: Update = {
  kind: 'state',
  state: 'done',
  stopReason: 'end_turn',
  changes: { files: 1, added: 1, removed: 1 },
  checkpoints: ['cp_000001'],
};

const events = (updates: Update[], turnId = 't1', live = true, from = 1): SessionEvent[] =>
  updates.map((update, index) => ({ seq: from + index, parent: null, at: AT, turnId, live, update }));

const page = (list: SessionEvent[], more: Partial<EventPage> = {}): EventPage => ({
  sessionId: 's1',
  name: 'fix total()',
  head: 1,
  last: list.length,
  events: list,
  next: null,
  updates: 0,
  partial: null,
  state: 'running',
  ...more,
});

const sent = (updates: Update[], from = 1, turnId: string | null = 't1'): SessionUpdate[] =>
  updates.map((update, index) => ({ sessionId: 's1', turnId, seq: from + index, at: AT, update }));

const started = (): Transcript => fromPage(page([]), NOW);
const shape = (transcript: Transcript) => ({ ...transcript, seq: 0, turns: transcript.turns.map(withoutTimes) });
const withoutTimes = (turn: Transcript['turns'][number]) => ({
  ...turn,
  items: turn.items.map(({ ...item }) => {
    delete (item as { began?: number }).began;
    delete (item as { ended?: number }).ended;
    return item;
  }),
});

test('a replay and the stream of the same turn show the same', () => {
  const all = [...STORED, DONE];
  const replayed = fromPage(page(events(all), { state: 'idle' }), NOW);
  const chunks: Update[] = all.flatMap((update): Update[] =>
    update.kind === 'reply'
      ? [
          ...[...(update.thought ?? '')].map((text): Update => ({ kind: 'thought', text })),
          ...[...update.text].map((text): Update => ({ kind: 'message', text })),
          update,
        ]
      : [update],
  );
  const streamed = addUpdates(started(), sent(chunks), NOW);
  assert.deepEqual(shape(streamed), shape(replayed));
  const oneByOne = sent(chunks).reduce((state, update) => addUpdates(state, [update], NOW), started());
  assert.deepEqual(shape(oneByOne), shape(replayed));
});

test('a page that is cut anywhere is the same as the whole', () => {
  const all = events([...STORED, DONE]);
  const whole = fromPage(page(all, { state: 'idle' }), NOW);
  for (let cut = 1; cut < all.length; cut += 1) {
    const first = fromPage(page(all.slice(0, cut), { next: cut }), NOW);
    const second = addPage(first, page(all.slice(cut), { state: 'idle' }), NOW);
    assert.deepEqual(shape(second), shape(whole));
  }
});

test('what a page knows already is dropped, what came after is taken once', () => {
  const start = fromPage(page(events(STORED.slice(0, 4)), { updates: 4 }), NOW);
  const next = addUpdates(start, sent(STORED, 1), NOW);
  assert.equal(next.turns[0]?.items.filter(({ kind }) => kind === 'text').length, 2);
  assert.equal(next.stale, false);
});

test('a gap and a head that moved ask for the events again', () => {
  assert.equal(addUpdates(started(), sent(STORED, 5), NOW).stale, true);
  assert.equal(addUpdates(started(), sent([{ kind: 'head', head: 3 }], 1, null), NOW).stale, true);
});

test('updates of another session change nothing', () => {
  const other = sent(STORED).map((update) => ({ ...update, sessionId: 's2' }));
  assert.deepEqual(addUpdates(started(), other, NOW).turns, []);
});

test('an unfinished message goes on from what had streamed of it', () => {
  const running = fromPage(
    page(events(STORED.slice(0, 3)), { partial: { message: 'It sub', thought: 'Look' }, updates: 7 }),
    NOW,
  );
  const on = addUpdates(running, sent([{ kind: 'message', text: 'tracts.' }], 8), NOW);
  assert.deepEqual(
    on.turns[0]?.items.map((item) => item.kind !== 'call' && [item.kind, item.text]),
    [
      ['thought', 'Look'],
      ['text', 'It subtracts.'],
    ],
  );
});

test('restart makes void what streamed of this reply, and nothing before it', () => {
  const updates: Update[] = [...STORED.slice(0, 5), { kind: 'message', text: 'half' }, { kind: 'restart' }];
  const { items } = addUpdates(started(), sent(updates), NOW).turns[0]!;
  assert.deepEqual(
    items.map((item) => item.kind !== 'call' && item.text),
    ['Look first.', 'It subtracts.'],
  );
});

test('a question is gone as soon as anybody answered, and with the end of its turn', () => {
  const asked = addUpdates(started(), sent(STORED.slice(0, 7)), NOW);
  const call = (state: Transcript) => state.turns[0]?.items.find(({ kind }) => kind === 'call') as Call;
  assert.equal(call(asked).question?.callId, 'c1');
  const answered = addUpdates(
    asked,
    sent([{ kind: 'question_closed', callId: 'c1', verdict: 'deny', by: 'other' }], 8),
    NOW,
  );
  assert.equal(call(answered).question, null);
  assert.equal(call(answered).verdict?.verdict, 'deny');
  const stopped = addUpdates(asked, sent([{ kind: 'state', state: 'done', stopReason: 'cancelled' }], 8), NOW);
  assert.equal(call(stopped).question, null);
  assert.equal(call(stopped).result, 'void');
});

test('a call that the user changed shows what was run', () => {
  const decided: Update = { kind: 'decision', callId: 'c1', verdict: 'allow', by: 'user', arguments: { path: 'b.py' } };
  const state = addUpdates(started(), sent([...STORED.slice(0, 7), decided]), NOW);
  const call = state.turns[0]?.items.find(({ kind }) => kind === 'call') as Call;
  assert.deepEqual(call.arguments, { path: 'b.py' });
  assert.equal(call.edited, true);
  assert.equal(call.title, `${call.verb} b.py`, 'its line says what was run, not what was asked for');
});

test('a turn that a kill broke off does not run for ever', () => {
  const idle = fromPage(page(events(STORED.slice(0, 7)), { state: 'idle' }), NOW);
  assert.equal(idle.turns[0]?.state, 'done');
  assert.equal(idle.turns[0]?.stopReason, 'interrupted');
});

test('a call that had begun when its turn was broken off is not said to be not run', () => {
  const allowed: Update = { kind: 'question_closed', callId: 'c1', verdict: 'allow', by: 'user' };
  const state = fromPage(page(events([...STORED.slice(0, 7), allowed]), { state: 'idle' }), NOW);
  const call = state.turns[0]?.items.find(({ kind }) => kind === 'call') as Call;
  assert.equal(call.result, 'failed');
  assert.match(call.summary, /^interrupted: what it did so far stays/);
});

test('turns that were taken back are marked, tokens and money are still counted', () => {
  const gone = events([...STORED, DONE], 't1', false);
  const here = events([...STORED, DONE], 't2', true, 50);
  const state = fromPage(page([...gone, ...here], { state: 'idle' }), NOW);
  assert.deepEqual(
    state.turns.map(({ live }) => live),
    [false, true],
  );
  assert.equal(state.costUsd?.toFixed(2), '0.04');
  assert.equal(state.contextTokens, 100);
  assert.equal(addUpdates(state, sent([{ kind: 'compacted', summary: 'It adds.' }], 60), NOW).contextTokens, 0);
});

test('an unknown price stays unknown, and what is known is kept', () => {
  const unknown: Update = { kind: 'usage', usage: { ...usage, costUsd: null } };
  const state = addUpdates(started(), sent([...STORED, unknown, { kind: 'usage', usage }]), NOW);
  assert.equal(state.costUsd, null);
  assert.equal(state.knownUsd.toFixed(2), '0.03');
});

test('the share of the context window is that of the last call, not of all calls of the turn', () => {
  const [turn] = addUpdates(started(), sent([...STORED, { kind: 'usage', usage }]), NOW).turns;
  assert.deepEqual([turn?.tokens, turn?.contextTokens], [300, 100]);
});

test('live output is bounded', () => {
  const many = Array.from({ length: 100 }, (): Update => ({
    kind: 'tool_output',
    callId: 'c1',
    text: 'x'.repeat(1000),
  }));
  const state = addUpdates(started(), sent([...STORED.slice(0, 6), ...many]), NOW);
  assert.equal((state.turns[0]?.items.at(-1) as Call).output.length, OUTPUT_KEPT);
});

test('a turn that nothing happened to is the same object', () => {
  const before = fromPage(page([...events([...STORED, DONE], 't1'), ...events(STORED, 't2', true, 50)]), NOW);
  const after = addUpdates(before, sent([{ kind: 'message', text: 'on' }], 1, 't2'), NOW);
  assert.equal(after.turns[0], before.turns[0]);
  assert.notEqual(after.turns[1], before.turns[1]);
});

test('a queued message waits, and is gone when it was sent', () => {
  const queued = addUpdates(started(), sent([{ kind: 'queued', queueId: 'q1', text: 'then this' }], 1, null), NOW);
  assert.deepEqual(queued.queued, [{ id: 'q1', text: 'then this' }]);
  assert.deepEqual(addUpdates(queued, sent([{ kind: 'dequeued', queueId: 'q1' }], 2, null), NOW).queued, []);
});

test('what the program told the model is a note, never words of the user', () => {
  const told: Update = { kind: 'user', text: 'The limit of steps is near.', shown: '' };
  const { user, items } = addUpdates(started(), sent([...STORED.slice(0, 3), told]), NOW).turns[0]!;
  assert.equal(user?.text, 'mend it');
  assert.equal(items.at(-1)?.kind, 'note');
});

test('all that a call gave back takes the place of what streamed of it', () => {
  const state = withOutput(fromPage(page(events([...STORED, DONE], 't1')), NOW), 'c1', 'all of it');
  const call = state.turns[0]?.items.find((item) => item.kind === 'call') as Call;
  assert.deepEqual([call.output, call.whole], ['all of it', true]);
});
