// The main job in real VS Code on default settings: the chat asks, edits an open buffer, is undone and redone; a window
// that is loaded anew, also in mid-turn, and a server that is killed, also in mid-turn; a refusal with a reason; stop; roll back
// and back again. No undo of it asks anything.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(async (bed, step) => {
  const app = 'app.py';
  const onDisk = () => fs.readFileSync(path.join(bed.project, app), 'utf8');
  const shows = (text) => until(`${app} shows: ${text}`, async () => (await bed.text(app)).includes(text));
  const saved = onDisk();
  const keys = bed.keys;
  let chat;
  let mine = '';
  let changed = '';
  const question = () => chat.locator('.question');
  const says = (text) => chat.locator('.markdown', { hasText: text }).last().waitFor();
  const idle = () => until('nothing runs', async () => (await chat.locator('.clock').count()) === 0);
  // Who typed a moment ago keeps the keyboard; the arrow up goes to the question.
  const asked = async () => {
    await question().waitFor();
    await until('the question has the keyboard', async () => {
      if (await bed.hasKeyboard(chat, '.question')) return true;
      await keys('ArrowUp');
      return false;
    });
    await new Promise((resolve) => setTimeout(resolve, 500)); // nobody reads a question faster
  };

  await step('the extension finds and starts the server, and the chat has something to begin with', async () => {
    await bed.start();
    await bed.openFile(app);
    await until('the status bar names mode and model', async () => /Mazu: ask · claude/.test(await bed.status()));
    await bed.command('Mazu: Open Chat');
    chat = await bed.chat();
    await chat.locator('.empty').waitFor();
    // What is opened takes the keyboard; a click elsewhere before that would lose it again.
    await until('the composer has the keyboard', () => bed.hasKeyboard(chat, '.composer textarea'));
    await bed.shot('empty');
  });

  await step('a checkpoint of what is there, an unsaved line included', async () => {
    await bed.focus(app);
    await keys('Control+End');
    await bed.page.keyboard.type('# my own line');
    await shows('# my own line');
    mine = await bed.text(app);
    await bed.command('Mazu: Create Checkpoint');
    await bed.answer('Label (optional)', 'before the agent');
    await bed.announced('before the agent');
  });

  await step('a message; the question stands in its place with the diff, and in no message box', async () => {
    chat = await bed.say('total subtracts, please mend it');
    await question().waitFor();
    assert.match(await question().innerText(), /return a \+ b/);
    assert.equal(await bed.text(app), mine, 'nothing is done before it is allowed');
    assert.equal(await bed.notification('Mazu').count(), 0, 'no message box');
    assert.match(await bed.status(), /waits for you/);
    await bed.shot('question');
  });

  await step('Enter allows it: the open buffer is edited, nothing is saved', async () => {
    await asked();
    await keys('Enter');
    await shows('return a + b');
    await says('It adds now.');
    await chat.locator('.footer', { hasText: '1 file changed' }).waitFor();
    changed = await bed.text(app);
    assert.ok(changed.includes('# my own line'), 'the unsaved line is still there');
    assert.ok(await bed.dirty(app), 'nothing was saved behind the back of the user');
    assert.equal(onDisk(), saved);
    await bed.shot('done');
  });

  await step('review opens its changes in the diff editor', async () => {
    await chat.locator('.footer .link', { hasText: 'review' }).click();
    await bed.page.locator('.tab.active', { hasText: 'this turn' }).waitFor();
    await bed.page.locator('.monaco-diff-editor .view-line', { hasText: 'return a - b' }).first().waitFor();
    await bed.shot('review');
    await bed.command('View: Close Editor');
    await bed.openFile(app);
    await bed.page.locator('.codelens-decoration a', { hasText: 'Undo' }).first().waitFor();
  });

  await step("the editor's own undo takes the edit back, and redo brings it again", async () => {
    await bed.focus(app);
    await keys('Control+z');
    await until('the edit is undone', async () => (await bed.text(app)) === mine);
    await keys('Control+y');
    await until('the edit is redone', async () => (await bed.text(app)) === changed);
  });

  await step('the turn is undone from its footer, and is shown as undone', async () => {
    await chat.locator('.footer .link', { hasText: 'undo' }).click();
    await until('the text is as before', async () => (await bed.text(app)) === mine);
    await chat.locator('.gone', { hasText: '1 turn undone' }).waitFor();
    await bed.openView('Sessions');
    await until('a conversation of which all is undone is still listed', async () =>
      /total subtracts.*0 turns/.test((await bed.sidebar()).replaceAll(/\s+/g, ' ')),
    );
    await bed.shot('undone');
    await bed.page.locator('.sidebar .pane-header', { hasText: 'Sessions' }).first().click();
  });

  await step(
    'redo brings it again; in a window that is loaded anew it is undone again, without a question',
    async () => {
      await chat.locator('.gone .link', { hasText: 'redo' }).click();
      await until('the edit is redone', async () => (await bed.text(app)) === changed);
      await chat.locator('.footer .link', { hasText: 'undo' }).waitFor();
      await new Promise((resolve) => setTimeout(resolve, 3000)); // VS Code backs up what is unsaved a second after it changed
      await bed.reload();
      chat = await bed.chat();
      await bed.openFile(app);
      await until('the unsaved text is there again', async () => (await bed.text(app)) === changed);
      await chat.locator('.footer .link', { hasText: 'undo' }).click();
      await until('the text is as before', async () => (await bed.text(app)) === mine);
      await chat.locator('.gone', { hasText: '1 turn undone' }).waitFor();
      assert.equal(await question().count(), 0);
    },
  );

  await step('a refusal with a reason, by keyboard; the agent does otherwise', async () => {
    chat = await bed.say('let total add');
    await asked();
    await keys('n');
    await bed.page.keyboard.type('sum is the builtin to use');
    await keys('Enter');
    await until('it asks again', async () => /sum\(\(a, b\)\)/.test(await question().innerText()));
    await bed.shot('denied');
    await asked();
    await keys('Enter');
    await shows('return sum((a, b))');
    await idle();
    await chat.locator('.reason', { hasText: 'sum is the builtin' }).waitFor();
  });

  // The row of the turn that began with this message; what earlier turns show is not in it.
  const turnOf = (message) => chat.locator('.row', { has: chat.locator('.said', { hasText: message }) });
  const stopped = (message) => turnOf(message).locator('.ended.cancelled').waitFor();

  await step('a window that is loaded anew in mid-turn has what was said, and goes on with one press', async () => {
    chat = await bed.say('please wait for the window');
    await says('This takes a while.');
    const ended = await bed.serverPid();
    await bed.reload(); // its server works on the buffers of this window, and ends with it
    chat = await bed.chat();
    await bed.serverPid(ended);
    const turn = turnOf('for the window');
    await turn.locator('.ended', { hasText: 'mazu-ls was closed before this turn ended' }).waitFor();
    await turn.locator('.markdown', { hasText: 'This takes a while.' }).waitFor();
    await chat.locator('header .title', { hasText: 'total subtracts' }).waitFor();
    await bed.shot('reloaded');
    await chat
      .locator('.asked', { hasText: '“please wait for the window” was interrupted' })
      .locator('button', { hasText: 'Continue' })
      .click();
    await says('That was the rest.');
    await idle();
    assert.equal(await chat.locator('.asked').count(), 0);
  });

  await step('Escape stops a running turn', async () => {
    chat = await bed.say('please wait while it runs');
    await turnOf('while it runs').locator('.markdown', { hasText: 'This takes a while.' }).waitFor();
    await keys('Escape');
    await stopped('while it runs');
    await idle();
  });

  await step('Escape at once after Enter stops the turn that is about to begin', async () => {
    chat = await bed.say('please wait, or rather not');
    await keys('Escape');
    await stopped('or rather not');
    await idle();
  });

  await step('a killed server starts again, and the chat is what the session is', async () => {
    const killed = await bed.serverPid();
    process.kill(killed, 'SIGKILL');
    await bed.announced('Mazu: stopped'); // what is looked at from here on is of the next server
    await bed.serverPid(killed);
    await until('the status bar says so', async () => /Mazu: ask · claude/.test(await bed.status()));
    await turnOf('or rather not').waitFor();
    chat = await bed.say('are you there');
    await says('Yes, I am here.');
    await bed.shot('killed');
  });

  await step(
    'a server killed in mid-turn: the turn is continued, then both are undone without a question',
    async () => {
      await bed.openFile(app);
      const before = await bed.text(app);
      chat = await bed.say('make total a product');
      await asked();
      await keys('Enter');
      await shows('return a * b');
      await says('Counting the callers.');
      const killed = await bed.serverPid();
      process.kill(killed, 'SIGKILL');
      await bed.serverPid(killed);
      const offer = chat.locator('.asked', { hasText: 'was interrupted' });
      await offer.locator('.question').focus();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await keys('Enter'); // allows calls, and continues nothing that costs money
      await offer.locator('button', { hasText: 'Continue' }).click();
      await says('It is a product already.');
      await idle();
      assert.ok((await bed.text(app)).includes('return a * b'));
      await bed.command('Mazu: Undo Last Turn');
      await chat.locator('.gone', { hasText: '1 turn undone' }).last().waitFor();
      await bed.command('Mazu: Undo Last Turn');
      await until('the text is as before', async () => (await bed.text(app)) === before);
      assert.equal(await question().count(), 0);
      await bed.shot('continued and undone');
    },
  );

  await step('a code action on a selection', async () => {
    await bed.openFile(app);
    const before = await bed.text(app);
    await bed.focus(app, 'def double');
    await keys('Home');
    await keys('Shift+ArrowDown');
    await keys('Shift+End');
    assert.match(await bed.codeAction('Mazu: document'), /Mazu: explain/);
    await shows('Twice the number');
    await bed.focus(app, 'def double');
    await keys('Control+z');
    await until('the code action is undone', async () => (await bed.text(app)) === before);
    changed = before;
  });

  await step('roll back after a preview', async () => {
    await bed.command('Mazu: Roll Back');
    await bed.choose('before the agent', 'before the agent');
    const rows = await until('the plan is shown', async () => {
      const texts = await bed.rowTexts();
      return texts.some((text) => /Roll back/.test(text)) && texts.some((text) => text.includes(app)) && texts;
    });
    assert.ok(rows.length > 2, rows.join(' | '));
    assert.match(rows.join(' '), /1 open editor changed.*, conversation; a safety checkpoint is taken first/);
    await bed.shot('preview');
    assert.equal(await bed.text(app), changed, 'a preview touches nothing');
    await bed.rows().filter({ hasText: 'Roll back' }).first().click();
    await until('the buffer is as it was at the checkpoint', async () => (await bed.text(app)) === mine);
    await bed.announced('rolled back');
    await bed.shot('rolled back');
  });

  await step('and undo the roll back', async () => {
    await bed.press('rolled back', 'Undo');
    await until('the roll back is undone', async () => (await bed.text(app)) === changed);
  });

  await step('the views list what there is', async () => {
    await bed.openView('Checkpoints');
    await bed.page.locator('.sidebar .pane-header', { hasText: 'Chat' }).first().click(); // the room is theirs
    await until('the checkpoint is listed', async () => (await bed.sidebar()).includes('before the agent'));
    await until('the branch that was left is named', async () => (await bed.sidebar()).includes('other branch'));
    await bed.shot('views');
  });
});
