// Prints the figures of the chat's page: sizes, frames while 5,000 words stream against an idle page at the same load,
// how soon a transcript of 2,000 messages and a track of 10,000 checkpoints stand, and the memory it takes. The only argument is the JSON of setup.sh.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPages, post as postTo, reset, turn } from './page.mjs';

const tools = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const dist = tools.DIST ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../dist');
const LONG_MS = 50;
const WORDS = 5000;
const MESSAGES = 2000;
const CHECKPOINTS = 10_000;
const PARAGRAPH =
  'Each step is *one* checkpoint of `code`, unsaved buffers, memory and conversation, and a rollback brings back all of it. ';
const CODE = '\n\n```python\ndef total(a, b):\n    return a + b\n```\n\n';

const kb = (file) => `${(fs.statSync(path.join(dist, file)).size / 1000).toFixed(0)} kB`;
console.log(`extension.js ${kb('extension.js')} (limit 450 kB)`);
for (const name of ['chat', 'council', 'timeMachine'])
  console.log(`${name}.js ${kb(`webview/${name}.js`)} (limit 200 kB)`);

const pages = await openPages({ ...tools, DIST: dist });
const page = await pages.open('chat');
await page.waitForSelector('.composer');

/** Frames that took longer than LONG_MS while `work` went on in the page, out of how many. */
async function frames(work, argument) {
  await page.evaluate(() => {
    globalThis.gaps = [];
    let last = performance.now();
    const beat = (now) => {
      globalThis.gaps.push(now - last);
      last = now;
      globalThis.beating = requestAnimationFrame(beat);
    };
    globalThis.beating = requestAnimationFrame(beat);
  });
  await page.evaluate(work, argument);
  const gaps = await page.evaluate(() => {
    cancelAnimationFrame(globalThis.beating);
    return globalThis.gaps.slice(1);
  });
  return { long: gaps.filter((gap) => gap > LONG_MS).length, of: gaps.length, worst: Math.round(Math.max(...gaps)) };
}

const told = ({ long, of, worst }) => `${long} of ${of} frames over ${LONG_MS} ms, the longest ${worst} ms`;
const post = (message) => postTo(page, message);

await post(reset(turn(1, ''), 'running'));
await page.waitForSelector('.clock');
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = Array.from(
  { length: Math.ceil(WORDS / 21) },
  (_, n) => PARAGRAPH + (n % 8 === 7 ? CODE : n % 3 === 2 ? '\n\n' : ''),
).join('');
const chunks = text.match(/[^]{1,24}/g);
const stream = await frames(
  async ({ chunks: all }) => {
    // 30 ms apart, as the extension sends them, several chunks at a time.
    const size = Math.ceil(all.length / 200);
    for (let at = 0, seq = 1; at < all.length; at += size) {
      const updates = all.slice(at, at + size).map((chunk) => ({
        sessionId: 's1',
        turnId: 't1',
        seq: seq++,
        update: { kind: 'message', text: chunk },
      }));
      window.postMessage({ type: 'updates', updates }, '*');
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  },
  { chunks },
);
const seconds = await page.evaluate(() => globalThis.gaps.reduce((sum, gap) => sum + gap, 0));
const idle = await frames((ms) => new Promise((resolve) => setTimeout(resolve, ms)), seconds);
console.log(`streaming ${WORDS} words: ${told(stream)}`);
console.log(`idle for as long:      ${told(idle)}`);

const events = Array.from({ length: MESSAGES / 2 }, (_, n) => turn(n + 1, PARAGRAPH.repeat(4) + CODE)).flat();
const opened = await page.evaluate(
  async (message) => {
    const began = performance.now();
    window.postMessage(message, '*');
    const last = message.page.events.at(-1).turnId;
    while (!document.querySelector(`[data-row="${last}"] .footer`))
      await new Promise((resolve) => requestAnimationFrame(resolve));
    return performance.now() - began;
  },
  reset(events, 'idle', 's2'),
);
console.log(`a transcript of ${MESSAGES} messages stands after ${opened.toFixed(0)} ms (limit 1000 ms)`);
await wait(500);
const scroll = await frames(async () => {
  const it = document.querySelector('.scroller');
  for (let n = 0; n < 60; n += 1) {
    it.scrollTop -= 600;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
});
console.log(`scrolling it: ${told(scroll)}`);
const drawn = await page.evaluate(() => [document.querySelectorAll('*').length, performance.memory.usedJSHeapSize]);
console.log(`it has ${drawn[0]} elements and ${(drawn[1] / 1e6).toFixed(0)} MB of JavaScript heap`);
const machine = await pages.open('timeMachine');
const stops = Array.from({ length: CHECKPOINTS }, (_, n) => ({
  id: `c${n}`,
  title: `Step ${n}`,
  at: '2026-01-01T10:00:00Z',
  kind: 'step',
  changes: '1 modified',
  session: '',
  here: n % 10 > 0,
  current: n === CHECKPOINTS - 1,
}));
/** How long after these checkpoints arrived the slider goes over all of them. */
const standsOn = (shown) =>
  machine.evaluate(
    async (message) => {
      const began = performance.now();
      window.postMessage(message, '*');
      while (document.querySelector('.machine input[type=range]')?.max !== String(message.stops.length - 1))
        await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - began;
    },
    { type: 'stops', stops: shown, sessions: [] },
  );
// As the extension sends them: the newest at once, then all.
const stood = await standsOn(stops.slice(-200));
console.log(
  `the time machine opens on the newest of ${CHECKPOINTS} checkpoints after ${stood.toFixed(0)} ms (limit 100 ms)`,
);
console.log(`and stands on all of them ${(await standsOn(stops)).toFixed(0)} ms after they came`);
await pages.close();
