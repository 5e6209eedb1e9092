// The chat's page by itself: what is asked shows all that would happen, and every answer says what was meant; what goes
// along with a message; the list that follows its end and never moves under the eyes. The argument: the JSON of the tools.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { checkAccessibility } from './accessible.mjs';
import { event, openPages, post, reset, sent, turn } from './page.mjs';
import { until } from './workbench.mjs';

const tools = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const pages = await openPages(tools);
const VIEW = {
  condition: 'running',
  problem: '',
  model: 'anthropic:claude-sonnet',
  mode: 'ask',
  ready: true,
  contextWindow: 200_000,
  folder: true,
};
const OPTIONS = [
  { id: 'once', label: 'Allow once', kind: 'allow_once' },
  { id: 'session', label: 'Allow `make world` for this session', kind: 'allow_session' },
  { id: 'deny', label: 'Deny', kind: 'deny' },
];
const VERBS = { edit_file: 'Edit', run_shell: 'Run' };
const titleOf = (tool, { path, command }) => `${VERBS[tool]} ${path ?? command}`;
const call = (callId, tool, args, question) => [
  event(20, 't1', { kind: 'tool_call', callId, tool, verb: VERBS[tool], title: titleOf(tool, args), arguments: args }),
  event(21, 't1', { kind: 'state', state: 'waiting' }),
  event(22, 't1', {
    kind: 'question',
    callId,
    tool,
    title: titleOf(tool, args),
    detail: '',
    options: OPTIONS,
    ...question,
  }),
];
const last = (page, type) => until(`the page says ${type}`, async () => (await sent(page, type))[0]);

async function chat(events = [], state = 'idle') {
  const page = await pages.open('chat');
  await post(page, { type: 'view', view: VIEW });
  if (events.length) await post(page, reset(events, state));
  return page;
}

/**
 * The question has the keyboard, and is past the moment in which keys of who was typing are left out. That moment begins
 * when the question is drawn, so that it is over for the page as well once as much has passed after it was seen.
 */
async function listens(page) {
  const box = page.locator('.question');
  await box.waitFor();
  await box.focus();
  await page.waitForTimeout(600);
}

/** Does something, and says whether what appears at `selector` has the focus as soon as it is there: no key is lost. */
const focusedAtOnce = (page, selector, act) =>
  page.evaluate(
    ([wanted, message, clicked]) =>
      new Promise((resolve) => {
        new MutationObserver((_, observer) => {
          if (!document.querySelector(wanted)) return;
          observer.disconnect();
          resolve(Boolean(document.activeElement?.closest(wanted)));
        }).observe(document, { subtree: true, childList: true });
        if (message) window.postMessage(message, '*');
        else document.querySelector(clicked).click();
      }),
    [selector, act.message, act.click],
  );

