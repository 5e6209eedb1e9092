// Where it can be: no folder, then a project in light, dark and high contrast, with every page held against the rules
// of accessibility (axe-core). Its pictures are those of the README and the walkthrough (e2e/pictures.sh).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

const THEMES = [
  { name: 'light', theme: 'Light Modern', body: 'vscode-light' },
  { name: 'dark', theme: 'Dark Modern', body: 'vscode-dark' },
  { name: 'high-contrast', theme: 'Dark High Contrast', body: 'vscode-high-contrast' },
];

await story(
  async (bed, step) => {
    const app = 'app.py';
    const axe = fs.readFileSync(bed.tools.AXE, 'utf8');
    const accessible = async (frame, what) => {
      await frame.evaluate(axe);
      const { violations } = await frame.evaluate(() => globalThis.axe.run('#root'));
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(found, [], what);
    };
    // Nothing that fades, no tip of what the mouse is over.
    const takePicture = async (name) => {
      await bed.page.mouse.move(900, 700);
      await bed.page.waitForTimeout(300);
      await until(
        'VS Code has started all extensions',
        async () => !/Activating Extensions/.test(await bed.page.locator('.part.statusbar').innerText()),
      );
      await bed.shot(name);
    };
    // Shows one view of the side bar, or folds it away.
    const fold = async (view, open) => {
      const header = bed.page.locator('.sidebar .pane-header', { hasText: view }).first();
      await until(`${view} is ${open ? 'open' : 'folded'}`, async () => {
        if ((await header.getAttribute('aria-expanded')) === String(open)) return true;
        await header.click();
        return false;
      });
    };
    // The side bar as wide as somebody makes it who reads in it.
    const widen = async (by) => {
      const { x, y, width, height } = await bed.page.locator('.part.sidebar').boundingBox();
      await bed.page.mouse.move(x + width, y + height / 2);
      await bed.page.mouse.down();
      await bed.page.mouse.move(x + width + by, y + height / 2, { steps: 5 });
      await bed.page.mouse.up();
    };
    const remember = async (title, category) => {
      await bed.command('Mazu: Remember…');
      await bed.answer('In one sentence', title);
      await bed.pick(category);
      await bed.announced(`remembered: ${title}`);
    };
    let chat;

    await step('without a folder the chat says what to do', async () => {
      await bed.start();
      await bed.command('Mazu: Open Chat');
      chat = await bed.chat();
      await chat.locator('.empty', { hasText: 'Open a folder' }).waitFor();
      await bed.command('Mazu: Open Time Machine');
      await bed.noticed('No folder is open');
      await bed.notification('No folder is open').locator('.monaco-button', { hasText: 'Open Folder' }).waitFor();
      await bed.command('Notifications: Clear All Notifications');
      await bed.command('View: Close All Editors');
    });

    await step('with one, something is remembered, and a turn is done', async () => {
      await bed.open(bed.project);
      await bed.openFile(app);
      await bed.command('View: Hide Secondary Side Bar');
      await remember('Money is counted in cents, never in floats', 'decision');
      await remember('Tests are named after what they hold', 'convention');
      await remember('total once subtracted: look at the sign first', 'mistake');
      await widen(110);
      chat = await bed.say('make total add');
      await chat.locator('.question .primary').click();
      await chat.locator('.footer', { hasText: '1 file changed' }).waitFor();
    });

    await step('a council and the time machine stand beside it', async () => {
      await bed.command('Mazu: Ask the Council…');
      await bed.answer('Several models answer', 'Should total take any number of arguments?');
      await bed.ticked(2);
      await (await bed.frame('.council .synthesis')).locator('.members section').first().waitFor();
      await bed.command('Mazu: Open Time Machine');
      await (await bed.frame('.machine input[type=range]')).locator('.members section').first().waitFor();
    });

    await step('a question is open', async () => {
      await bed.openFile(app);
      chat = await bed.say('and document double, please');
      await chat.locator('.question').waitFor();
    });

    for (const { name, theme, body } of THEMES) {
      await step(`${name}: nothing that the rules of accessibility forbid`, async () => {
        await bed.command('Preferences: Color Theme');
        await bed.choose(theme, theme);
        await until('the theme is there', async () => (await chat.locator(`body.${body}`).count()) > 0);
        await takePicture(`question ${name}`);
        const line = (text) => chat.locator('.link', { hasText: text }).first();
        assert.equal(
          await line('app.py').evaluate((it) => getComputedStyle(it).textDecorationLine),
          body.includes('high-contrast') ? 'underline' : 'none',
          'links are told from text without colour where colours are few',
        );
        await accessible(chat, 'the chat');
        const pages = [
          ['Council', '.council .synthesis', 'council'],
          ['Time Machine', '.machine input[type=range]', 'time-machine'],
        ];
        for (const [tab, selector, picture] of pages) {
          await bed.page.locator('.tab', { hasText: tab }).first().click();
          const page = await bed.frame(selector);
          await until('it has the theme', async () => (await page.locator(`body.${body}`).count()) > 0);
          await takePicture(`${picture} ${name}`);
          await accessible(page, picture);
        }
        await bed.openFile(app);
        await bed.openView('Memory');
        await fold('Memory', true);
        await fold('Chat', false);
        const memory = bed.page.locator('.sidebar .monaco-list-row', { hasText: 'Money is counted' }).first();
        await memory.click();
        await bed.page.locator('.tab.active', { hasText: 'Money is counted' }).waitFor();
        await bed.frame('h1:has-text("Money is counted")');
        await takePicture(`memory ${name}`);
        const tab = bed.page.locator('.tab', { hasText: 'Money is counted' });
        await until('its document is closed', async () => {
          if (!(await tab.count())) return true;
          await tab.first().click({ button: 'middle', timeout: 5000 });
          return false;
        });
        await fold('Memory', false);
        await fold('Chat', true);
        await bed.openFile(app);
      });
    }
  },
  { withFolder: false },
);
