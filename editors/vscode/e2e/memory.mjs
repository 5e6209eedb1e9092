// What is remembered in real VS Code is found again: by the palette and by a code action, in the quick pick and the view.
import assert from 'node:assert/strict';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(async (bed, step) => {
  const view = () => bed.page.locator('.sidebar').innerText();

  await step('a selection is remembered from the palette', async () => {
    await bed.start();
    await bed.openFile('app.py');
    await until('the server runs', async () => /Mazu: .* · ask/.test(await bed.status()));
    await bed.focus('app.py', 'return a * 2');
    await bed.page.keyboard.press('Home');
    await bed.page.keyboard.press('Shift+End');
    await bed.command('Mazu: Remember');
    await bed.answer('In one sentence', 'We double by multiplying, never by shifting bits');
    await bed.pick('convention');
    await bed.page.locator('.statusbar', { hasText: 'remembered: We double' }).waitFor();
  });

  await step('another by a code action on a line', async () => {
    await bed.focus('app.py', 'def total');
    await bed.page.keyboard.press('Home');
    await (await bed.codeAction('Mazu: remember this')).click();
    await bed.page.locator('.activitybar .action-label[aria-label^="Mazu"]').click();
    await until('both are in the view', async () =>
      /double by multiplying[^]*def total|def total[^]*double by multiplying/.test(await view()),
    );
    await bed.shot('view');
  });

  await step('the quick pick finds the right one as one types', async () => {
    await bed.command('Mazu: Recall');
    await bed.quickInput().fill('how do we double a number?');
    const [first] = await until('something is found', async () => {
      const texts = await bed.rowTexts();
      return texts.length > 0 && texts;
    });
    assert.match(first, /double by multiplying/);
    await bed.shot('recall');
    await bed.quickInput().press('Enter');
    await bed.page.locator('.tab', { hasText: 'We double' }).waitFor();
    await until('the memory is shown', () => bed.rendered('return a * 2'));
    await bed.shot('memory');
  });

  await step('also after the server was killed, which starts again by itself', async () => {
    const killed = bed.serverPid();
    process.kill(killed, 'SIGKILL');
    await until('another server runs', async () => bed.serverPid() && bed.serverPid() !== killed);
    await until('the status bar says so', async () => /Mazu: .* · ask/.test(await bed.status()));
    await until('the view is full again', async () => (await view()).includes('def total'));
    await bed.command('Mazu: Recall');
    await bed.quickInput().fill('doubling');
    await until('it is found', async () =>
      (await bed.rowTexts()).some((text) => text.includes('double by multiplying')),
    );
    await bed.quickInput().press('Escape');
  });

  await step('and it can be forgotten', async () => {
    const row = bed.page.locator('.sidebar .monaco-list-row', { hasText: 'def total' });
    await until('it is gone from the view', async () => {
      if (!(await view()).includes('def total')) return true;
      await row.hover({ timeout: 5000 }); // the view may just be drawn anew, and the button with it
      await row.locator('.action-label[aria-label^="Forget"]').click({ timeout: 5000 });
      return false;
    });
  });
});
