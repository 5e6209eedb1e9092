import { commands, type ExtensionContext, type LogOutputChannel, ProgressLocation, window } from 'vscode';
import { TurnMarks } from './diffs/turnMarks';
import { attempt } from './errors';
import { Keys } from './keys';
import { MemoryDocuments } from './memoryDocuments';
import { TerminalOutput } from './chat/terminalOutput';
import { ChatViews } from './chat/view';
import { Preview } from './preview';
import { Questions } from './questions';
import { ServerStatus } from './serverStatus';
import type { AllCommands, CommandId } from './protocol';
import { Server } from './server';

/** What every feature of the extension is given. */
export class App {
  readonly log: LogOutputChannel;
  readonly keys: Keys;
  readonly server: Server;
  readonly preview = new Preview();
  readonly terminalOutput = new TerminalOutput();
  readonly status: ServerStatus;
  readonly questions: Questions;
  readonly chats: ChatViews;
  readonly turnMarks: TurnMarks;
  readonly memoryDocuments: MemoryDocuments;

  constructor(readonly context: ExtensionContext) {
    this.log = window.createOutputChannel('Mazu', { log: true });
    this.keys = new Keys(context);
    this.server = new Server(context, this.keys, this.log);
    this.status = new ServerStatus(this.server);
    this.questions = new Questions(this.server);
    context.subscriptions.push(this.log, this.server, this.preview, this.status, this.questions, this.terminalOutput);
    this.chats = new ChatViews(this);
    this.turnMarks = new TurnMarks(this);
    this.memoryDocuments = new MemoryDocuments(this);
  }

  /** Registers a palette command; whatever goes wrong in it is told to the user. */
  command(id: string, run: (...given: unknown[]) => unknown): void {
    const registration = commands.registerCommand(id, (...given: unknown[]) => attempt(() => run(...given)));
    this.context.subscriptions.push(registration);
  }

  /** Asks for the rows of all views again, where nothing else says that they changed. */
  refreshViews(): void {
    void commands.executeCommand('mazu.refreshViews');
  }

  async showView(name: 'sessions' | 'checkpoints' | 'memory' | 'agent'): Promise<void> {
    await commands.executeCommand(`mazu.${name}.focus`);
  }

  /** Runs a command of the server behind a progress notification that can cancel it. */
  wait<C extends CommandId>(title: string, command: C, argument: AllCommands[C][0]): Thenable<AllCommands[C][1]> {
    const options = { location: ProgressLocation.Notification, title: `Mazu: ${title}`, cancellable: true };
    return window.withProgress(options, (_, token) => this.server.execute(command, argument, token));
  }
}
