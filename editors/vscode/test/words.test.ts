import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginning, keptAsIs, ownWork, rollbackChanges, takenByUndo, toBeRemembered, withName } from '../src/describe';
import { decisions } from '../src/commands/decisions';
import type { Checkpoint, RollbackPlan } from '../src/protocol';
import { formerKey, serverName } from '../src/settingNames';
import { callTitle, clock, diffLines, diffSize, money, seconds, share, sign, tokens } from '../webview/words';

const DIFF =
  '--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,3 @@\n def total(a, b):\n-    return a - b\n+    return a + b\n \n';

test('a diff is shown without its headers', () => {
  assert.deepEqual(
    diffLines(DIFF).map(({ sign: mark }) => mark),
    ['@', ' ', '-', '+', ' '],
  );
  assert.equal(diffSize(DIFF), '+1 −1');
  assert.equal(diffSize('Binary files differ'), '');
});

test('a hunk without a header is shown whole', () => {
  const hunk = diffLines('-    return a - b\n+    return a + b');
  assert.deepEqual(
    hunk.map(({ sign: mark, text }) => mark + text),
    ['-    return a - b', '+    return a + b'],
  );
});

test('a line that begins with dashes inside of a hunk is a removed line', () => {
  assert.deepEqual(diffLines('@@ -1 +1 @@\n--- a comment in SQL\n+x\n')[1], { sign: '-', text: '-- a comment in SQL' });
});

test('a line without an end is shown as such', () => {
  const lines = diffLines('@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n');
  assert.deepEqual(lines[2], { sign: ' ', text: '\\ No newline at end of file' });
});

test("the title of a call is the server's, in parts: the path in it can be opened", () => {
  const edit = { tool: 'edit_file', verb: 'Edit', title: 'Edit app.py', arguments: { path: 'app.py' } };
  assert.deepEqual(callTitle(edit), { verb: 'Edit', object: '', joint: '', path: 'app.py' });
  const grep = { tool: 'grep', verb: 'Search', title: 'Search x in src', arguments: { path: 'src', pattern: 'x' } };
  assert.deepEqual(callTitle(grep), { verb: 'Search', object: 'x', joint: 'in', path: 'src' });
  const shell = { tool: 'run_shell', verb: 'Run', title: 'Run pytest -q', arguments: { command: 'pytest -q' } };
  assert.deepEqual(callTitle(shell), { verb: 'Run', object: 'pytest -q', joint: '', path: '' });
  const shout = { tool: 'shout', verb: 'Use shout', title: 'Use shout', arguments: {} };
  assert.deepEqual(callTitle(shout), { verb: 'Use shout', object: '', joint: '', path: '' });
});

test('signs', () => {
  const question = { callId: '', tool: '', title: '', detail: '', options: [] };
  assert.equal(sign({ result: null, question: null, verdict: null }), '•');
  assert.equal(sign({ result: null, question, verdict: null }), '?');
  assert.equal(sign({ result: 'failed', question: null, verdict: null }), '✗');
  assert.equal(sign({ result: 'failed', question: null, verdict: { verdict: 'deny', by: '', reason: '' } }), '–');
});

test('numbers are rounded for people', () => {
  assert.equal(tokens(8123), '8.1k');
  assert.equal(tokens(81_234), '81k');
  assert.equal(money(0.0123), '$0.012');
  assert.equal(money(0.5, true), '~$0.50');
  assert.equal(money(null), 'price unknown');
  assert.equal(money(null, false, 0.25), 'at least $0.25');
  assert.equal(share(1, 1000), '1 %');
  assert.equal(share(1, null), '');
  assert.equal(seconds(75_000), '1 min 15 s');
});

test('times', () => {
  const now = new Date(2026, 0, 2, 12, 0);
  assert.equal(clock(new Date(2026, 0, 2, 10, 42).toISOString(), now), '10:42');
  assert.equal(clock(new Date(2026, 0, 1, 18, 3).toISOString(), now), 'yesterday 18:03');
});

test('what a rollback kept is named, the rest is a number', () => {
  const one = (path: string) => ({ path, reason: '' });
  assert.equal(keptAsIs({ keep: [], conflicts: [] }), '');
  assert.equal(keptAsIs({ keep: [one('a')], conflicts: [] }), 'kept as you left it: a');
  const many = { keep: ['b', 'c', 'd', 'e'].map(one), conflicts: [one('a')] };
  assert.equal(keptAsIs(many), 'kept as you left them: a, b, c and 2 more');
});

