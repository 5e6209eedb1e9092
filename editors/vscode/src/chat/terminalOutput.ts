import { commands, type Disposable, env, l10n, type Terminal, type TerminalShellExecution, window } from 'vscode';
import { UserError } from '../errors';

/** Characters that are kept of one command, the last ones. */
const MOST = 40_000;
const COMMANDS = 5;
const LINES = 200;
const CLIPBOARD_MS = 3000;
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
    return lastLines(said.length ? said.join('\n') : await fromClipboard());
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

const lastLines = (text: string): string => text.replaceAll('\r\n', '\n').split('\n').slice(-LINES).join('\n').trim();

/** All that the terminal holds, of a shell that tells nothing: by the clipboard only, which is put back. */
async function fromClipboard(): Promise<string> {
  const copied = async () => {
    const before = await env.clipboard.readText();
    await commands.executeCommand('workbench.action.terminal.selectAll');
    await commands.executeCommand('workbench.action.terminal.copySelection');
    await commands.executeCommand('workbench.action.terminal.clearSelection');
    const text = await env.clipboard.readText();
    await env.clipboard.writeText(before);
    return text;
  };
  const never = new Promise<undefined>((resolve) => setTimeout(resolve, CLIPBOARD_MS, undefined));
  const text = await Promise.race([copied(), never]); // in a browser it may wait for a permission
  if (text !== undefined) return text;
  throw new UserError(
    l10n.t('the output of the terminal could not be read.'),
    l10n.t('Copy it there, and paste it into the message.'),
  );
}
