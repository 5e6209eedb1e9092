// A page of the extension alone in real Chromium, with what the extension would send: for what needs no editor.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const PATIENCE_MS = 120_000;

/** The built pages: of an unpacked .vsix, whose `dist` the tools name. */
export async function openPages(tools, viewport = { width: 420, height: 900 }) {
  const dist = path.join(tools.DIST, 'webview');
  const server = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url, 'http://page').pathname);
    if (!name.includes('.')) return response.setHeader('Content-Type', 'text/html').end(html(name));
    const file = path.join(dist, name);
    if (!fs.existsSync(file)) return response.writeHead(404).end();
    const type = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css' }[path.extname(name)] ?? 'font/ttf';
    return response.setHeader('Content-Type', type).end(fs.readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { chromium } = await import(tools.PLAYWRIGHT);
  const browser = await chromium.launch({
    executablePath: tools.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--enable-precise-memory-info'],
  });
  const open = async (name) => {
    const page = await browser.newPage({ viewport });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`http://127.0.0.1:${server.address().port}/${name}`);
    await page.waitForFunction(() => globalThis.sent.some(({ type }) => type === 'ready'));
    return page;
  };
  const close = async () => {
    await browser.close();
    server.close();
  };
  return { open, close };
}

const html = (name) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${name}</title>
<link rel="stylesheet" href="/codicon.css"><link rel="stylesheet" href="/style.css"></head>
<body class="vscode-light"><div id="root"></div><script>
globalThis.sent = [];
globalThis.acquireVsCodeApi = () => ({ postMessage: (it) => globalThis.sent.push(it), getState() {}, setState() {} });
</script><script src="/${name}.js"></script></body></html>`;

/** As the extension does. */
export const post = (page, message) => page.evaluate((it) => window.postMessage(it, '*'), message);

/** What the page has sent of one type, last first. */
export const sent = (page, type) =>
  page.evaluate((wanted) => globalThis.sent.filter((it) => it.type === wanted).reverse(), type);

export const event = (seq, turnId, update, live = true) => ({
  seq,
  parent: seq - 1,
  at: '2026-01-01T10:00:00Z',
  turnId,
  live,
  update,
});

/** The events of turn `n`; it runs on where no text is given. */
export const turn = (n, text) => [
  event(n * 10, `t${n}`, { kind: 'turn', turnKind: 'chat', model: 'anthropic:claude', memories: [] }),
  event(n * 10 + 1, `t${n}`, { kind: 'user', text: `Question ${n}`, shown: `Question ${n}`, attachments: [] }),
  ...(text
    ? [
        event(n * 10 + 2, `t${n}`, { kind: 'reply', text, thought: '' }),
        event(n * 10 + 3, `t${n}`, { kind: 'state', state: 'done', stopReason: 'end_turn', checkpoints: [] }),
      ]
    : [event(n * 10 + 2, `t${n}`, { kind: 'state', state: 'running' })]),
];

export const reset = (events, state, sessionId = 's1') => ({
  type: 'reset',
  page: { sessionId, name: 'Figures', head: 1, last: 1, events, next: null, updates: 0, partial: null, state },
});
