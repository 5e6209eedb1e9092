import { commands, type Disposable, env, l10n, Uri, type Webview, window, workspace } from 'vscode';
import type { App } from '../app';
import { editorsAlone, isChat, ownWork, modelPrice, rollbackChanges } from '../describe';
import { showPatch } from '../diffs/patch';
import { showTurnChanges } from '../diffs/turn';
import { isCancellation, sentence, UserError } from '../errors';
import type { RollbackResult } from '../protocol';
import { atCompletions, fileChip, slashCompletions } from './completions';
import { SessionFeed } from './feed';
import type { Chip, Completion, FromWebview, NoticeAction, ToWebview } from './messages';
import { Outbox } from './outbox';
import { openAttached, openLink } from './open';
import { keepPicture } from './pictures';
import { composed, type Composed, slashCommand } from './send';

/** Where the session that was shown last is kept, "" for the start of a new one: a window may end without a word. */
const LAST = 'mazu.chat.session';

/** One page of the chat, in the side bar or in an editor: what it shows, and what is done from it. */
export class ChatController implements Disposable {
  private readonly feed: SessionFeed;
  private readonly subscriptions: Disposable[];
  private waiting: ToWebview[] = [];
  private isReady = false;
  /** The checkpoint before the last undo from here. */
  private safety = '';
  private readonly outbox = new Outbox((message) => this.post(message));

  constructor(
    private readonly app: App,
    private readonly webview: Webview,
    private wanted: string | null = null,
    isVisible: () => boolean = () => true,
  ) {
    const { server, questions, status } = app;
    this.feed = new SessionFeed(server, (message) => this.post(message), isVisible);
    this.subscriptions = [
      this.feed,
      webview.onDidReceiveMessage((message: FromWebview) => void this.receive(message)),
      questions.onDidChange(() => this.postQuestions()),
      status.onDidChange(() => this.postView()),
      server.onCondition((condition) => {
        this.postView();
        if (condition === 'running' && this.isReady) void this.attempt(() => this.resume());
      }),
    ];
  }

  get sessionId(): string | null {
    return this.feed.sessionId;
  }

  /** Shows another session; null shows the start of a new one. */
  async show(sessionId: string | null): Promise<void> {
    this.wanted = sessionId;
    if (this.app.server.condition !== 'running') return;
    const known = sessionId ?? null;
    try {
      await this.feed.show(known);
    } catch (error) {
      if (known === null) throw error;
      await this.feed.show(null); // it was deleted
    }
    void this.app.context.workspaceState.update(LAST, this.feed.sessionId ?? '');
    this.app.chats.noteShown();
    this.postQuestions();
  }

  add(chips: Chip[]): void {
    this.post({ type: 'chips', chips });
    this.post({ type: 'focus' });
  }

  focus(): void {
    this.post({ type: 'focus' });
  }

  /** Says something in this session as if it had been written here. */
  async say(text: string, chips: Chip[]): Promise<void> {
    await this.attempt(() => this.send(text, chips, false));
  }

  /** Resolves once what was sent so far is with the server, where it can be stopped. */
  handedOver(): Promise<void> {
    return this.outbox.handedOver();
  }

