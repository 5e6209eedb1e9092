import { randomUUID } from 'node:crypto';
import {
  type CancellationToken,
  type Disposable,
  EventEmitter,
  type ExtensionContext,
  type LogOutputChannel,
  workspace,
  l10n,
} from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { sentence, showServerMessage, UserError } from './errors';
import { findServer } from './find';
import type { Keys } from './keys';
import type { AllCommands, Changed, CommandId } from './protocol';
import { explicitSettings, serverKeys } from './settings';
import type { SessionUpdate } from './updates';

/** Of the library's client, which is loaded when it is first needed and not with the extension. */
enum State {
  Stopped = 1,
  Running = 2,
  Starting = 3,
}

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

  /** Takes code actions and lenses that a view of the extension answers: the chat, the quick pick of recall. */
  inView: ((command: string, args: unknown[]) => Promise<unknown> | undefined) | undefined;

  /** Why the server could not be started last time; "" where it could. */
  failure = '';

  private readonly answers = new EventEmitter<{ command: string; answer: unknown }>();

  /** A command of the server was answered without an error. */
  readonly onAnswered = this.answers.event;
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

  /** Whether this server has a command; an older one lacks some. */
  offers(command: CommandId): boolean {
    const { experimental } = this.client?.initializeResult?.capabilities ?? {};
    return Boolean((experimental as { mazu?: { commands?: string[] } } | undefined)?.mazu?.commands?.includes(command));
  }

  /** Answers requests of the server; called for each client before it starts. */
  answer(handler: Handler): void {
    this.handlers.push(handler);
  }

  /** The running client, started if need be. Rejects with a UserError where there is no server to start. */
  async start(): Promise<LanguageClient> {
    if (!workspace.isTrusted) {
      throw new UserError(
        l10n.t('the agent works in trusted folders only.'),
        l10n.t('Trust this folder to start it.'),
        [{ title: l10n.t('Manage Trust'), command: 'workbench.trust.manage' }],
      );
    }
    if (this.client?.state === State.Running) return this.client;
    if (this.client?.state === State.Starting && !this.starting) {
      await this.client.start(); // it crashed, and the library is starting it again
      return this.client;
    }
    this.failure = '';
    this.starting ??= this.launch()
      .catch((error: unknown) => {
        this.failure = sentence(error);
        throw error;
      })
      .finally(() => {
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
    argument: AllCommands[C][0] = {},
    token?: CancellationToken,
  ): Promise<AllCommands[C][1]> {
    return this.send(command, Object.keys(argument).length ? [argument] : [], token);
  }

  /** As `execute`; `onText` hears the text of the answer as it comes, and undefined where what came is void. */
  async callModel(
    argument: AllCommands['mazu.models.call'][0],
    onText: (text: string | undefined) => void,
    token: CancellationToken,
  ): Promise<AllCommands['mazu.models.call'][1]> {
    const client = await this.start();
    const { onPartialResult } = await import('./client');
    const partialResultToken = randomUUID();
    const parts = onPartialResult<{ text?: string }>(client, partialResultToken, ({ text }) => onText(text));
    try {
      return await this.execute('mazu.models.call', { ...argument, partialResultToken }, token);
    } finally {
      parts.dispose();
    }
  }

  private async send<R>(command: string, args: unknown[], token?: CancellationToken): Promise<R> {
    const client = await this.start();
    const request = { command, arguments: args };
    const method = 'workspace/executeCommand';
    const answer = await (token
      ? client.sendRequest<R>(method, request, token)
      : client.sendRequest<R>(method, request));
    this.answers.fire({ command, answer });
    return answer;
  }

  dispose(): void {
    void this.stop();
    for (const emitter of [this.updates, this.changes, this.conditions, this.answers]) emitter.dispose();
  }

  private async launch(): Promise<LanguageClient> {
    await this.client?.dispose(5000).catch((error: unknown) => this.log.debug(`the last server: ${String(error)}`));
    const { command, args } = await findServer(this.log);
    this.log.info(`starting ${[command, ...args].join(' ')}`);
    const env = { ...process.env, ...(await this.secrets.environment()) };
    const { makeClient } = await import('./client');
    const client = makeClient({ command, args, options: { env } }, this.log, {
      settings: () => explicitSettings(this.keys),
      sendSettings: () => this.sendSettings(),
      execute: (name, argument) => this.send(name, argument),
      inView: (name, argument) => this.inView?.(name, argument),
    });
    client.onNotification('window/showMessage', showServerMessage);
    client.onNotification('mazu/session/update', (update: SessionUpdate) => this.updates.fire(update));
    client.onNotification('mazu/changed', (changed: Changed) => this.changes.fire(changed));
    client.onDidChangeState(() => this.conditions.fire(this.condition));
    for (const handler of this.handlers) handler(client);
    this.client = client;
    await client.start();
    return client;
  }

  private async sendSettings(): Promise<void> {
    if (this.client?.state !== State.Running) return;
    const settings = { mazu: explicitSettings(this.keys) };
    await this.client.sendNotification('workspace/didChangeConfiguration', { settings });
  }
}
