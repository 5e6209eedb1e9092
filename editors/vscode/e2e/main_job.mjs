// The main job in real VS Code: start, chat that edits an open buffer, undo, a code action on a selection, checkpoint,
// roll back after a preview, undo that, stop.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(async (bed, step) => {
  const app = 'app.py';
  const chat = () => fs.readdirSync(path.join(bed.project, '.mazu/chats')).find((name) => name.endsWith('.md'));
  const onDisk = () => fs.readFileSync(path.join(bed.project, app), 'utf8');
  const shows = (file, text) => until(`${file} shows: ${text}`, async () => (await bed.text(file)).includes(text));
  const saved = onDisk();
  let mine = '';
  let changed = '';

  await step('the workbench opens the project and the extension finds and starts the server', async () => {
    await bed.start();
    await bed.openFile(app);
    await until('the status bar names model and mode', async () => /Mazu: .* · ask/.test(await bed.status()));
    await bed.shot('started');
  });

  await step('a checkpoint of what is there, an unsaved line included', async () => {
    await bed.focus(app);
    await bed.page.keyboard.press('Control+End');
    await bed.page.keyboard.type('# my own line');
    await shows(app, '# my own line');
    mine = await bed.text(app);
    await bed.command('Mazu: Create Checkpoint');
    await bed.answer('A name for it', 'before the agent');
    await bed.page.locator('.statusbar', { hasText: /cp_\d+ · before the agent/ }).waitFor();
  });

  await step('the chat document opens beside the code', async () => {
    await bed.command('Mazu: Open Chat');
    const name = await until('a chat document is there', chat);
    await bed.editor(name).waitFor();
    assert.ok(await bed.editor(app).isVisible());
    await bed.focus(name);
    await bed.page.keyboard.press('Control+End');
    await bed.page.keyboard.type('total subtracts, please mend it');
    await shows(name, 'please mend it');
    await bed.page.keyboard.press('Control+Enter');
  });

  await step('the agent asks, and edits the open buffer once it is allowed', async () => {
    const question = bed.notification('Mazu wants to use edit_file');
    await question.locator('.monaco-button', { hasText: 'Details' }).waitFor();
    await bed.shot('asks');
    await bed.press(question, 'Details');
    await until('the diff is in sight', async () => (await bed.text('.diff')).includes('+    return a + b'));
    await bed.shot('details');
    await bed.press(question, /^Allow/);
    await shows(app, 'return a + b');
    await shows(chat(), 'It adds now.');
    changed = await bed.text(app);
    assert.ok(changed.includes('# my own line'), 'the unsaved line is still there');
    assert.ok(await bed.dirty(app), 'nothing was saved behind the back of the user');
    assert.equal(onDisk(), saved);
    await bed.shot('edited');
  });

  await step("the editor's own undo takes the edit back, and redo brings it again", async () => {
    await bed.focus(app);
    await bed.page.keyboard.press('Control+z');
    await until('the edit is undone', async () => (await bed.text(app)) === mine);
    await bed.page.keyboard.press('Control+y');
    await until('the edit is redone', async () => (await bed.text(app)) === changed);
  });

  await step('a code action on a selection', async () => {
    await bed.focus(app, 'def double');
    await bed.page.keyboard.press('Home');
    await bed.page.keyboard.press('Shift+ArrowDown');
    await bed.page.keyboard.press('Shift+End');
    const action = await bed.codeAction('Mazu: document');
    assert.ok(await bed.page.locator('.action-widget', { hasText: 'Mazu: explain' }).isVisible());
    await bed.shot('code actions');
    await action.click();
    await shows(app, 'Twice the number');
    await bed.shot('documented');
    await bed.focus(app, 'def double');
    await bed.page.keyboard.press('Control+z');
    await until('the code action is undone', async () => (await bed.text(app)) === changed);
  });

  await step('roll back after a preview', async () => {
    await bed.command('Mazu: Roll Back');
    await bed.choose('before the agent', 'before the agent');
    const rows = await until('the plan is shown', async () => {
      const texts = await bed.rowTexts();
      return texts.some((text) => text.includes('Roll back to cp_')) && texts;
    });
    assert.ok(
      rows.some((text) => text.includes(app)),
      `the plan names ${app}: ${rows.join(' | ')}`,
    );
    await bed.shot('preview');
    assert.equal(await bed.text(app), changed, 'a preview touches nothing');
    await bed.pick('Roll back to cp_');
    await until('the buffer is as it was at the checkpoint', async () => (await bed.text(app)) === mine);
    await bed.notification('rolled back to').waitFor();
    await bed.shot('rolled back');
  });

  await step('and undo the roll back', async () => {
    await bed.press(bed.notification('rolled back to'), 'Undo');
    await until('the roll back is undone', async () => (await bed.text(app)) === changed);
  });

  await step('stop a running turn', async () => {
    await bed.focus(chat());
    await bed.page.keyboard.press('Control+End');
    await bed.page.keyboard.type('please wait');
    await shows(chat(), 'please wait');
    await bed.page.keyboard.press('Control+Enter');
    const running = async () =>
      (await bed.page.locator('.statusbar-item[id^="mazu.mazu-ls"] .codicon-loading').count()) > 0;
    await until('the status bar spins', running);
    await bed.shot('running');
    await bed.command('Mazu: Stop');
    await until('the status bar is at rest', async () => !(await running()));
  });

  await step('the views list what there is', async () => {
    await bed.page.locator('.activitybar .action-label[aria-label^="Mazu"]').click();
    const views = bed.page.locator('.sidebar');
    await until('the checkpoint is listed', async () => (await views.innerText()).includes('before the agent'));
    await bed.shot('views');
    assert.equal(onDisk(), saved, 'the file on disk was never touched');
  });
});
