// A question without tools, a task that runs on its own with its limits and its undoing, and a refusal that says why.
import assert from 'node:assert/strict';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(async (bed, step) => {
  const app = 'app.py';
  let before = '';

  await step('a question is answered', async () => {
    await bed.start();
    await bed.openFile(app);
    await until('the server runs', async () => /Mazu: .* · ask/.test(await bed.status()));
    before = await bed.text(app);
    await bed.command('Mazu: Ask a Question');
    await bed.answer('No tools, nothing remembered', 'what does total do?');
    await until('the answer is shown', () => bed.rendered('It subtracts'));
    await bed.shot('answer');
  });

  await step('a task is given with a limit of its own', async () => {
    await bed.focus(app);
    await bed.command('Mazu: Run a Task');
    await bed.answer('What is to be done', 'make total add');
    await bed.pick('Steps');
    await bed.answer('model calls at most', '5');
    await until('the limit is shown', async () => (await bed.rowTexts()).some((text) => /Steps ?5/.test(text)));
    await bed.shot('limits');
    await bed.pick('Start');
  });

  await step('it edits, and its end is told', async () => {
    await bed.notification('the run has ended: Done.').waitFor();
    assert.ok((await bed.text(app)).includes('return a + b'));
    await bed.shot('ended');
  });

  await step('the run is undone', async () => {
    await bed.press(bed.notification('the run has ended'), 'Undo');
    await until('the text is as before', async () => (await bed.text(app)) === before);
    await bed.notification('Mazu: rolled back').locator('.monaco-button', { hasText: 'Undo' }).waitFor();
    await bed.shot('undone');
  });

  await step('in a chat a refusal tells the agent why, and it does otherwise', async () => {
    await bed.command('Mazu: Open Chat');
    await bed.page.locator('.tab.active', { hasText: 'Mazu chat' }).waitFor();
    await bed.focus('.md', 'You');
    await bed.page.keyboard.press('Control+End');
    await bed.page.keyboard.type('let total add');
    await bed.page.keyboard.press('Control+Enter');
    const question = bed.notification('Mazu wants to use edit_file');
    await bed.press(question, 'More…');
    await bed.rows().first().waitFor();
    await bed.shot('more');
    await bed.pick('and say why');
    await bed.answer('What the agent should do instead', 'sum is the builtin to use');
    await bed.press(question, /^Allow/);
    await until('the agent did otherwise', async () => (await bed.text(app)).includes('return sum((a, b))'));
  });
});
