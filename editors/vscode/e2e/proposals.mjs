// A run with a limit and its undoing; then edits that wait: a view lists them hunk by hunk; one is accepted into the
// buffer, one rejected with a reason.
import assert from 'node:assert/strict';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(
  async (bed, step) => {
    const app = 'app.py';
    let before = '';
    const row = (text) => bed.page.locator('.sidebar .monaco-list-row', { hasText: text }).first();
    // A row is drawn anew when something changes, and its buttons with it: press until what it does is done.
    const press = (item, icon, done) =>
      until(`${icon} was pressed`, async () => {
        if (await done()) return true;
        await item.hover({ timeout: 3000 });
        await item.locator(`.action-label.codicon-${icon}`).click({ timeout: 3000 });
        return until('it is done', done, 5);
      });

    await step('the agent proposes, and nothing is changed', async () => {
      await bed.start();
      await bed.openFile(app);
      await until('the server runs', async () => /Mazu: ask · /.test(await bed.status()));
      before = await bed.text(app);
      await bed.command('Mazu: Run a Task');
      await bed.answer('What to do, and how', 'mend both');
      await bed.pick('Steps');
      await bed.answer('model calls at most', '5');
      await until('the limit is shown', async () => (await bed.rowTexts()).some((text) => /Steps ?5/.test(text)));
      await bed.pick('Start');
      await bed.announced('the run has ended');
      assert.equal(await bed.text(app), before);
    });

    await step('the view lists the hunks', async () => {
      await bed.openView('Proposals');
      await row('app.py:2').waitFor();
      await row('app.py:6').waitFor();
      await bed.shot('listed');
    });

    await step('a click on one shows it in the diff editor', async () => {
      await row('app.py:2').click();
      await bed.page.locator('.monaco-diff-editor .view-line', { hasText: 'return a + b' }).first().waitFor();
      assert.equal(await bed.notification('Mazu: Cannot').count(), 0);
      await bed.shot('diff');
      await bed.openFile(app);
    });

    await step('one is accepted', async () => {
      await press(row('app.py:2'), 'check', async () => (await bed.text(app)).includes('return a + b'));
      assert.ok((await bed.text(app)).includes('return a * 2'), 'only that one');
      assert.ok(await bed.dirty(app), 'unsaved');
      await row('app.py:2').waitFor({ state: 'detached' });
      await bed.shot('accepted');
    });

    await step('the other is rejected, and the view goes', async () => {
      await press(row('app.py:6'), 'close', () => bed.quickInput().isVisible());
      await bed.answer('Reason for the agent', 'keep the order');
      await row('app.py:6').waitFor({ state: 'detached' });
      assert.ok((await bed.text(app)).includes('return a * 2'));
      await bed.shot('decided');
    });
  },
  { settings: { 'mazu.edits.apply': 'propose' } },
);
