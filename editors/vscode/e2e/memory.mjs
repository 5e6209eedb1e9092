// What is remembered is found again: by the palette, by a code action, in the quick pick and the view; edited, forgotten,
// brought back, taken over from another agent; a council as an editor whose synthesis becomes a decision; the time machine.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

const WALKTHROUGH_DELAY_MS = 25_000; // so that something is remembered before VS Code can tick it

await story(tell, { late: WALKTHROUGH_DELAY_MS });

async function tell(bed, step) {
  await step('a selection is remembered from the palette', async () => {
    await bed.start();
    await bed.openFile('app.py');
    await until('the server runs', async () => /Mazu: ask · /.test(await bed.status()));
    await bed.focus('app.py', 'return a * 2');
    await bed.keys('Home', 'Shift+End');
    await bed.command('Mazu: Remember');
    await bed.answer('In one sentence', 'We double by multiplying, never by shifting bits');
    await until('the kinds are words', async () =>
      (await bed.rowTexts()).some((row) => row.startsWith('task outcome')),
    );
    await bed.pick('convention');
    await bed.announced('remembered: We double');
  });

  await step('a click on the lens of the one in the code shows it', async () => {
    const lens = bed.page.locator('.codelens-decoration a', { hasText: 'We double by multiplying' }).first();
    await until('what it names stands first', async () => {
      if (!(await bed.quickInput().isVisible())) await lens.click({ timeout: 5000 });
      return until('it is found', async () => /double by multiplying/.test((await bed.rowTexts())[0] ?? ''), 10);
    });
    await bed.quickInput().press('Enter');
    await bed.page.locator('.tab', { hasText: 'We double' }).waitFor();
    await until('the memory is shown', () => bed.rendered('return a * 2'));
    await bed.shot('by its lens');
    await bed.command('View: Close Editor');
    await bed.page.locator('.tab', { hasText: 'We double' }).waitFor({ state: 'detached' });
  });

  await step('another by a code action on a line', async () => {
    await bed.focus('app.py', 'def total');
    await bed.keys('Home');
    await bed.codeAction('Mazu: remember this');
    await bed.openView('Memory');
    await until('both are in the view, by category', async () => {
      const text = await bed.sidebar();
      return /double by multiplying/.test(text) && /def total/.test(text) && /Conventions/.test(text);
    });
    await bed.shot('view');
  });

  await step('the quick pick finds the right one as one types', async () => {
    await bed.command('Mazu: Recall');
    await bed.quickInput().fill('how do we double a number?');
    // What was listed before one typed stands there until the answer comes.
    await until('the right one is found, and stands first', async () =>
      /double by multiplying/.test((await bed.rowTexts())[0] ?? ''),
    );
    await bed.quickInput().press('Enter');
    await bed.page.locator('.tab', { hasText: 'We double' }).waitFor();
    await until('the memory is shown', () => bed.rendered('return a * 2'));
  });

  const row = (text) => bed.page.locator('.sidebar .monaco-list-row', { hasText: text }).first();
  // A row is drawn anew when something changes, and its buttons with it: press until what it does is done.
  const press = (text, label, done) =>
    until(`${label} was pressed`, async () => {
      if (await done()) return true;
      await row(text).hover({ timeout: 5000 });
      await row(text).locator(`.action-label[aria-label^="${label}"]`).click({ timeout: 5000 });
      return until('it is done', done, 10);
    });

  await step('and it can be forgotten', () =>
    press('def total', 'Forget', async () => !(await bed.sidebar()).includes('def total')),
  );

  await step('forgotten by mistake, it comes back', async () => {
    await bed.press('forgotten: app.py', 'Undo');
    await until('it is in the view again', async () => (await bed.sidebar()).includes('def total'));
  });

  await step('it is edited as a document', async () => {
    const document = bed.page.locator('.editor-instance .monaco-editor[data-uri^="mazu-memory:"]').first();
    await press('We double', 'Edit', () => document.isVisible());
    await document.locator('.view-line').first().click();
    await bed.keys('Control+Home', 'ArrowRight', 'ArrowRight');
    await bed.page.keyboard.type('Here ');
    await bed.keys('Control+s');
    await until('the view has it', async () => (await bed.sidebar()).includes('Here We double'));
    await bed.shot('edited');
  });

  await step('team memory is exchanged, though nothing is shared yet', async () => {
    await bed.command('Mazu: Sync Team Memory');
    await bed.announced('team memory (');
  });

  await step(
    'a memory is shared with the team; what a teammate wrote is read whole before it is accepted',
    async () => {
      const folder = path.join(bed.project, '.mazu/shared');
      const files = () => (fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith('.md')) : []);
      // A menu that has just come up may not hear a click: open it and choose until what it does is done.
      const choose = (text, entry, done) =>
        until(`${entry} was chosen`, async () => {
          if (await done()) return true;
          await bed.keys('Escape');
          await row(text).click({ button: 'right', timeout: 5000 });
          const item = bed.page.locator('.monaco-menu .action-label', { hasText: entry }).first();
          await item.hover({ timeout: 5000 });
          await bed.page.waitForTimeout(500);
          await item.click({ timeout: 5000 });
          return until('it is done', done, 10);
        });
      await choose('Here We double', 'Share with the Team', () => files().length === 1);
      const file = path.join(folder, files()[0]);
      fs.appendFileSync(file, '\nShifting hides overflows.\n');
      await bed.command('Mazu: Sync Team Memory');
      await until('it is to be decided', async () => /to be decided\s*1\b/i.test(await bed.sidebar()));
      await row('Here We double').click();
      await bed.page.locator('.view-line', { hasText: 'hides overflows' }).first().waitFor();
      await bed.shot('proposed by the team');
      await press('Here We double', 'Accept', async () => !/to be decided/i.test(await bed.sidebar()));
      const withdrawn = () => /^deleted: true$/m.test(fs.readFileSync(file, 'utf8'));
      await choose('Here We double', 'Stop Sharing', withdrawn);
    },
  );

  await step('what another agent left is accepted one by one, the rest rejected', async () => {
    fs.writeFileSync(
      path.join(bed.project, 'AGENTS.md'),
      '# Rules\n\n- Always use tabs in makefiles.\n- Never commit directly to main.\n',
    );
    await bed.command('Mazu: Import Memory from Another Agent');
    await bed.pick('Markdown');
    await bed.pick('AGENTS.md');
    await row('Always use tabs').waitFor();
    await row('Never commit').waitFor();
    await bed.shot('imported');
    const left = async (text) => !(await bed.sidebar()).includes(text);
    await press('Always use tabs', 'Accept', async () => /to be decided\s*1\b/i.test(await bed.sidebar()));
    await press('To be decided', 'Reject', () => left('To be decided'));
    assert.ok(await left('Never commit'));
  });

  await step('a council answers in columns, and its synthesis is remembered', async () => {
    await bed.command('Mazu: Ask the Council');
    await bed.answer('Several models answer', 'Should total take any number of arguments?');
    await bed.ticked(2);
    const page = await bed.frame('.council .synthesis');
    await page.locator('.synthesis', { hasText: 'Keep two arguments' }).waitFor();
    assert.ok((await page.locator('.members section').count()) >= 1);
    await bed.shot('council');
    await page.locator('button', { hasText: 'Remember as a decision' }).click();
    await until('it is in the view', async () => /Decisions/.test(await bed.sidebar()));
    assert.ok(!/council, /.test(await bed.sidebar()), 'the list of conversations has chats only');
  });

  await step('the time machine shows what a step changed, and everything as it was', async () => {
    await bed.command('Mazu: Create Checkpoint');
    await bed.answer('Label (optional)', 'after the council');
    await bed.announced('after the council');
    await bed.command('Mazu: Open Time Machine');
    const page = await bed.frame('.machine input[type=range]');
    await page.locator('.who', { hasText: 'after the council' }).waitFor();
    await page.locator('.members li', { hasText: 'any number of arguments' }).waitFor();
    await page.locator('.choice button', { hasText: 'Everything as it was' }).click();
    await page.locator('.members li', { hasText: 'We double' }).waitFor();
    await page.locator('.filter').fill('APP');
    await page.locator('.members li button', { hasText: 'app.py' }).click();
    await bed.page.locator('.tab', { hasText: 'app.py at “after the council”' }).waitFor();
    await bed.shot('time machine');
  });

  await step('a preview ticks nothing; a file that somebody deleted is restored, which does', async () => {
    const ticked = async (step) => {
      await bed.command('Mazu: Get Started');
      const row = bed.page.locator('.getting-started-step', { hasText: step });
      await row.waitFor();
      return row.locator('[role=checkbox][aria-checked=true]').count();
    };
    await bed.command('Mazu: Roll Back…');
    await bed.pick('after the council');
    await bed.page.locator('.quick-input-widget', { hasText: 'roll back to “after the council”' }).waitFor();
    await bed.keys('Escape');
    await until('what was done is ticked', () => ticked('Let it remember'));
    assert.equal(await ticked('Undo anything'), 0);
    fs.unlinkSync(path.join(bed.project, 'app.py'));
    await bed.openView('Checkpoints');
    const row = (name) => bed.page.locator('.sidebar .monaco-list-row', { hasText: name });
    await row('after the council').first().click();
    await bed.keys('ArrowRight');
    await until('its preview is shown', async () => {
      const file = row('new file').filter({ hasText: 'app.py' }); // not a memory that names it
      await file.hover({ timeout: 5000 });
      await file.locator('.action-label[aria-label^="Restore"]').click({ timeout: 5000 });
      return until('it is there', () => bed.quickInput().isVisible(), 5);
    });
    await bed.pick('Restore, overwrite my changes in 1 file');
    await until('it is back', () => fs.existsSync(path.join(bed.project, 'app.py')));
    await until('that is ticked', () => ticked('Undo anything'));
    await bed.shot('restored');
  });

  await step('inside the extension host: commands, tools, models, memories as files', async () => {
    await bed.command('Run Mazu Host Tests');
    const file = path.join(bed.home, 'host-tests.json');
    // Another agent that goes back asks with what that would do.
    const question = bed.page.locator('.monaco-dialog-box', { hasText: 'To “before the rollback”: no changes.' });
    await question.locator('.monaco-button', { hasText: 'Yes' }).click();
    await until('they have run', () => fs.existsSync(file));
    const results = JSON.parse(fs.readFileSync(file, 'utf8'));
    for (const { name, problem } of results)
      console.log(`   ${problem ? 'not ok' : 'ok'}: ${name}${problem && `\n${problem}`}`);
    assert.ok(results.length > 5 && results.every(({ problem }) => !problem));
  });
}
