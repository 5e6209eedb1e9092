import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../src/chat/outbox';
import type { ToWebview } from '../src/chat/messages';
import { answerSending, beginSending, stillSending } from '../webview/sending';
import { EMPTY, type Transcript, type Turn } from '../webview/transcript';

const shows = (sessionId: string, ...ids: string[]): Transcript => ({
  ...EMPTY,
  sessionId,
  turns: ids.map((id) => ({ id }) as Turn),
});
const turn = { sessionId: 's1', turnId: 't1' };

test('a message is on its way from Enter on until its turn is seen', () => {
  let sending = beginSending([], 1);
  sending = beginSending(sending, 1); // said again by the extension
  assert.equal(stillSending(sending, EMPTY).length, 1);
  sending = answerSending(sending, 1, turn);
  assert.equal(stillSending(sending, shows('s1')).length, 1, 'answered, but no update has come');
  assert.equal(stillSending(sending, shows('s1', 't1')).length, 0);
  assert.equal(stillSending(sending, shows('s2')).length, 0, 'another session is shown');
});

test('one that failed, waits in the queue or was a command is on its way no more', () => {
  assert.deepEqual(answerSending(beginSending([], 1), 1, null), []);
});

test('stop waits until a message is with the server, and no longer', async () => {
  const posted: ToWebview[] = [];
  const outbox = new Outbox((message) => posted.push(message));
  let compose = () => {};
  let answer = (_: typeof turn) => {};
  const sent = outbox.send(7, async (handedOver) => {
    await new Promise<void>((resolve) => (compose = resolve));
    handedOver();
    return new Promise<typeof turn>((resolve) => (answer = resolve));
  });
  let stopped = false;
  const stop = outbox.handedOver().then(() => (stopped = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stopped, false);
  compose();
  await stop;
  assert.deepEqual(posted, [{ type: 'sending', id: 7 }], 'not answered yet');
  answer(turn);
  await sent;
  assert.deepEqual(posted.at(-1), { type: 'sent', id: 7, turn });
});

test('a message that could not be sent is on its way no more', async () => {
  const posted: ToWebview[] = [];
  const outbox = new Outbox((message) => posted.push(message));
  await assert.rejects(outbox.send(undefined, () => Promise.reject(new Error('no key'))));
  await outbox.handedOver();
  assert.deepEqual(posted.at(-1), { type: 'sent', id: -1, turn: null });
});
