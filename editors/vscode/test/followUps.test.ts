import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOLLOW_UP, followUps } from '../src/followUps';

test('what was just asked is not offered again, and nothing where no conversation is', () => {
  assert.equal(followUps({ sessionId: 's1', asked: 'mend total' })[0]?.prompt, FOLLOW_UP);
  assert.deepEqual(followUps({ sessionId: 's1', asked: FOLLOW_UP }), []);
  assert.deepEqual(followUps({ asked: 'mend total' }), []);
  assert.deepEqual(followUps(undefined), []);
});
