import { commands, type ExtensionContext, type LogOutputChannel, ProgressLocation, window } from 'vscode';
import { attempt } from './errors';
import { Keys } from './keys';
import { Preview } from './preview';
import type { CommandId, Commands } from './protocol';
import { Server } from './server';

/** What every feature of the extension is given. */
export class App {
  readonly log: LogOutputChannel;
  readonly keys: Keys;
  readonly server: Server;
  readonly preview = new Preview();

  constructor(readonly context: ExtensionContext) {
    this.log = window.createOutputChannel('Mazu', { log: true });
    this.keys = new Keys(context);
    this.server = new Server(context, this.keys, this.log);
    context.subscriptions.push(this.log, this.server, this.preview);
  }

  /** Registers a palette command; whatever goes wrong in it is told to the user. */
  command(id: string, run: (argument: unknown) => unknown): void {
    const registration = commands.registerCommand(id, (argument: unknown) => attempt(() => run(argument)));
    this.context.subscriptions.push(registration);
  }

  /** Runs a command of the server behind a progress notification that can cancel it. */
  wait<C extends CommandId>(title: string, command: C, argument: Commands[C][0]): Thenable<Commands[C][1]> {
    const options = { location: ProgressLocation.Notification, title: `Mazu: ${title}`, cancellable: true };
    return window.withProgress(options, (_, token) => this.server.execute(command, argument, token));
  }
}
