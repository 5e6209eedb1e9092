// `@mazu` in VS Code's own chat view: the same agent, its reply streamed.
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(
  async (bed, step) => {
    await step('the server runs', async () => {
      await bed.start();
      await until('the status bar says so', async () => /Mazu: .* · ask/.test(await bed.status()));
    });

    await step('@mazu answers', async () => {
      await bed.page.keyboard.press('Control+Alt+i');
      const input = bed.page.locator('.interactive-input-part');
      await until('our model is picked', async () => (await input.innerText()).includes('Mazu ('));
      await input.locator('.view-line').first().click();
      await bed.page.keyboard.type('@mazu what is this project?');
      await until('the participant is known', async () => (await input.innerText()).includes('@mazu'));
      await bed.page.keyboard.press('Enter');
      await bed.page.locator('.interactive-response', { hasText: 'A small calculator' }).waitFor();
      await bed.shot('answered');
    });
  },
  { settings: { 'chat.disableAIFeatures': false, 'chat.agent.enabled': false } },
);
