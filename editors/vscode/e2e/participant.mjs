// `@mazu` in VS Code's own chat on default settings, agent mode included: the same agent, its reply streamed, its edit
// asked about, allowed by the status bar item's quick pick.
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(async (bed, step) => {
  await step('the server runs', async () => {
    await bed.start();
    await bed.openFile('app.py');
    await until('the status bar says so', async () => /Mazu: ask · /.test(await bed.status()));
  });

  await step('@mazu answers', async () => {
    await bed.keys('Control+Alt+i');
    const input = bed.page.locator('.interactive-input-part').first();
    await until('our model is picked', async () => (await input.innerText()).includes('Mazu ('));
    await input.locator('.view-line').first().click();
    await bed.page.keyboard.type('@mazu what is this project?');
    await until('the participant is known', async () => (await input.innerText()).includes('@mazu'));
    await bed.keys('Enter');
    await bed.page.locator('.interactive-response', { hasText: 'A small calculator' }).waitFor();
    await bed.shot('answered');
  });

  await step('an edit is asked about, and allowed from the status bar', async () => {
    const input = bed.page.locator('.interactive-input-part').first();
    await input.locator('.view-line').first().click();
    await bed.page.keyboard.type('@mazu mend total');
    await bed.keys('Enter');
    await until('the status bar says that it waits', async () => /waits for you/.test(await bed.status()));
    await bed.page.locator('.statusbar-item[id^="mazu.mazu-ls"] a').first().click();
    await bed.pick('Allow once');
    await until('the edit is there', async () => (await bed.text('app.py')).includes('return a + b'));
    await bed.shot('allowed');
  });
});
