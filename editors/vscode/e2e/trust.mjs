// In a folder that is not trusted nothing of ours runs; once it is trusted the server starts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

await story(
  async (bed, step) => {
    await step('restricted: no server, and the status bar says so', async () => {
      await bed.start();
      await until('the status bar says so', async () => (await bed.status()).includes('Mazu: restricted'));
      await bed.shot('restricted');
      assert.ok(!fs.existsSync(path.join(bed.project, '.mazu')), 'the project was not touched');
    });

    await step('trusted: the server starts by itself', async () => {
      await bed.command('Workspaces: Manage Workspace Trust');
      await bed.page.locator('.workspace-trust-editor .monaco-button', { hasText: 'Trust' }).first().click();
      await until('the server runs', async () => /Mazu: (ask|no)/.test(await bed.status()));
      await bed.shot('trusted');
    });
  },
  { trusted: false },
);
