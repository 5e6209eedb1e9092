// Drives real VS Code (code-server) in headless Chromium: what a person does with keyboard and mouse, and what they see.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const PATIENCE_SECONDS = Number(process.env.MAZU_E2E_PATIENCE ?? 120);
const POLL_MS = 100;
const TRY_MS = 10_000; // one attempt at something that is tried again
const NOWHERE = 'http://127.0.0.1:9'; // no extension is looked for on the network
/** What a new user has, but for what would reach for the network. */
const SETTINGS = {
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'files.autoSave': 'off', // as on a desktop; code-server alone saves by itself
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
};

/** Polls `condition` until it gives something truthy; its last error is told when patience runs out. */
export async function until(what, condition, seconds = PATIENCE_SECONDS) {
  const end = performance.now() + seconds * 1000;
  let last;
  while (performance.now() < end) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited ${seconds} s in vain: ${what}${last ? ` (${last.message.split('\n', 1)[0]})` : ''}`);
}

/** Keeps, in the page, everything that the status bar and message boxes say: some of it is to be seen for seconds only. */
function recordAnnouncements() {
  if (globalThis.top !== globalThis) return;
  globalThis.announced = [];
  const places = '.statusbar-item, .notification-list-item';
  const record = () => {
    for (const { textContent } of document.querySelectorAll(places)) {
      const text = (textContent ?? '').replaceAll('\u00a0', ' ');
      if (text && !globalThis.announced.includes(text)) globalThis.announced.push(text);
    }
  };
  new MutationObserver(record).observe(document, { subtree: true, childList: true, characterData: true });
}

/** Writes a settings file at once: VS Code looks at it while it is written. */
export function writeSettings(file, settings) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.part`, JSON.stringify(settings));
  fs.renameSync(`${file}.part`, file);
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `tools` are the lines of setup.sh; `home` is an empty folder; `shots` gets the screenshots and the log. */
export class Workbench {
  constructor({ tools, home, project, shots, settings = {}, trusted = true, withFolder = true, more = [], late = 0 }) {
    this.extensions = [tools.VSIX, ...more];
    this.walkthroughDelayMs = late;
    Object.assign(this, { tools, home, project, shots, settings: { ...SETTINGS, ...settings }, trusted, withFolder });
    this.log = fs.createWriteStream(path.join(shots, 'code-server.log'));
    this.pictures = 0;
  }

  async start() {
    const userData = path.join(this.home, 'data');
    const extensions = path.join(this.home, 'extensions');
    fs.mkdirSync(path.join(userData, 'User'), { recursive: true });
    this.set({});
    // Extensions get the environment of a login shell, as they do on a desktop.
    const quoted = process.env.PATH.replaceAll("'", "'\\''");
    fs.writeFileSync(path.join(this.home, '.bash_profile'), `export PATH='${quoted}'\n`);
    const folders = ['--user-data-dir', userData, '--extensions-dir', extensions];
    await this.run([...folders, ...this.extensions.flatMap((file) => ['--install-extension', file])]);
    const port = (this.port = await freePort());
    const options = [
      '--auth',
      'none',
      '--disable-telemetry',
      '--disable-update-check',
      '--disable-getting-started-override',
    ];
    if (this.trusted) options.push('--disable-workspace-trust');
    this.server = this.spawn([...folders, ...options, '--bind-addr', `127.0.0.1:${port}`]);
    await until('code-server listens', async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok);
    const { chromium } = await import(this.tools.PLAYWRIGHT);
    const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    this.browser = await chromium.launch({ executablePath: this.tools.CHROMIUM, args });
    this.page = await this.newPage();
    await this.open(this.withFolder ? this.project : '');
  }

  /** Loads the window anew, as "Reload Window" does. */
  async reload() {
    await this.page.reload();
    await this.page.waitForSelector('.monaco-workbench .part.statusbar');
  }

  /** Sets settings of the user, as the settings editor does. */
  set(settings) {
    Object.assign(this.settings, settings);
    writeSettings(path.join(this.home, 'data/User/settings.json'), this.settings);
  }