test('a setting goes to the server under its name there', () => {
  assert.deepEqual(serverName('web.allowPrivate'), ['web', 'allow_private']);
  assert.deepEqual(serverName('mcpServers'), ['mcp_servers']);
  assert.deepEqual(serverName('context.compactAboveUsd'), ['context', 'compact_above_usd']);
  assert.equal(formerKey('limits.maxCostUsd'), 'limits.max_cost_usd');
});

test('an undone turn is whole in the checkpoint that its undo took, not in that of its last change', () => {
  const at = (id: string, kind: string, second: number) =>
    ({ id, kind, createdAt: `2026-01-01T10:00:0${second}.123456+00:00` }) as Checkpoint;
  const newestFirst = [
    at('later', 'safety', 8),
    at('undo', 'safety', 6),
    at('step', 'step', 3),
    at('old', 'safety', 1),
  ];
  assert.equal(takenByUndo(newestFirst, '2026-01-01T10:00:05.900Z')?.id, 'undo');
  assert.equal(takenByUndo(newestFirst, '2026-01-01T10:00:09Z'), undefined);
});

test('a message box says who speaks; where the chat says it, it is a sentence', () => {
  assert.equal(withName('A command waits.'), 'Mazu: A command waits.');
  assert.equal(withName('Mazu: it waits.'), 'Mazu: it waits.');
  assert.equal(beginning('there is no checkpoint yet.'), 'There is no checkpoint yet.');
  assert.equal(beginning('app.py: it is locked'), 'app.py: it is locked');
});

test('a rollback says where a file is that no checkpoint can hold', () => {
  const setAside = [
    { path: 'big.bin', reason: 'no checkpoint can hold what is there now: it is /state/rescued/big.bin now' },
  ];
  const plan = { keep: [{ path: 'a.py', reason: '' }], conflicts: [], setAside };
  assert.match(ownWork(plan), /^kept as you left it: a\.py; big\.bin as it was is set aside: .*rescued\/big\.bin now$/);
  assert.equal(ownWork({ keep: [], conflicts: [], setAside: [] }), '');
});

test('a memory is named by its title, not by our number', () => {
  const keep = [{ path: 'memory m_000001 “Sums are whole cents”', reason: '' }];
  assert.equal(keptAsIs({ keep, conflicts: [] }), 'kept as you left it: memory “Sums are whole cents”');
});

test('another agent asks with all that would be remembered', () => {
  const memory = { title: 'Money is whole cents', body: 'No floats.', category: 'user_preference' } as const;
  assert.deepEqual(toBeRemembered(memory), ['User preference: Money is whole cents', 'No floats.']);
  assert.deepEqual(toBeRemembered({ title: 'x' }), ['x']);
});

test('a file that is written is counted once, its editor included', () => {
  const plan = { write: ['a.py'], delete: [], memories: { added: 0, changed: 0, removed: 0 }, conversation: true };
  const changes = (buffers: string[]) => rollbackChanges({ ...plan, buffers } as unknown as RollbackPlan);
  assert.equal(changes(['file:///project/a.py']), '1 file written, conversation');
  assert.equal(
    changes(['file:///project/a.py', 'file:///project/src/a.py']),
    '1 file written, 1 open editor changed, conversation',
  );
});

test('a file that only the user changed can be restored, by a choice that says so', () => {
  const none = { conflicts: [], keep: [], setAside: [], write: [], delete: [], buffers: [], users: [], agents: [] };
  const memories = { added: 0, changed: 0, removed: 0 };
  const plan: RollbackPlan = { ...none, ownMemories: [], memories, conversation: false, undecided: false };
  const offered = (changes: Partial<RollbackPlan>) =>
    decisions({ ...plan, ...changes }, 'Restore').map((it) => it.label);
  assert.deepEqual(offered({ write: ['a.py'] }), ['Restore']);
  assert.deepEqual(offered({ users: ['a.py'] }), ['Restore, overwrite my changes in 1 file']);
  assert.deepEqual(offered({ users: ['a.py'], write: ['b.py'] }), [
    'Restore, keep my changes in 1 file',
    'Restore, overwrite my changes in 1 file',
  ]);
});
