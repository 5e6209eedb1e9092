// `@mazu` in VS Code's own chat on default settings, agent mode included: the same agent, its reply streamed, its edit
// asked about, allowed by the status bar item's quick pick. Then more than one window on the folder, and more than one
// folder in a window.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

// Types a message as somebody does who closes the completions of the input: Enter would take one of them instead.
async function say(bed, text) {
  const input = bed.page.locator('.interactive-input-part').first();
  const completions = bed.page.locator('.suggest-widget.visible');
  await input.locator('.view-line').first().click();
  await bed.page.keyboard.type(text, { delay: 30 });
  await bed.page.waitForTimeout(1000);
  await until('the message stands there, and nothing is offered in its place', async () => {
    if (await completions.count()) await bed.page.keyboard.press('Escape');
    return !(await completions.count()) && (await input.innerText()).replaceAll('\u00a0', ' ').includes(text);
  });
  // Completions that come only now would take the Enter; a message that was sent stands in the input no more.
  await until('the message is sent', async () => {
    if (!(await input.innerText()).replaceAll('\u00a0', ' ').includes(text)) return true;
    if (await completions.count()) await bed.page.keyboard.press('Escape');
    await bed.keys('Enter');
    return false;
  });
}

// Presses a button of VS Code's chat until it does something: while an answer is drawn anew, its buttons move.
async function press(bed, name, shown) {
  await until(`${name} opens what it names`, async () => {
    if (await shown.count()) return true;
    const button = bed.page.locator('.interactive-response .monaco-button', { hasText: name }).first();
    await button.click({ timeout: 5000 });
    return until('it is there', async () => shown.count(), 20);
  });
}