  /** Opens a folder in this window; "" opens none. */
  async open(folder) {
    const query = folder ? `?folder=${encodeURIComponent(folder)}` : '?ew=true';
    await this.page.goto(`http://127.0.0.1:${this.port}/${query}`);
    await this.page.waitForSelector('.monaco-workbench .part.statusbar');
  }

  /**
   * Opens a file of several folders in this window; `folder` is the name of one of them. On a loaded machine VS Code
   * itself may come up with the file and without its folders (no git, an empty explorer): then it is loaded anew.
   */
  async openWorkspace(file, folder) {
    await until(`the window has the folder ${folder}`, async () => {
      await this.page.goto(`http://127.0.0.1:${this.port}/?workspace=${encodeURIComponent(file)}`);
      await this.page.waitForSelector('.monaco-workbench .part.statusbar');
      await this.keys('Control+Shift+e');
      const row = this.page.locator('.explorer-folders-view .monaco-list-row', { hasText: folder }).first();
      await row.waitFor({ timeout: 3 * TRY_MS });
      return true;
    });
  }

  /** Another window on the project: what a person does in it goes through what is returned. */
  async secondWindow() {
    const other = Object.assign(Object.create(Workbench.prototype), this);
    other.page = await this.newPage();
    other.keys = (...names) => other.pressAll(names);
    await other.open(this.project);
    return other;
  }

  async newPage() {
    const page = await this.browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(PATIENCE_SECONDS * 1000);
    page.on('console', (message) => this.log.write(`[page] ${message.text()}\n`));
    await page.addInitScript(recordAnnouncements);
    if (this.walkthroughDelayMs) await page.route(/\/workbench\.js/, (route) => this.delayWalkthroughs(route));
    return page;
  }

  /** VS Code registers walkthroughs some seconds after an extension's start, on a slow machine many: here so many. */
  async delayWalkthroughs(route) {
    const response = await route.fetch();
    const registration = /this\._registerWalkthrough\(\w+\),this\._onDidAdd/;
    const wait = `await new Promise((done) => setTimeout(done, ${this.walkthroughDelayMs})),`;
    const source = await response.text();
    if (!registration.test(source)) throw new Error('this VS Code registers walkthroughs in another way');
    await route.fulfill({ response, body: source.replace(registration, (call) => wait + call) });
  }