const STEPS = {
  async 'each hunk is shown, and the one that is unticked is not allowed'() {
    const hunks = [
      { id: '1', diff: '-first = 1\n+first = 10' },
      { id: '2', diff: '-last = 1\n+last = 10' },
    ];
    const asked = call(
      'c1',
      'edit_file',
      { path: 'big.py' },
      { diff: '@@ -1 +1 @@\n-first = 1\n+first = 10\n', hunks },
    );
    const page = await chat([...turn(1, ''), ...asked], 'waiting');
    const shown = page.locator('.question .hunk');
    await until('both stand there', async () => (await shown.allInnerTexts()).join().includes('last = 10'));
    assert.match((await shown.first().innerText()).replaceAll(/\s+/g, ' '), /− first = 1 \+ first = 10/);
    await shown.nth(1).locator('input').uncheck();
    assert.equal(await page.locator('.question .primary').innerText(), 'Allow 1 of 2');
    await page.locator('.question .primary').click();
    assert.deepEqual((await last(page, 'answer')).reply, { optionId: 'once', hunks: ['1'] });
    await page.close();
  },

  async 'a running command has the width of the page; opened, it shows all that it gave back'() {
    const running = event(14, 't1', {
      kind: 'tool_call',
      callId: 'c1',
      tool: 'run_shell',
      verb: 'Run',
      title: 'Run make',
      arguments: { command: 'make' },
    });
    const page = await chat([...turn(1, ''), running], 'running');
    const update = (seq, more) => ({ sessionId: 's1', turnId: 't1', seq, update: { callId: 'c1', ...more } });
    await post(page, { type: 'updates', updates: [update(1, { kind: 'tool_output', text: 'compiling a.c\n' })] });
    const live = await page.locator('.output.live').boundingBox();
    assert.ok(live.x < 60 && live.width > 300, JSON.stringify(live));
    const failed = { kind: 'tool_result', ok: false, summary: 'exit code 2' };
    await post(page, { type: 'updates', updates: [update(2, failed)] });
    await page.locator('.call.failed .outcome', { hasText: 'exit code 2' }).waitFor();
    assert.equal((await last(page, 'output')).callId, 'c1');
    const text = `${'compiling\n'.repeat(200)}error: it broke`;
    await post(page, { type: 'output', callId: 'c1', text });
    const shown = page.locator('.call.failed .output', { hasText: 'it broke' });
    await shown.waitFor();
    assert.ok(await shown.evaluate((it) => it.scrollTop > 0), 'its end is in sight');
    assert.equal((await sent(page, 'output')).length, 1);
    await page.close();
  },

  async 'no word of a table is broken, and each paragraph runs its own way'() {
    const table = '| Function | Returns | Notes |\n|---|--:|---|\n| `fn_11` | 121 | a rather long remark about it |';
    const page = await chat(turn(1, `${table}\n\nשלום עולם, זה ארוך`));
    const cell = page.locator('.markdown td', { hasText: '121' });
    await cell.waitFor();
    assert.match(await cell.evaluate((it) => getComputedStyle(it).textAlign), /right/);
    const { height } = await cell.locator('xpath=..').boundingBox();
    await page.setViewportSize({ width: 200, height: 600 });
    const narrow = page.locator('.markdown th', { hasText: 'Function' });
    assert.ok((await narrow.boundingBox()).height < height * 2, 'one line');
    await page.close();
  },

  async 'what was left cannot be redone after more was said, and leads back by a checkpoint'() {
    const took = event(13, 't1', { kind: 'checkpoint', checkpointId: 'cp7', checkpointKind: 'step', label: '' });
    const left = [...turn(1, 'Done.'), took].map((it) => ({ ...it, live: false }));
    const page = await chat(left);
    await page.locator('.gone .link', { hasText: 'redo' }).waitFor();
    await post(page, reset([...left, ...turn(2, 'Otherwise.')], 'idle'));
    await page.locator('.gone .link', { hasText: 'go back to them' }).click();
    assert.deepEqual((await last(page, 'command')).arguments, ['cp7', '2026-01-01T10:00:00Z']);
    await page.close();
  },

  async 'a turn of unknown cost shows its checkpoints alone'() {
    const took = event(13, 't1', { kind: 'checkpoint', checkpointId: 'cp7', checkpointKind: 'step', label: '' });
    const page = await chat([...turn(1, 'Done.'), took]);
    await page.locator('.footer .meter', { hasText: /^◆ 1 checkpoint$/ }).waitFor();
    await page.close();
  },

  async 'a command is changed before it is allowed, by keyboard alone'() {
    const asked = call('c1', 'run_shell', { command: 'make world' }, { detail: 'make world', editable: ['command'] });
    const page = await chat([...turn(1, ''), ...asked], 'waiting');
    await listens(page);
    await page.keyboard.press('e');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('make test');
    await page.keyboard.press('Enter');
    const { reply } = await last(page, 'answer');
    assert.deepEqual(reply, { optionId: 'once', arguments: { command: 'make test' } });
    await page.close();
  },

  async 'a refusal takes its reason along; s allows for the session'() {
    const page = await chat(
      [...turn(1, ''), ...call('c1', 'run_shell', { command: 'ls' }, { detail: 'ls' })],
      'waiting',
    );
    const buttons = await page.locator('.question .answers').boundingBox();
    const allowed = await page.locator('.question .exact').last().boundingBox();
    assert.ok(buttons.y > allowed.y, 'in a low view the buttons are in sight');
    await listens(page);
    await page.keyboard.press('n');
    await page.keyboard.type('use make');
    await page.keyboard.press('Enter');
    assert.deepEqual((await last(page, 'answer')).reply, { optionId: 'deny', note: 'use make' });
    await page.keyboard.press('Escape');
    await listens(page);
    await page.keyboard.press('s');
    await until('it is allowed', async () => (await last(page, 'answer')).reply.optionId === 'session');
    await page.close();
  },

  async 'a refusal without a reason quotes none'() {
    const asked = call('c1', 'run_shell', { command: 'ls' }, { detail: 'ls' });
    const denied = { kind: 'decision', callId: 'c1', verdict: 'deny', by: 'user', reason: 'refused' };
    const page = await chat([...turn(1, ''), ...asked, event(23, 't1', denied)], 'running');
    await page.locator('.call .outcome', { hasText: 'not allowed' }).waitFor();
    assert.equal(await page.locator('.call .reason').count(), 0);
    await page.close();
  },

  async 'what takes the keyboard has it before the next key can come'() {
    const page = await chat(turn(1, 'Done.'));
    await page.locator('.user .codicon-edit').waitFor();
    assert.ok(await focusedAtOnce(page, '.field', { click: '.user .codicon-edit' }), 'edit and resend');
    await page.keyboard.press('Escape');
    const asked = [...turn(2, ''), ...call('c2', 'run_shell', { command: 'ls' }, { detail: 'ls' })];
    await page.waitForTimeout(1100); // who pressed a key so lately is typing, and keeps the keyboard
    assert.ok(await focusedAtOnce(page, '.question', { message: reset(asked, 'waiting') }), 'a question');
    await page.close();
  },

  async 'what is written before the server runs is kept, and sent when it does'() {
    const page = await chat(turn(1, 'Done.'));
    await post(page, { type: 'view', view: { ...VIEW, condition: 'starting' } });
    await page.locator('.composer .send:disabled').waitFor();
    await page.locator('.composer textarea').click();
    await page.keyboard.type('hello');
    await page.keyboard.press('Enter');
    await page.locator('.notice', { hasText: 'send it again' }).waitFor();
    assert.equal((await sent(page, 'send')).length, 0);
    await post(page, { type: 'view', view: VIEW });
    await page.locator('.composer .send:enabled').waitFor();
    await page.keyboard.press('Enter');
    assert.equal((await last(page, 'send')).text, 'hello');
    await page.close();
  },

  async 'pictures are pasted and dropped, files are dropped'() {
    const page = await chat();
    await page.evaluate(() => {
      const area = document.querySelector('.composer textarea');
      const picture = new File([new Uint8Array([1, 2, 3])], 'shot.png', { type: 'image/png' });
      const data = new DataTransfer();
      data.items.add(picture);
      area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
      area.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
      const files = new DataTransfer();
      files.setData('application/vnd.code.uri-list', 'file:///project/app.py\r\nfile:///project/lib');
      area.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
    });
    await until('both pictures are sent', async () => (await sent(page, 'image')).length === 2);
    assert.deepEqual((await last(page, 'image')).base64, 'AQID');
    assert.deepEqual((await last(page, 'drop')).uris, ['file:///project/app.py', 'file:///project/lib']);
    await page.evaluate(() => {
      const dropped = new DataTransfer();
      dropped.items.add(new File(['what happened'], 'notes.txt', { type: 'text/plain' }));
      dropped.items.add(new File([new Uint8Array([0, 1])], 'a.out'));
      document
        .querySelector('.composer textarea')
        .dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true }));
    });
    await page.locator('.notice', { hasText: 'a.out is not a picture' }).waitFor();
    await page.locator('.chip', { hasText: 'notes.txt' }).waitFor();
    await page.locator('.composer .send:enabled').click();
    const { text, chips } = await last(page, 'send');
    assert.deepEqual([text, chips.map((chip) => chip.text)], ['', ['what happened']]);
    await page.close();
  },

  async 'beside a diff it is said why it is asked, in the words of the server alone'() {
    const detail =
      'Edit run.sh\n\nWhy this needs approval: it says so itself\n\nWhy this needs approval: run.sh can be run';
    const asked = call('c1', 'edit_file', { path: 'run.sh' }, { detail, reason: 'run.sh can be run', diff: '-a\n+b' });
    const page = await chat([...turn(1, ''), ...asked], 'waiting');
    await page.locator('.question', { hasText: 'Asked because run.sh can be run' }).waitFor();
    assert.doesNotMatch(await page.locator('.question').innerText(), /says so itself/);
    await page.close();
  },

  async 'a question about no call stands above the composer, with its own words and after those of the turn'() {
    const detail = '{"command": "clock"}';
    const options = [
      { id: 'allow_always', label: 'I agree', kind: 'allow_always' },
      { id: 'deny', label: 'Not now', kind: 'deny' },
    ];
    const trust = { sessionId: '', callId: 'q1', tool: 'trust', title: 'Start the clock?', detail, options };
    const ofTurn = { ...trust, sessionId: 's1', callId: 'c1', tool: 'run_shell', options: OPTIONS };
    const page = await chat();
    await post(page, { type: 'questions', open: [trust] });
    await page.locator('.asked', { hasText: detail }).waitFor();
    await page.setViewportSize({ width: 420, height: 150 });
    await page.locator('.asked button', { hasText: 'I agree' }).scrollIntoViewIfNeeded();
    const [button, main] = await Promise.all(['.asked .primary', 'main'].map((it) => page.locator(it).boundingBox()));
    assert.ok(button.y + button.height <= main.y + main.height, 'in a low view it can be answered');
    assert.equal(await page.locator('.composer').isVisible(), false);
    await page.setViewportSize({ width: 420, height: 900 });
    await page.locator('.asked .link', { hasText: 'Read it' }).click();
    assert.equal((await last(page, 'command')).command, 'mazu.agent.focus');
    assert.equal(await page.locator('.empty button').count(), 0, 'nothing else is offered');
    await listens(page);
    await page.keyboard.press('Enter'); // agrees to nothing
    await page.keyboard.press('n');
    assert.deepEqual(await last(page, 'answer'), { type: 'answer', callId: 'q1', reply: { optionId: 'deny' } });
    assert.equal((await sent(page, 'answer')).length, 1);
    await post(page, reset([...turn(1, ''), ...call('c1', 'run_shell', { command: 'make' })], 'waiting'));
    await post(page, { type: 'questions', open: [trust, ofTurn] });
    await page.locator('.call .question').waitFor();
    await page.locator('.asked').waitFor({ state: 'detached' }); // one at a time
    await post(page, { type: 'questions', open: [{ ...ofTurn, sessionId: 's2', title: 'Run make' }] });
    await page.locator('.notice', { hasText: 'Another conversation waits for you: Run make' }).waitFor();
    await page.locator('.notice .link', { hasText: 'show' }).click();
    assert.deepEqual((await last(page, 'command')).arguments, ['s2']);
    await page.close();
  },

  async 'what goes along stands as chips; @ completes; Enter sends and queues, Escape stops, Shift+Tab changes the mode'() {
    const page = await chat(turn(1, 'Done.'));
    const area = page.locator('.composer textarea');
    await post(page, {
      type: 'chips',
      chips: [{ id: 'a', kind: 'selection', label: 'app.py:1-3', uri: 'file:///app.py' }],
    });
    await page.locator('.chip', { hasText: 'app.py:1-3' }).waitFor();
    await area.click();
    await page.keyboard.type('look at @dou');
    const asked = await until('all of it is looked up', async () =>
      (await sent(page, 'complete')).find(({ query }) => query === 'dou'),
    );
    const chip = { id: 'd', kind: 'symbol', label: 'double', uri: 'file:///app.py' };
    const items = [{ label: 'double', detail: 'Function in app.py', icon: 'symbol-method', chip }];
    await post(page, { type: 'completions', request: asked.request, items });
    await page.locator('.completions li').waitFor();
    await post(page, { type: 'completions', request: asked.request - 1, items: [] }); // a late answer takes nothing away
    await page.waitForTimeout(100);
    await page.keyboard.press('Enter');
    await page.locator('.chip', { hasText: 'double' }).waitFor();
    await page.locator('.chip button[aria-label="Remove app.py:1-3"]').click();
    await area.click();
    await page.keyboard.press('Shift+Tab');
    assert.equal((await last(page, 'mode')).mode, 'auto');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.press('Enter');
    const message = await last(page, 'send');
    assert.deepEqual([message.text, message.queue, message.chips.map(({ id }) => id)], ['look at', false, ['d']]);
    await page.keyboard.type('and then');
    await page.keyboard.press('Enter');
    await until('the second one waits for the first', async () => (await last(page, 'send')).queue === true);
    await page.keyboard.press('Escape');
    await last(page, 'stop');
    await page.close();
  },

  async 'models show their prices and whether they are ready'() {
    const page = await chat(turn(1, 'Done.'));
    await page.locator('.picker[aria-label^="Model"]').click();
    await last(page, 'models');
    const models = [
      {
        name: 'anthropic:claude-sonnet',
        detail: 'anthropic · $2 in, $10 out per million tokens',
        ready: true,
        current: true,
      },
      { name: 'openai:gpt', detail: 'openai · $1 in, $4 out per million tokens', ready: false, current: false },
    ];
    await post(page, { type: 'models', models });
    await page.locator('[role=menuitemradio]', { hasText: 'needs a key · openai · $1 in' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal((await last(page, 'model')).model, 'openai:gpt');
    // A list that grows while the user moves in it leaves the focus where it is.
    const picker = page.locator('.picker[aria-label^="Model"]');
    await picker.click();
    await page.locator('[role=menuitemradio]', { hasText: 'anthropic' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await post(page, { type: 'models', models: [...models, { ...models[1], name: 'openai:gpt-mini' }] });
    await page.locator('[role=menuitemradio]', { hasText: 'gpt-mini' }).waitFor();
    assert.match(await page.evaluate(() => document.activeElement.textContent), /^gptneeds/);
    await page.close();
  },

  async 'the list follows its end, also when it gets lower, and stays where somebody reads'() {
    const long = Array.from({ length: 30 }, (_, n) => turn(n + 1, `Answer ${n + 1}. ${'words '.repeat(80)}`)).flat();
    const page = await chat([...long, ...turn(99, '')], 'running');
    const atEnd = () =>
      page.evaluate(() => {
        const it = document.querySelector('.scroller');
        return it.scrollHeight - it.scrollTop - it.clientHeight < 2;
      });
    await until('it stands at its end', atEnd);
    await page.setViewportSize({ width: 420, height: 500 });
    await until('it does so when it is lower', atEnd);
    assert.equal(await page.locator('.to-end').count(), 0);
    const chunk = (seq) => ({
      sessionId: 's1',
      turnId: 't99',
      seq,
      update: { kind: 'message', text: 'more text\n\n' },
    });
    await post(page, { type: 'updates', updates: Array.from({ length: 40 }, (_, n) => chunk(n + 1)) });
    await page.locator('.markdown', { hasText: 'more text' }).last().waitFor();
    await until('it follows', atEnd);
    await page.mouse.move(200, 200);
    await page.mouse.wheel(0, -2000);
    await page.locator('.to-end').waitFor();
    // It rests: so many frames of the page, however long they take, and nothing moved; the row that is read, and where.
    const { row, top } = await page.evaluate(async () => {
      const scroller = document.querySelector('.scroller');
      const middle = scroller.getBoundingClientRect().top + scroller.clientHeight / 2;
      const rows = () => [...document.querySelectorAll('.row')].map((it) => [it, it.getBoundingClientRect()]);
      let before = '';
      for (let same = 0; same < 30; same += 1) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const now = JSON.stringify([scroller.scrollTop, scroller.scrollHeight]);
        if (now !== before) same = 0;
        before = now;
      }
      const [read, box] = rows().find(([, { top, bottom }]) => top <= middle && bottom > middle);
      return { row: read.dataset.row, top: box.top };
    });
    await post(page, { type: 'updates', updates: Array.from({ length: 40 }, (_, n) => chunk(n + 41)) });
    await page.locator('.to-end', { hasText: 'new output' }).waitFor();
    const after = await page.locator(`.row[data-row="${row}"]`).evaluate((it) => it.getBoundingClientRect().top);
    assert.ok(Math.abs(after - top) < 1, `what is read moved by ${after - top} pixels`);
    await page.close();
  },

  async 'the time machine shows a step by itself, and everything as it was'() {
    const page = await pages.open('timeMachine');
    const stop = (n) => ({ id: `c${n}`, title: `Step ${n}`, at: '2026-01-01T10:00:00Z', kind: 'step', changes: '' });
    const stops = [1, 2, 3].map((n) => ({ ...stop(n), here: true, current: n === 3, session: `s${n % 2}` }));
    const sessions = [
      { id: 's0', name: 'the even one' },
      { id: 's1', name: 'the odd one' },
    ];
    await post(page, { type: 'stops', stops, sessions });
    assert.equal((await last(page, 'look')).id, 'c3');
    await page.locator('.machine button', { hasText: 'Restore all' }).click(); // files may have changed since
    assert.equal((await last(page, 'restore')).id, 'c3');
    await page.locator('input[type=range]').focus();
    await page.keyboard.press('ArrowLeft');
    await until('the step before is looked at', async () => (await last(page, 'look')).id === 'c2');
    const memories = [{ id: 'm1', title: 'Use tabs', sign: '+' }];
    await post(page, { type: 'step', step: { id: 'c2', files: [], memories, said: [], problem: '' } });
    await page.locator('.members li', { hasText: 'Use tabs' }).waitFor();
    // The older ones come later, and nothing moves away from under the eyes.
    await post(page, { type: 'stops', stops: [{ ...stop(0), here: true, current: false }, ...stops], sessions });
    await until('it stands where it stood', async () => (await page.locator('input[type=range]').inputValue()) === '2');
    await page.locator('.choice button', { hasText: 'Everything' }).click();
    await page.locator('.filter').fill('lib');
    const asked = await until('it is looked for', async () =>
      (await sent(page, 'contents')).find(({ query }) => query === 'lib'),
    );
    assert.equal(asked.id, 'c2');
    const held = [{ id: 'm1', title: 'Use tabs', category: 'task_outcome' }];
    const state = { id: 'c2', query: 'lib', files: ['lib/a.py'], total: 7, memories: held, turns: 0, said: [] };
    await post(page, { type: 'state', state: { ...state, problem: '' } });
    await page.locator('.members', { hasText: 'and 6 more' }).waitFor();
    await page.locator('.members button', { hasText: 'lib/a.py' }).click();
    assert.deepEqual(await last(page, 'openThen'), { type: 'openThen', id: 'c2', path: 'lib/a.py' });
    await page.locator('.machine select').selectOption({ label: 'the odd one' });
    await until(
      'only its steps are there',
      async () => (await page.locator('input[type=range]').getAttribute('max')) === '1',
    );
    await page.locator('.machine .who', { hasText: 'Step 3' }).waitFor();
    await page.close();
  },

  async 'a council that has nothing to compare says why, and offers nothing to remember'() {
    const page = await pages.open('council');
    const usage = { inputTokens: 1, outputTokens: 1, costUsd: 0 };
    const answers = [
      { model: 'a:one', reply: 'Cents.', error: null, usage },
      { model: 'a:two', reply: '', error: { kind: 'model', message: 'two is not known.', hint: '' }, usage },
    ];
    const error = { kind: 'model', message: 'Only a:one answered.', hint: 'Ask again.' };
    const result = { question: 'Cents?', answers, lead: 'a:one', synthesis: '', dissent: '', usage, error };
    await post(page, { type: 'answered', result });
    await page.locator('.synthesis', { hasText: 'Only a:one answered. Ask again.' }).waitFor();
    assert.equal(await page.locator('.synthesis button').count(), 0);
    await page.close();
  },

  async 'a model cannot put anything into the page'() {
    const evil = '<img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>[x](javascript:alert(1))';
    const page = await chat(turn(1, `Hello. ${evil}\n\n![a](http://example.org/a.png)`));
    await page.locator('.markdown', { hasText: 'Hello.' }).waitFor();
    assert.equal(await page.locator('.markdown img, .markdown script').count(), 0);
    assert.equal(await page.locator('.markdown a[href^="javascript"]').count(), 0);
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    await page.close();
  },

  'every state keeps the rules of accessibility': () =>
    checkAccessibility({ axe: fs.readFileSync(tools.AXE, 'utf8'), pages, chat, call }),
};

try {
  for (const [title, work] of Object.entries(STEPS)) {
    await work();
    console.log(`ok  ${title}`);
  }
} catch (error) {
  console.log(`not ok: ${error.stack}`);
  process.exitCode = 1;
} finally {
  await pages.close();
}
