// Prints the figures that need the editor: the actions of the main job, from a closed chat to an undone turn, and how long
// the extension took to be activated. The only argument is the JSON file of a story.
import fs from 'node:fs';
import path from 'node:path';
import { story } from './story.mjs';
import { until } from './workbench.mjs';

const ACTIONS = 5;
const ACTIVATION_MS = 100;

await story(async (bed) => {
  const done = [];
  const act = async (what, work) => {
    done.push(what);
    return work();
  };
  const file = path.join(bed.project, 'app.py');
  const before = fs.readFileSync(file, 'utf8');
  await bed.start();
  await bed.openFile('app.py');
  await until('the server runs', async () => /Mazu: ask · /.test(await bed.status()));
  await bed.focus('app.py');
  await act('open the chat (a key)', () => bed.keys('Control+Alt+j'));
  const chat = await bed.chat();
  await until('it has the keyboard', () => bed.hasKeyboard(chat, 'textarea'));
  await act('write the task, Enter', async () => {
    await bed.page.keyboard.type('total subtracts, please mend it');
    await bed.keys('Enter');
  });
  await chat.locator('.question').waitFor();
  await act('allow the edit that is shown (Allow)', () => chat.locator('.question .primary').click());
  await chat.locator('.footer', { hasText: '1 file changed' }).waitFor();
  await until('the edit is there', async () => (await bed.text('app.py')).includes('return a + b'));
  await act('review all that changed (review)', () => chat.locator('.footer .link', { hasText: 'review' }).click());
  await bed.page.locator('.tab.active', { hasText: 'this turn' }).waitFor();
  await act('take it back (undo)', () => chat.locator('.footer .link', { hasText: 'undo' }).click());
  await chat.locator('.gone', { hasText: '1 turn undone' }).waitFor();
  if (fs.readFileSync(file, 'utf8') !== before) throw new Error('the file is not as before');
  console.log(`main job, with review and undo: ${done.length} actions (limit ${ACTIONS}): ${done.join('; ')}`);
  const logs = fs
    .readdirSync(path.join(bed.home, 'data/logs'), { recursive: true })
    .filter((it) => it.endsWith('Mazu.log'));
  const log = logs.map((it) => fs.readFileSync(path.join(bed.home, 'data/logs', it), 'utf8')).join('');
  console.log(
    `the extension was activated in ${/activated in (\d+) ms/.exec(log)?.[1]} ms (limit ${ACTIVATION_MS} ms)`,
  );
});