await story(async (bed, step) => {
  await step('the server runs', async () => {
    await bed.start();
    await bed.openFile('app.py');
    await until('the status bar says so', async () => /Mazu: ask · /.test(await bed.status()));
  });

  await step('@mazu answers', async () => {
    await bed.keys('Control+Alt+i');
    const input = bed.page.locator('.interactive-input-part').first();
    const [, current] = /Mazu: ask · (.+)/.exec(await bed.status());
    await until("the agent's model is picked", async () => (await input.innerText()).includes(`Mazu (${current})`));
    await say(bed, '@mazu what is this project?');
    await bed.page.locator('.interactive-response', { hasText: 'A small calculator' }).waitFor();
    await bed.shot('answered');
  });

  await step('@mazu answers with the model that is picked beside the message', async () => {
    const row = (name) => bed.page.locator('.action-widget .monaco-list-row', { hasText: name }).first();
    const input = bed.page.locator('.interactive-input-part').first();
    await until('another model is picked', async () => {
      if ((await input.innerText()).includes('Mazu with claude-haiku')) return true;
      if (!(await row('Other Models').count()))
        await input.locator('.action-label', { hasText: 'Mazu (' }).click({ timeout: 5000 });
      if (!(await row('claude-haiku').count())) await row('Other Models').click({ timeout: 5000 });
      await row('claude-haiku').click({ timeout: 5000 });
      return false;
    });
    await say(bed, '@mazu who are you?');
    await bed.page.locator('.interactive-response', { hasText: 'A small model' }).waitFor();
  });

  await step('an edit is asked about, and allowed from the status bar', async () => {
    await say(bed, '@mazu mend total');
    await until('the status bar says that it waits', async () => /waits for you/.test(await bed.status()));
    // The chat view was never opened: its container has the badge all the same.
    await bed.page
      .locator('.activitybar .action-item', { has: bed.page.locator('[aria-label^="Mazu"]') })
      .locator('.badge-content', { hasText: '1' })
      .waitFor();
    await press(bed, 'Show Diff', bed.page.locator('.monaco-diff-editor .view-line', { hasText: 'return a + b' }));
    // Not by its name: the list of files has "Edit app.py", too, which was used last.
    const tab = bed.page.locator('.tab[aria-label^="app.py"]').first();
    await until('app.py is shown again', async () => {
      await tab.click({ timeout: 5000 });
      return bed.page.locator('.tab.active[aria-label^="app.py"]').count();
    });
    await bed.page.locator('.statusbar-item[id^="mazu.mazu-ls"] a').first().click();
    await bed.pick('Allow once');
    await until('the edit is there', async () => (await bed.text('app.py')).includes('return a + b'));
    await bed.page.locator('.interactive-response em', { hasText: 'app.py: Allow once' }).first().waitFor();
    await press(bed, 'Review Changes', bed.page.locator('.tab.active', { hasText: 'this turn' }));
    await bed.shot('allowed');
    // Its buttons stay in VS Code's chat, folded away; a late click is told the truth.
    await bed.page
      .locator('.interactive-response')
      .last()
      .getByText(/^Completed .* steps/)
      .click();
    await bed.page.locator('.interactive-response .monaco-button', { hasText: 'Deny' }).first().click();
    await bed.noticed('that question is not open any more');
  });

  const says = (chat, text) => chat.locator('.markdown', { hasText: text }).last().waitFor();

  await step('what a terminal said goes with a message, also what a command prints at once', async () => {
    await bed.command('Terminal: Create New Terminal');
    const screen = bed.page.locator('.terminal-wrapper .xterm-screen').first();
    await screen.waitFor();
    const marks = bed.page.locator('.terminal-command-decoration');
    await until('its shell tells of its commands', async () => (await marks.count()) > 0);
    await screen.click();
    await bed.page.keyboard.type('echo second-$((1+1)); false');
    await bed.keys('Enter');
    await bed.page.locator('.terminal-command-decoration.error').first().waitFor();
    await screen.click({ button: 'right' });
    const add = bed.page.locator('.monaco-menu .action-label', { hasText: 'Add Terminal Output' }).first();
    await add.waitFor();
    // A menu takes no click in its first moments: it could be the one that opened it.
    await until('the menu has taken the click', async () => {
      if (!(await add.count())) return true;
      await add.click({ timeout: 5000 });
      return until('the menu is closed', async () => !(await add.count()), 1);
    });
    const chat = await bed.chat();
    await chat.locator('.composer', { hasText: 'terminal: ' }).waitFor();
    await bed.say('what does the terminal say?');
    await says(chat, 'It says two.');
    await bed.shot('terminal');
    await bed.command('View: Toggle Panel Visibility');
  });

  await step('each of two windows on the folder shows the conversation as the other continues it', async () => {
    let first = await bed.say('what is double for?');
    await says(first, 'It doubles.');
    const other = await bed.secondWindow();
    await until('it has a server', async () => /Mazu: ask · /.test(await other.status()));
    await until('each window has its own', async () => bed.serverPids().length === 2);
    await other.command('Mazu: Show Chat History');
    await other.pick('what is this project');
    const second = await other.chat();
    await says(second, 'It doubles.');
    first = await bed.say('and what is total for?');
    await says(first, 'It sums.');
    await says(second, 'It sums.');
    await other.say('and who calls it?');
    await says(second, 'Nobody yet.');
    await says(first, 'Nobody yet.');
    await other.shot('second window');
    await other.page.close();
  });

  await step('a conversation is deleted from its view, and Undo has it back', async () => {
    await bed.openView('Sessions');
    const row = bed.page.locator('.sidebar .monaco-list-row', { hasText: 'what is this project' }).first();
    await row.waitFor();
    // A row is drawn anew when something changes, and its buttons with it.
    await until('it is gone', async () => {
      if (!(await row.count())) return true;
      await row.hover({ timeout: 5000 });
      await row.locator('.action-label[aria-label^="Delete"]').click({ timeout: 5000 });
      return until('its row is gone', async () => !(await row.count()), 10);
    });
    await bed.press('is deleted', 'Undo');
    await row.waitFor();
    await bed.shot('restored');
  });

  await step('in a window of two folders the agent works in both', async () => {
    const tools = path.join(bed.home, 'tools');
    fs.mkdirSync(tools);
    fs.writeFileSync(path.join(tools, 'util.py'), 'size = 1\n');
    const workspace = path.join(bed.home, 'both.code-workspace');
    fs.writeFileSync(workspace, JSON.stringify({ folders: [{ path: bed.project }, { path: tools }] }));
    await bed.openWorkspace(workspace, 'tools');
    await until('the server runs', async () => /Mazu: ask · /.test(await bed.status()));
    const chat = await bed.say('make the size two');
    await chat.locator('.question .primary').click();
    await says(chat, 'It is two now.');
    assert.equal(fs.readFileSync(path.join(tools, 'util.py'), 'utf8'), 'size = 2\n');
    await chat.locator('.call .object', { hasText: 'util.py' }).last().click();
    await bed.editor('util.py').waitFor();
    await bed.shot('two folders');
    await chat.locator('.footer .link', { hasText: 'undo' }).last().click();
    await until('the editor is as before', async () => (await bed.text('util.py')).includes('size = 1'));
    await until('the file, too', () => fs.readFileSync(path.join(tools, 'util.py'), 'utf8') === 'size = 1\n');
    await until('they are equal, and it is not marked as unsaved', async () => !(await bed.dirty('util.py')));
    await chat.locator('.notice, [role=status]', { hasText: 'Undone: 1 file written, conversation' }).waitFor();
  });
});
