// Every state of the pages held against the rules of accessibility (axe-core). Colours are those of a theme, which a page
// by itself does not have: contrast is looked at in the real editor (places.mjs).
import assert from 'node:assert/strict';
import { event, post, reset, sent, turn } from './page.mjs';
import { until } from './workbench.mjs';

const RULES = { rules: { 'color-contrast': { enabled: false } } };

/** `chat` opens a chat page with events; `call` gives those of a call that is asked about; `pages` opens other pages. */
export async function checkAccessibility({ axe, pages, chat, call }) {
  const check = async (page, state) => {
    if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
    const { violations } = await page.evaluate((rules) => globalThis.axe.run('#root', rules), RULES);
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(found, [], state);
  };
  await checkChat(check, chat, call);
  await checkTimeMachine(check, pages);
}

async function checkChat(check, chat, call) {
  const empty = await chat();
  await empty.locator('.empty').waitFor();
  await check(empty, 'nothing said yet');
  for (const condition of ['untrusted', 'stopped']) {
    await post(empty, {
      type: 'view',
      view: { condition, problem: '', model: null, mode: 'ask', ready: true, contextWindow: null, folder: true },
    });
    await empty.locator('.empty button').first().waitFor();
    await check(empty, condition);
  }
  await empty.close();

  const page = await chat([
    ...turn(1, 'Done: see [app.py](app.py).\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```python\nx = 1\n```\n'),
    event(90, null, { kind: 'queued', queueId: 'q1', text: 'and then this' }),
  ]);
  await page.locator('.queued').waitFor();
  const chips = [{ id: 'a', kind: 'file', label: 'app.py', uri: 'file:///app.py' }];
  await post(page, { type: 'chips', chips });
  await post(page, {
    type: 'notice',
    level: 'error',
    text: 'No.',
    action: { title: 'Choose', command: 'mazu.selectModel' },
  });
  await page.locator('.notice').waitFor();
  await check(page, 'a reply, a queue, chips and a notice');
  await page.locator('.composer textarea').click();
  await page.keyboard.type('@a');
  const { request } = await until('it is looked up', async () =>
    (await sent(page, 'complete')).find(({ query }) => query === 'a'),
  );
  await post(page, {
    type: 'completions',
    request,
    items: [{ label: 'app.py', detail: 'file', icon: 'file', insert: 'app.py' }],
  });
  await page.locator('.completions li').waitFor();
  await check(page, 'suggestions');
  await page.keyboard.press('Escape');
  await page.locator('.picker').first().click();
  await page.locator('[role=menuitemradio]').first().waitFor();
  await check(page, 'a menu');
  await page.keyboard.press('Escape');
  await page.locator('.user .codicon-discard').click();
  const preview = {
    turnId: 't1',
    write: ['app.py'],
    delete: ['b.py'],
    buffers: [],
    conflicts: [{ path: 'c.py', reason: '' }],
    keep: [],
  };
  await post(page, { type: 'preview', preview });
  await page.locator('.rewind .files').waitFor();
  await check(page, 'what a rewind would do');
  await page.locator('.user .codicon-edit').click();
  await page.locator('.field').waitFor();
  await check(page, 'a message that is edited');
  await page.close();

  const hunks = ['1', '2'].map((id) => ({ id, diff: `-${id}\n+${id}0` }));
  const asked = await chat(
    [...turn(1, ''), ...call('c1', 'edit_file', { path: 'a.py' }, { diff: '@@ -1 +1 @@\n-1\n+10\n', hunks })],
    'waiting',
  );
  await asked.locator('.question .hunk').first().waitFor();
  await check(asked, 'a question of two hunks');
  await asked.locator('.question button', { hasText: 'Deny' }).click();
  await asked.locator('.field').waitFor();
  await check(asked, 'a reason for a refusal');
  await asked.close();
}

async function checkTimeMachine(check, pages) {
  const page = await pages.open('timeMachine');
  const stops = ['s1', 's2'].map((session, n) => ({
    id: `c${n}`,
    title: `Step ${n}`,
    at: '2026-01-01T10:00:00Z',
    kind: 'step',
    changes: '',
    here: true,
    current: n === 1,
    session,
  }));
  const sessions = ['s1', 's2'].map((id) => ({ id, name: `Conversation ${id}` }));
  await post(page, { type: 'stops', stops, sessions });
  await post(page, {
    type: 'step',
    step: {
      id: 'c1',
      files: [{ path: 'a.py', status: 'added', added: 1, removed: 0 }],
      memories: [],
      said: [],
      problem: '',
    },
  });
  await page.locator('.members li').first().waitFor();
  await check(page, 'a step of the time machine');
  await page.locator('.choice button', { hasText: 'Everything' }).click();
  await page.locator('.filter').waitFor();
  await check(page, 'everything as it was');
  await page.close();
}
