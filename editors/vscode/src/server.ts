import {
  type CancellationToken,
  type Disposable,
  EventEmitter,
  type ExtensionContext,
  type LogOutputChannel,
  workspace,
} from 'vscode';
import {
  type ClientCapabilities,
  ExecuteCommandRequest,
  type FeatureState,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
} from 'vscode-languageclient/node';
import { UserError } from './errors';
import { findServer } from './find';
import type { Keys } from './keys';
import { middleware } from './middleware';
import { type Changed, type CommandId, type Commands, OPT_IN, type SessionUpdate } from './protocol';
import { explicitSettings, serverKeys } from './settings';

export type Condition = 'untrusted' | 'starting' | 'running' | 'stopped';
type Handler = (client: LanguageClient) => void;

/** The language server: found, started, restarted, stopped, and spoken to. */
export class Server implements Disposable {
  private readonly updates = new EventEmitter<SessionUpdate>();
  private readonly changes = new EventEmitter<Changed>();
  private readonly conditions = new EventEmitter<Condition>();
  private readonly handlers: Handler[] = [];
  private readonly keys: string[];
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;

  readonly onUpdate = this.updates.event;
  readonly onChanged = this.changes.event;
  readonly onCondition = this.conditions.event;

  constructor(
    context: ExtensionContext,
    private readonly secrets: Keys,
    private readonly log: LogOutputChannel,
  ) {
    this.keys = serverKeys(context.extension.packageJSON);
    context.subscriptions.push(
      workspace.onDidChangeConfiguration((event) => event.affectsConfiguration('mazu') && void this.sendSettings()),
    );
  }

  get condition(): Condition {
    if (!workspace.isTrusted) return 'untrusted';
    if (this.starting) return 'starting';
    return this.client?.state === State.Running ? 'running' : 'stopped';
  }

  /** Answers requests of the server; called for each client before it starts. */
  answer(handler: Handler): void {
    this.handlers.push(handler);
  }

  /** The running client, started if need be. Rejects with a UserError where there is no server to start. */
  async start(): Promise<LanguageClient> {
    if (!workspace.isTrusted) {
      throw new UserError('the agent works in trusted folders only.', 'Trust this folder to start it.', [
        { title: 'Manage Trust', command: 'workbench.trust.manage' },
      ]);
    }
    if (this.client?.state === State.Running) return this.client;
    if (this.client?.state === State.Starting && !this.starting) {
      await this.client.start(); // it crashed, and the library is starting it again
      return this.client;
    }
    this.starting ??= this.launch().finally(() => {
      this.starting = undefined;
      this.conditions.fire(this.condition);
    });
    this.conditions.fire(this.condition);
    return this.starting;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.starting?.catch(() => undefined);
    const client = this.client;
    this.client = undefined;
    await client?.dispose(5000);
  }

  /** Runs one command of the server. Rejects with the server's error, whose message is for the user. */
  async execute<C extends CommandId>(
    command: C,
    argument: Commands[C][0] = {},
    token?: CancellationToken,
  ): Promise<Commands[C][1]> {
    return this.send(command, Object.keys(argument).length ? [argument] : [], token);
  }

  private async send<R>(command: string, args: unknown[], token?: CancellationToken): Promise<R> {
    const client = await this.start();
    return client.sendRequest(ExecuteCommandRequest.type, { command, arguments: args }, token) as Promise<R>;
  }

  dispose(): void {
    void this.stop();
    for (const emitter of [this.updates, this.changes, this.conditions]) emitter.dispose();
  }

  private async launch(): Promise<LanguageClient> {
    await this.client?.dispose(5000).catch((error: unknown) => this.log.debug(`the last server: ${String(error)}`));
    const { command, args } = await findServer(this.log);
    this.log.info(`starting ${[command, ...args].join(' ')}`);
    const env = { ...process.env, ...(await this.secrets.environment()) };
    const client = new LanguageClient('mazu', 'Mazu', { command, args, options: { env } }, this.options());
    client.registerFeature(new OptIn());
    client.onNotification('mazu/session/update', (update: SessionUpdate) => this.updates.fire(update));
    client.onNotification('mazu/changed', (changed: Changed) => this.changes.fire(changed));
    client.onDidChangeState(() => this.conditions.fire(this.condition));
    for (const handler of this.handlers) handler(client);
    this.client = client;
    await client.start();
    return client;
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
      outputChannel: this.log,
      traceOutputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      middleware: middleware({
        settings: () => explicitSettings(this.keys),
        sendSettings: () => this.sendSettings(),
        execute: (command, args) => this.send(command, args),
      }),
      stdioOptions: {
        stdout: () => undefined,
        stderr: (input, channel) => input.on('data', (data: Buffer) => channel.info(data.toString().trimEnd())),
      },
    };
  }

  private async sendSettings(): Promise<void> {
    if (this.client?.state !== State.Running) return;
    const settings = { mazu: explicitSettings(this.keys) };
    await this.client.sendNotification('workspace/didChangeConfiguration', { settings });
  }
}

/** Tells the server what this client can do beyond standard LSP. */
class OptIn implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), mazu: OPT_IN };
  }

  initialize(): void {}

  getState(): FeatureState {
    return { kind: 'static' };
  }

  clear(): void {}
}