  async close() {
    await this.browser?.close();
    if (this.server?.exitCode === null) {
      const gone = new Promise((resolve) => this.server.once('exit', resolve));
      process.kill(-this.server.pid, 'SIGTERM');
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 60_000).unref())]);
    }
    this.log.end();
  }

  spawn(args) {
    const env = {
      ...process.env,
      HOME: this.home,
      XDG_CONFIG_HOME: path.join(this.home, '.config'),
      SHELL: '/bin/bash',
    };
    env.EXTENSIONS_GALLERY = JSON.stringify({ serviceUrl: NOWHERE, itemUrl: NOWHERE });
    for (const name of ['VSCODE_IPC_HOOK_CLI', 'PORT', 'PASSWORD']) delete env[name];
    const command = [this.tools.CODE_SERVER, ...args];
    const child = spawn(this.tools.NODE, command, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [child.stdout, child.stderr]) stream.pipe(this.log, { end: false });
    return child;
  }

  /** The process ids of the language servers that work in the project, not those of their children (Linux). */
  serverPids() {
    const works = (pid) => {
      try {
        const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const named = words.some((word) => path.basename(word) === 'mazu-ls');
        return named && fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(this.project);
      } catch {
        return false; // it has just ended
      }
    };
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter(works).map(Number);
  }

  /** The process id of the one language server that works in the project; waits until there is one, and no other. */
  async serverPid(after = 0) {
    const one = () => {
      const pids = this.serverPids();
      return pids.length === 1 && pids[0] !== after && pids[0];
    };
    return until('one server runs', one);
  }

  async run(args) {
    const child = this.spawn(args);
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`code-server ${args.join(' ')} ended with ${code}`);
  }

  async shot(name) {
    this.pictures += 1;
    const file = `${String(this.pictures).padStart(2, '0')}-${name.replaceAll(' ', '-')}.png`;
    await this.page.screenshot({ path: path.join(this.shots, file) });
  }

  /** Presses keys, one after another. */
  keys = (...names) => this.pressAll(names);

  async pressAll(names) {
    for (const name of names) await this.page.keyboard.press(name);
  }

  // --- views

  /** Unfolds a view below the chat. */
  async openView(name) {
    await this.command(`Mazu: Focus on ${name} View`);
    await this.page.locator('.sidebar .pane-header', { hasText: name }).first().waitFor();
  }

  sidebar() {
    return this.page.locator('.sidebar').innerText();
  }

  // --- editors

  editor(file) {
    return this.page.locator(`.editor-instance .monaco-editor[data-uri$="${file}"]`).first();
  }

  /** The lines of an editor that are in sight, from top to bottom. */
  async text(file) {
    const lines = await this.editor(file)
      .locator('.view-lines .view-line')
      .evaluateAll((elements) =>
        elements
          .map((element) => ({ top: parseFloat(element.style.top), text: element.textContent ?? '' }))
          .sort((a, b) => a.top - b.top)
          .map(({ text }) => text),
      );
    return lines.join('\n').replaceAll('\u00a0', ' ');
  }

  async openFile(file) {
    await until(`${file} is opened`, async () => {
      await this.openQuickInput('Control+p', file);
      await this.rows().filter({ hasText: file }).first().click({ timeout: TRY_MS });
      await this.editor(file).waitFor({ timeout: TRY_MS });
      return true;
    });
  }

  async focus(file, line) {
    const lines = this.editor(file).locator('.view-lines .view-line');
    await (line ? lines.filter({ hasText: line }) : lines).first().click();
  }

  /** True while the tab of a file shows unsaved changes. */
  async dirty(file) {
    return (await this.page.locator(`.tab.dirty[aria-label^="${file}"]`).count()) > 0;
  }

  // --- quick picks and inputs

  quickInput() {
    return this.page.locator('.quick-input-widget:not([style*="display: none"]) input:not([type="checkbox"])');
  }

  /** Opens a quick pick by its key and types into it. A view that takes the focus closes it: then this throws. */
  async openQuickInput(key, typed) {
    if (await this.quickInput().isVisible()) await this.page.keyboard.press('Escape');
    await this.page.keyboard.press(key);
    await this.quickInput().waitFor({ timeout: TRY_MS });
    await this.quickInput().fill(typed, { timeout: TRY_MS });
  }

  rows() {
    return this.page.locator('.quick-input-widget:not([style*="display: none"]) .quick-input-list .monaco-list-row');
  }

  /** Types into the open quick pick and takes the first row with `label`. */
  async choose(typed, label) {
    await this.quickInput().waitFor();
    await this.quickInput().fill(typed);
    await this.pick(label);
  }

  async pick(label) {
    const row = this.rows().filter({ hasText: label }).first();
    // What comes late ("similar commands") takes the focus and may scroll the row out of sight, and out of the page.
    await until(`the row "${label}" is in sight`, async () => {
      if ((await row.count()) > 0) return true;
      if ((await this.rows().count()) > 0) {
        await this.rows().first().hover({ timeout: 1000 });
        await this.page.mouse.wheel(0, -2000);
      }
      return false;
    });
    await row.click();
  }

  /** Runs a command of the palette, whose list is made when it opens: one that is not offered yet may be the next time. */
  async command(title) {
    const words = title.split(' ').map((word) => word.replaceAll(/[^\w…]/g, '\\$&'));
    const exactly = new RegExp(`^\\s*${words.join('\\s')}…?\\s*$`);
    const row = this.rows().filter({ has: this.page.locator('.label-name', { hasText: exactly }) });
    await until(`the command "${title}" is listed`, async () => {
      await this.openQuickInput('F1', `>${title}`);
      await row.first().click({ timeout: TRY_MS });
      return true;
    });
  }

  /** Answers an input box whose title or prompt has `prompt`. */
  async answer(prompt, text) {
    await this.page.locator('.quick-input-widget', { hasText: prompt }).waitFor();
    await this.quickInput().fill(text);
    await this.quickInput().press('Enter');
  }

  /** Waits for a quick pick in which as many rows as these are ticked from the start, and accepts. */
  async ticked(count) {
    const boxes = this.page.locator(
      '.quick-input-widget:not([style*="display: none"]) .quick-input-list .monaco-checkbox[aria-checked="true"]',
    );
    await until('rows are ticked', async () => (await boxes.count()) === count);
    await this.keys('Enter');
  }

  async rowTexts() {
    return (await this.rows().allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
  }

  /** True once a webview shows `text`. */
  async rendered(text) {
    for (const frame of this.page.frames()) {
      if ((await frame.locator('body', { hasText: text }).count()) > 0 && frame !== this.page.mainFrame()) return true;
    }
    return false;
  }

  // --- the chat

  /** The frame of a webview in which `selector` is seen. */
  async frame(selector) {
    return until(`a page shows ${selector}`, async () => {
      for (const frame of this.page.frames()) {
        if ((await frame.locator(selector).count()) > 0) return frame;
      }
      return undefined;
    });
  }

  /** The frame of the chat's page. */
  chat() {
    return this.frame('main > .composer');
  }

  /** Opens the chat, writes a message and sends it. */
  async say(text) {
    await this.command('Mazu: Open Chat');
    const chat = await this.chat();
    const composer = chat.locator('textarea[aria-label="Message"]');
    await composer.click();
    await composer.fill(text);
    await until('the server is ready', () => chat.locator('.composer .send').isEnabled());
    await composer.press('Enter');
    return chat;
  }

  /** True while the chat's page has the keyboard and `selector` in it the focus: that is where keys go. */
  hasKeyboard(chat, selector) {
    return chat.evaluate((it) => document.hasFocus() && Boolean(document.activeElement?.matches(it)), selector);
  }

  // --- code actions, notifications, status bar

  async codeAction(title) {
    const widget = this.page.locator('.action-widget').first();
    const rows = widget.locator('.monaco-list-row');
    let offered = '';
    // The list closes by itself when the editor changes: it is opened again until the row was clicked.
    await until(`the code action "${title}" is offered`, async () => {
      // The same key, pressed where the actions are shown, takes the selected one.
      if (await widget.isVisible()) await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('Control+.');
      await rows.filter({ hasText: title }).first().waitFor({ timeout: TRY_MS });
      offered = await widget.innerText();
      await rows.filter({ hasText: title }).first().click({ timeout: TRY_MS });
      return true;
    });
    return offered;
  }

  notification(text) {
    return this.page.locator('.notification-list-item', { hasText: text }).first();
  }

  /** Waits until a message box or the status bar has said `text`; either may be gone again, as they go by themselves. */
  async announced(text) {
    await until(`it is said: ${text}`, () =>
      this.page.evaluate((wanted) => globalThis.announced.some((said) => said.includes(wanted)), text),
    );
  }

  /** Waits for a message box, which stands in the list of notifications where it is shown no more, or behind a dialog. */
  async noticed(text) {
    await until(`there is a message: ${text}`, async () => {
      if (await this.notification(text).isVisible()) return true;
      await this.command('Notifications: Show Notifications');
      await this.notification(text).waitFor({ timeout: TRY_MS });
      return true;
    });
  }

  /** Presses a button of a message box, which after some seconds is found in the list of notifications only. */
  async press(text, button) {
    await until(`"${button}" is pressed`, async () => {
      const item = this.notification(text);
      if (!(await item.isVisible())) await this.command('Notifications: Show Notifications');
      await item.hover({ timeout: TRY_MS });
      await item.locator('.monaco-button', { hasText: button }).first().click({ timeout: TRY_MS });
      return true;
    });
  }

  async status() {
    const items = this.page.locator('.statusbar-item[id^="mazu.mazu-ls"]');
    return (await items.allInnerTexts()).join(' ').trim();
  }
}