  post(message: ToWebview): void {
    if (this.isReady) void this.webview.postMessage(message);
    else this.waiting.push(message);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async receive(message: FromWebview): Promise<void> {
    await this.attempt(() => this.handle(message));
  }

  /** What goes wrong is said in the page, where it was asked for, with the button that mends it. */
  private async attempt(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isCancellation(error)) return;
      const kind = (error as { data?: { kind?: string } }).data?.kind;
      const action = this.mend(kind);
      this.post({ type: 'notice', level: 'error', text: sentence(error), ...(action ? { action } : {}) });
    }
  }

  /** The button beside an error of this kind. */
  private mend(kind: string | undefined): NoticeAction | undefined {
    switch (kind) {
      case 'auth':
        return { title: l10n.t('Set API key'), command: 'mazu.setApiKey' };
      case 'model':
        return { title: l10n.t('Choose model'), command: 'mazu.selectModel' };
      case 'busy':
        return this.feed.sessionId ? { title: l10n.t('Continue in a copy'), say: { type: 'fork' } } : undefined;
      default:
        return undefined;
    }
  }

  private async handle(message: FromWebview): Promise<unknown> {
    const { server, questions } = this.app;
    const sessionId = this.feed.sessionId;
    switch (message.type) {
      case 'ready':
        return this.ready(message.sessionId);
      case 'send':
        return this.send(message.text, message.chips, message.queue, message.id);
      case 'stop':
        return this.stop();
      case 'answer':
        return questions.answer(message.callId, message.reply);
      case 'preview':
        return this.preview(message.turnId, message.last);
      case 'output':
        return sessionId && this.output(sessionId, message.callId);
      case 'rewind':
        return this.rewind(message);
      case 'resend':
        return this.resend(message);
      case 'fork':
        return sessionId && this.fork(sessionId, message.turnId);
      case 'redo':
        return sessionId && this.redo(sessionId);
      case 'unqueue':
        return sessionId && server.execute('mazu.session.queue', { sessionId, remove: message.queueId });
      case 'rename':
        return sessionId && server.execute('mazu.session.rename', { sessionId, name: message.name });
      case 'callDiff':
        return showPatch(this.app, message.path, message.diff, l10n.t('{0}: this step', message.path));
      case 'turnChanges':
        return sessionId && showTurnChanges(this.app, sessionId, message.turnId, message.diffs);
      default:
        return this.handleEditor(message);
    }
  }

  /** What concerns the editor and the settings rather than the session. */
  private async handleEditor(message: FromWebview): Promise<unknown> {
    const { app } = this;
    switch (message.type) {
      case 'complete':
        return this.complete(message.request, message.sign, message.query);
      case 'models':
        return this.postModels();
      case 'model':
        await app.server.execute('mazu.models.set', { model: message.model });
        return app.status.refresh(0);
      case 'mode':
        return this.setMode(message.mode);
      case 'image':
        return this.add([await keepPicture(app.context, message.name, message.base64)]);
      case 'drop':
        return this.add(message.uris.map((uri) => fileChip(Uri.parse(uri))));
      case 'insert':
        return insertAtCursor(message.text);
      case 'copy':
        return env.clipboard.writeText(message.text);
      case 'openFile':
        return openAttached(app, message.path, message.line);
      case 'openLink':
        return openLink(message.href);
      case 'openMemory':
        return commands.executeCommand('mazu.openMemory', message.id);
      case 'command':
        return commands.executeCommand(message.command, ...(message.arguments ?? []));
      case 'fault':
        return app.log.error(`the chat page: ${message.message}`);
      default:
        return undefined;
    }
  }

  private async ready(remembered: string | null): Promise<void> {
    this.isReady = true;
    const { server } = this.app;
    this.postView();
    if (server.condition === 'running') {
      await this.show(this.wanted ?? remembered ?? (await this.last()));
    } else this.wanted ??= remembered;
    for (const message of this.waiting.splice(0)) this.post(message);
  }

  private async resume(): Promise<void> {
    await this.show(this.feed.sessionId ?? this.wanted ?? (await this.last()));
  }

  /** The session that was shown here last, else the one that the server has open. */
  private async last(): Promise<string | null> {
    const last = this.app.context.workspaceState.get<string>(LAST);
    if (last !== undefined) return last || null;
    const { sessions, current } = await this.app.server.execute('mazu.session.list');
    return sessions.some((session) => session.id === current && isChat(session)) ? current : null;
  }

  /** `resend` is a turn whose attachments go along again. */
  private async send(text: string, chips: Chip[], queue: boolean, id?: number, resend?: string): Promise<void> {
    if (text.startsWith('/') && (await slashCommand(this.app, this, text))) return;
    try {
      await this.outbox.send(id, async (handedOver) => {
        const message: Composed = await composed(this.app, text, chips);
        const sessionId = this.feed.sessionId ?? (await this.startSession());
        const more = { ...(queue ? { queue } : {}), ...(resend ? { resend } : {}) };
        const answer = this.app.server.execute('mazu.chat', { ...message, sessionId, ...more });
        handedOver();
        return answer;
      });
    } catch (error) {
      this.post({ type: 'compose', text }); // nothing that was written is lost
      if (chips.length) this.post({ type: 'chips', chips });
      throw error;
    }
  }

  /** Stops what runs here, and what is on its way to the server. */
  private async stop(): Promise<void> {
    await this.handedOver();
    const sessionId = this.feed.sessionId;
    if (sessionId) await this.app.server.execute('mazu.cancel', { sessionId });
  }

  private async startSession(): Promise<string> {
    const { id } = await this.app.server.execute('mazu.session.new');
    await this.show(id);
    return id;
  }

  private async preview(turnId: string, last: boolean): Promise<void> {
    const sessionId = this.feed.sessionId;
    if (!sessionId) return;
    const empty = { turnId, write: [], delete: [], buffers: [], conflicts: [], keep: [] };
    try {
      const { plan } = await this.app.server.execute('mazu.undo', {
        sessionId,
        ...before(turnId, last),
        preview: true,
      });
      this.post({ type: 'preview', preview: { ...empty, ...plan, buffers: editorsAlone(plan) } });
    } catch (error) {
      this.post({ type: 'preview', preview: { ...empty, problem: sentence(error) } });
    }
  }

  private async output(sessionId: string, callId: string): Promise<void> {
    const { server } = this.app;
    if (!server.offers('mazu.turn.output')) return;
    const { text } = await server.execute('mazu.turn.output', { sessionId, callId });
    this.post({ type: 'output', callId, text });
  }

  /** Sends a message again from before its turn, with what it had attached. */
  private async resend(message: Extract<FromWebview, { type: 'resend' }>): Promise<void> {
    let isBefore = false;
    try {
      isBefore = await this.rewind(message);
    } finally {
      if (!isBefore) this.post({ type: 'compose', text: message.text });
    }
    if (!isBefore) return;
    if (message.onConflict) this.post({ type: 'compose', text: '', replaces: message.text });
    await this.send(message.text, [], false, message.id, message.turnId);
  }

  /** Goes back to before a turn; true where that was done. Where it was not, what can be done instead is offered. */
  private async rewind(message: Rewound): Promise<boolean> {
    const { turnId, last, parts, onConflict } = message;
    const { server } = this.app;
    const sessionId = this.feed.sessionId;
    if (!sessionId) return false;
    const only = {
      ...(parts === 'code' ? { conversation: false, memory: false } : {}),
      ...(parts === 'conversation' ? { code: false, memory: false } : {}),
    };
    const decided = onConflict ? { onConflict } : {};
    if (parts === 'conversation' && !(await server.execute('mazu.status')).checkpoints.available) {
      await server.execute('mazu.session.rewind', { sessionId, turnId });
      return true;
    }
    const result = await server.execute('mazu.undo', { sessionId, ...before(turnId, last), ...only, ...decided });
    this.safety = result.safety?.id ?? '';
    const keep: NoticeAction = { title: l10n.t('Undo, keep my changes'), say: { ...message, onConflict: 'keep' } };
    // Where the conversation stays, no line of it leads back.
    const redo: NoticeAction = { title: l10n.t('Redo'), say: { type: 'redo' } };
    const more = result.applied
      ? parts === 'code'
        ? redo
        : undefined
      : result.plan.conflicts.length
        ? keep
        : undefined;
    this.tell(result, l10n.t('Undone'), more);
    return result.applied;
  }

  /** Takes the last undo back. */
  private async redo(sessionId: string): Promise<void> {
    const { server } = this.app;
    if (server.offers('mazu.redo')) this.tell(await server.execute('mazu.redo', { sessionId }), l10n.t('Redone'));
    else if (!this.safety)
      throw new UserError(
        l10n.t('this server cannot redo; the state before the undo is a checkpoint.'),
        l10n.t('Open the time machine.'),
      );
    else {
      const argument = { id: this.safety, onConflict: 'overwrite' } as const;
      this.tell(await server.execute('mazu.rollback', argument), l10n.t('Redone'));
    }
  }

  private tell({ applied, plan, problems }: RollbackResult, done: string, action?: NoticeAction): void {
    const changes = rollbackChanges(plan);
    const kept = ownWork(plan);
    const wrong = [...problems, ...(applied ? [] : plan.conflicts)].map(({ path, reason }) => `${path}: ${reason}`);
    const text = applied ? `${done}: ${changes}${kept && `; ${kept}`}.` : l10n.t('Nothing was changed.');
    this.post({
      type: 'notice',
      level: wrong.length ? 'error' : 'info',
      text: [text, ...wrong].join(' '),
      ...(action ? { action } : {}),
    });
  }

  private async fork(sessionId: string, turnId: string | undefined): Promise<void> {
    const from = { sessionId, ...(turnId ? { turnId } : {}) };
    const { id } = await this.app.server.execute('mazu.session.fork', from);
    await this.show(id);
  }

  private async complete(request: number, sign: '@' | '/', query: string): Promise<void> {
    const post = (items: Completion[]) => this.post({ type: 'completions', request, items });
    if (sign === '/') post(await slashCompletions(this.app, query));
    else for await (const items of atCompletions(this.app, query)) post(items);
  }

  private async setMode(mode: string): Promise<void> {
    await commands.executeCommand('mazu.selectMode', mode);
    this.app.status.refresh(0);
  }

  private postQuestions(): void {
    this.post({ type: 'questions', open: this.app.questions.open });
  }

  private postView(): void {
    const { server, status } = this.app;
    const { model, mode = 'ask' } = status.status ?? {};
    const running = server.condition === 'running';
    const ready = !running || !status.status || (status.model?.ready ?? Boolean(model));
    const missing = l10n.t('No model can be called yet.');
    const problem = running && !ready ? missing : running || server.condition === 'stopped' ? status.problem : '';
    const view = {
      condition: server.condition,
      problem,
      model: model ?? null,
      mode,
      ready,
      contextWindow: status.model?.spec.contextWindow ?? null,
      folder: Boolean(workspace.workspaceFolders?.length),
    };
    this.post({ type: 'view', view });
  }

  private postModels(): void {
    const { models, status } = this.app.status;
    const shown = models.map((model) => ({
      name: model.name,
      detail: modelPrice(model),
      ready: model.ready,
      current: model.name === status?.model,
    }));
    shown.sort((a, b) => Number(b.ready) - Number(a.ready));
    this.post({ type: 'models', models: shown });
  }
}

type Rewound = Extract<FromWebview, { type: 'rewind' | 'resend' }>;

/** To before that turn; the last one is what the server takes back by itself. */
const before = (turnId: string, last: boolean) => (last ? {} : { turnId });

async function insertAtCursor(text: string): Promise<void> {
  const editor = window.activeTextEditor ?? window.visibleTextEditors[0];
  await editor?.edit((edit) => edit.replace(editor.selection, text));
}
