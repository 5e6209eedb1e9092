// A newcomer's first minutes: a folder that is not trusted, in which nothing of ours runs; a server that cannot be
// found, a setting of the machine put right, an API key, a server that is started again; the key reaches the server's
// environment and no settings file.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until, writeSettings } from './workbench.mjs';

await story(
  async (bed, step) => {
    const machine = path.join(bed.home, 'data/Machine/settings.json');
    const setting = (command) => writeSettings(machine, { 'mazu.server.command': command });

    await step('restricted: no server, and the status bar says so', async () => {
      setting('no-such-server');
      await bed.start();
      await until('the status bar says so', async () => (await bed.status()).includes('Mazu: restricted'));
      await bed.shot('restricted');
      assert.ok(!fs.existsSync(path.join(bed.project, '.mazu')), 'the project was not touched');
    });

    await step('trusted, the server is started, and a wrong program is named, with what to do', async () => {
      await bed.command('Workspaces: Manage Workspace Trust');
      const editor = bed.page.locator('.workspace-trust-editor');
      await editor.locator('.monaco-button', { hasText: 'Trust' }).first().click();
      await until('the dialog of trust is closed', async () => {
        if (!(await editor.isVisible())) return true;
        await bed.command('View: Close Editor');
        return false;
      });
      await bed.noticed('"no-such-server", which is not a program on the PATH');
      await until('the status bar says so', async () => (await bed.status()).includes('Mazu: stopped'));
      await bed.shot('not found');
      await bed.page.locator('.statusbar-item[id^="mazu.mazu-ls"] a').first().click();
      await until('its menu offers to install it', async () =>
        (await bed.rowTexts()).some((row) => row.includes('Install the Server')),
      );
      await bed.keys('Escape');
    });

    await step('the setting is opened where it holds: on the machine that this window is connected to', async () => {
      await bed.press('no-such-server', 'Open Setting');
      const settings = bed.page.locator('.settings-editor');
      await settings.locator('.settings-tabs-widget .action-label.checked', { hasText: 'Remote' }).waitFor();
      await bed.shot('remote settings');
      await until('the settings are closed', async () => {
        if (!(await settings.isVisible())) return true;
        await bed.keys('Escape');
        return false;
      });
    });

    await step('the setting is put right, and the server runs without a model', async () => {
      setting('mazu-ls');
      await until('the server starts', async () => {
        if ((await bed.status()).includes('no model')) return true;
        const again = bed.notification('no-such-server').locator('.monaco-button', { hasText: 'Try Again' });
        if (await again.isVisible()) await again.click({ timeout: 5000 });
        return false;
      });
      await bed.shot('no model');
    });

    await step('an API key is set, and the model is there', async () => {
      await bed.command('Mazu: Set API Key');
      await bed.pick('Anthropic');
      await bed.answer('Paste the key', 'test-key');
      await until('the status bar names the model', async () => /Mazu: ask · claude/.test(await bed.status()));
      await bed.shot('model');
      assert.ok(!fs.readFileSync(machine, 'utf8').includes('test-key'));
    });

    await step('after a restart too', async () => {
      const before = await bed.serverPid();
      await bed.command('Mazu: Restart Server');
      await bed.serverPid(before);
      await until('it runs again', async () => /Mazu: ask · claude/.test(await bed.status()));
    });

    await step('what a project brings is asked about in the chat, with all that would run', async () => {
      const config = path.join(bed.project, '.mazu/config.toml');
      fs.mkdirSync(path.dirname(config), { recursive: true });
      fs.writeFileSync(config, '[[mcp_servers]]\nname = "clock"\ncommand = "no-such-clock"\n');
      await bed.command('Mazu: Restart Server');
      await until('the status bar says that it waits', async () => /waits for you/.test(await bed.status()));
      await bed.command('Mazu: Open Chat');
      const chat = await bed.chat();
      await chat.locator('.asked', { hasText: 'no-such-clock' }).waitFor();
      await bed.shot('asked');
      await chat.locator('.asked button', { hasText: 'Not now' }).click();
      await chat.locator('.asked').waitFor({ state: 'detached' });
      await bed.openView('Skills, Tools and Rules');
      await bed.page.locator('.sidebar .pane-header', { hasText: 'Chat' }).first().click(); // the room is theirs
      const row = bed.page.locator('.sidebar .monaco-list-row', { hasText: 'wants your agreement' }).first();
      await until('its file is shown before it is agreed to', async () => {
        await row.hover({ timeout: 5000 });
        await row.locator('.action-label[aria-label^="Agree"]').click({ timeout: 5000 });
        await bed.page.locator('.monaco-dialog-box', { hasText: 'the MCP server clock' }).waitFor({ timeout: 5000 });
        return true;
      });
      await bed.editor('config.toml').waitFor();
      await bed.shot('agree');
      await bed.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Cancel' }).click();
    });
  },
  { trusted: false },
);
