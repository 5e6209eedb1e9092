import {
  commands,
  type Disposable,
  env,
  l10n,
  LanguageModelTextPart,
  lm,
  type Terminal,
  type TerminalShellExecution,
  window,
} from 'vscode';
import { UserError } from '../errors';

/** Characters that are kept of one command, the last ones. */
const MOST = 40_000;
const COMMANDS = 5;
const LINES = 200;
const READ_MS = 3000;
/** VS Code's own tool that tells what is selected in the terminal. */
const SELECTION = 'terminal_selection';
/** Colours, cursor movements, titles and the marks of the shell integration. */
const CONTROLS =
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[[(][0-9;?]*[ -/]*[@-~]|\u001b[=>78]|[\u0000-\u0008\u000b-\u001f]/g;

interface Ran {
  command: string;
  output: string;
  exitCode: number | undefined;
}

/** What the last commands of each terminal said, as far as its shell tells VS Code. */
export class TerminalOutput implements Disposable {
  private readonly ran = new WeakMap<Terminal, Ran[]>();
  private readonly running = new WeakMap<TerminalShellExecution, Ran>();
  private readonly subscriptions: Disposable[] = [];

  constructor() {
    if (typeof window.onDidStartTerminalShellExecution !== 'function') return; // editors built on VS Code may lack it
    this.subscriptions.push(
      window.onDidStartTerminalShellExecution(({ terminal, execution }) => void this.record(terminal, execution)),
      window.onDidEndTerminalShellExecution(({ execution, exitCode }) => {
        const ran = this.running.get(execution);
        if (ran) ran.exitCode = exitCode;
      }),
    );
  }

  /** The last lines of the active terminal. */
  async text(): Promise<string> {
    const terminal = window.activeTerminal;
    if (!terminal) return '';
    const ran = this.ran.get(terminal) ?? [];
    const said = ran.map(({ command, output, exitCode }) => {
      const failed = exitCode ? `\n(exit status ${exitCode})` : '';
      return `$ ${command}\n${output.replace(CONTROLS, '').trimEnd()}${failed}`;
    });
    // VS Code tells nothing of a command that is over within one piece of output, not even the mark of its start.
    const whole = ran.length > 0 && ran.every(({ output }) => output);
    if (whole) return lastLines(said.join('\n'));
    try {
      const text = (await fromSelection()) || (await fromClipboard());
      const failed = ran.filter(({ exitCode }) => exitCode);
      return [lastLines(text), ...failed.map((it) => `(exit status ${it.exitCode}: ${it.command})`)].join('\n');
    } catch (error) {
      if (!said.length) throw error;
      return lastLines(said.join('\n'));
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async record(terminal: Terminal, execution: TerminalShellExecution): Promise<void> {
    const one: Ran = { command: execution.commandLine.value, output: '', exitCode: undefined };
    this.running.set(execution, one);
    this.ran.set(terminal, [...(this.ran.get(terminal) ?? []), one].slice(-COMMANDS));
    for await (const data of execution.read()) one.output = (one.output + data).slice(-MOST);
  }
}

const lastLines = (text: string): string =>
  text.replaceAll('\r\n', '\n').trimEnd().split('\n').slice(-LINES).join('\n').trim();

/** Does something with all that the terminal holds, selected; undefined if it takes too long. */
async function withAllSelected(read: () => PromiseLike<string>): Promise<string | undefined> {
  const selected = async () => {
    await commands.executeCommand('workbench.action.terminal.selectAll');
    try {
      return await read();
    } finally {
      await commands.executeCommand('workbench.action.terminal.clearSelection');
    }
  };
  const never = new Promise<undefined>((resolve) => setTimeout(resolve, READ_MS, undefined));
  return Promise.race([selected(), never]);
}

/** All that the terminal holds, by VS Code's own tool for its selection; "" where there is none. */
async function fromSelection(): Promise<string> {
  if (!lm?.tools?.some(({ name }) => name === SELECTION)) return '';
  const told = await withAllSelected(async () => {
    const { content } = await lm.invokeTool(SELECTION, { input: {}, toolInvocationToken: undefined });
    return content.map((part) => (part instanceof LanguageModelTextPart ? part.value : '')).join('');
  }).catch(() => '');
  return /^The active terminal's selection:\n([^]*)/.exec(told ?? '')?.[1] ?? '';
}

/** All that the terminal holds, by the clipboard, which is put back. */
async function fromClipboard(): Promise<string> {
  const text = await withAllSelected(async () => {
    const before = await env.clipboard.readText(); // in a browser it may wait for a permission
    await commands.executeCommand('workbench.action.terminal.copySelection');
    const copied = await env.clipboard.readText();
    await env.clipboard.writeText(before);
    return copied;
  });
  if (text !== undefined) return text;
  throw new UserError(
    l10n.t('the output of the terminal could not be read.'),
    l10n.t('Copy it there, and paste it into the message.'),
  );
}
