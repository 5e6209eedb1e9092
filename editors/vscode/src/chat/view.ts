import {
  type CancellationToken,
  commands,
  EventEmitter,
  l10n,
  type TreeView,
  Uri,
  ViewColumn,
  type WebviewPanel,
  type WebviewView,
  type WebviewViewProvider,
  type WebviewViewResolveContext,
  window,
} from 'vscode';
import type { App } from '../app';
import { counted } from '../describe';
import { isChat } from '../editor';
import type { Attachment } from '../protocol';
import { fileChip, placeChip, problemsChip, selectionChip } from './completions';
import { ChatController } from './controller';
import { pageHtml } from '../panels/page';
import type { Chip } from './messages';

const VIEW = 'mazu.chatView';
const PANEL = 'mazu.chatPanel';

/** The chat where it is: the view of the side bar, and as many editor tabs as are opened. */
export class ChatViews implements WebviewViewProvider {
  private view: { view: WebviewView; chat: ChatController } | undefined;
  private readonly panels = new Map<WebviewPanel, ChatController>();
  private readonly resolved: (() => void)[] = [];
  private readonly shownChanged = new EventEmitter<void>();
  /** A chat shows another conversation. */
  readonly onDidShow = this.shownChanged.event;
  /** The view that has the badge as long as the chat was never opened: a webview view has none before. */
  standIn: TreeView<unknown> | undefined;

  constructor(private readonly app: App) {
    const { context, questions } = app;
    const options = { webviewOptions: { retainContextWhenHidden: true } };
    context.subscriptions.push(
      this.shownChanged,
      window.registerWebviewViewProvider(VIEW, this, options),
      window.registerWebviewPanelSerializer(PANEL, {
        deserializeWebviewPanel: async (panel, state?: { sessionId?: string | null }) =>
          this.fill(panel, state?.sessionId ?? null),
      }),
      questions.onDidChange(() => this.badge()),
    );
  }

  /** True while somebody can see a chat that shows this session. */
  shows(sessionId: string): boolean {
    const { view, chat } = this.view ?? {};
    if (view?.visible && chat?.sessionId === sessionId) return true;
    return [...this.panels].some(([panel, { sessionId: id }]) => panel.visible && id === sessionId);
  }

  /** The conversation of the chat that is in front: of the editor that is active, else of the side bar. */
  get shownSession(): string | null {
    const inEditor = [...this.panels].find(([panel]) => panel.active)?.[1];
    return (inEditor ?? this.view?.chat)?.sessionId ?? null;
  }

  /** Says that a chat shows another conversation. */
  noteShown(): void {
    this.shownChanged.fire();
  }

  resolveWebviewView(view: WebviewView, _context: WebviewViewResolveContext, _token: CancellationToken): void {
    const { extensionUri } = this.app.context;
    view.webview.options = { enableScripts: true, localResourceRoots: [Uri.joinPath(extensionUri, 'dist', 'webview')] };
    const chat = new ChatController(this.app, view.webview, null, () => view.visible);
    view.webview.html = pageHtml(view.webview, extensionUri, 'chat', l10n.t('Mazu chat'));
    this.view = { view, chat };
    view.onDidDispose(() => {
      chat.dispose();
      this.view = undefined;
      this.badge();
    });
    this.badge();
    for (const resolve of this.resolved.splice(0)) resolve();
  }

  /** Shows the chat in the side bar, with a session where one is named. */
  async show(sessionId?: string | null): Promise<ChatController> {
    await commands.executeCommand(`${VIEW}.focus`);
    if (!this.view) await new Promise<void>((resolve) => this.resolved.push(resolve));
    const { chat } = this.view as unknown as { chat: ChatController };
    if (sessionId !== undefined) await chat.show(sessionId);
    chat.focus();
    return chat;
  }

  /** Resolves once every message that was sent in a chat is with the server, where it can be stopped. */
  async handedOver(): Promise<void> {
    const chats = [...(this.view ? [this.view.chat] : []), ...this.panels.values()];
    await Promise.all(chats.map((chat) => chat.handedOver()));
  }

  openInEditor(): void {
    const panel = window.createWebviewPanel(PANEL, 'Mazu', ViewColumn.Beside, { retainContextWhenHidden: true });
    this.fill(panel, this.view?.chat.sessionId ?? null);
  }

  private fill(panel: WebviewPanel, sessionId: string | null): void {
    const { extensionUri } = this.app.context;
    panel.webview.options = {
      enableScripts: true,
      localResourceRoots: [Uri.joinPath(extensionUri, 'dist', 'webview')],
    };
    panel.iconPath = Uri.joinPath(extensionUri, 'media', 'icon.svg');
    const chat = new ChatController(this.app, panel.webview, sessionId, () => panel.visible);
    panel.webview.html = pageHtml(panel.webview, extensionUri, 'chat', l10n.t('Mazu chat'));
    this.panels.set(panel, chat);
    panel.onDidDispose(() => {
      chat.dispose();
      this.panels.delete(panel);
    });
  }

  private badge(): void {
    const count = this.app.questions.open.length;
    const tooltip = l10n.t('{0} for you', counted(count, 'question'));
    const badge = count ? { value: count, tooltip } : undefined;
    if (this.view) this.view.view.badge = badge;
    if (this.standIn) this.standIn.badge = this.view ? undefined : badge;
  }
}

interface ActionArgument {
  message?: string;
  question?: string;
  query?: string;
  attachments?: Attachment[];
}

/**
 * Code actions that ask or say something are answered in the chat; one that sends a chat document is not. What is known
 * about a place, a memory's lens included, is shown by the quick pick of recall.
 */
function takeCodeActions({ server, chats }: App): void {
  server.inView = (command, [given]) => {
    const { message, question, query, attachments = [] } = (given ?? {}) as ActionArgument;
    if (command === 'mazu.actions.recall' && query)
      return Promise.resolve(commands.executeCommand('mazu.recallMemory', query.replace(/\s+/g, ' ').trim()));
    const text = command === 'mazu.chat' ? message : command === 'mazu.ask' ? question : undefined;
    const places = attachments.map(({ uri, range }) => placeChip(Uri.parse(uri), range ?? undefined));
    const mine = command === 'mazu.chat' || (command === 'mazu.ask' && text !== undefined);
    if (!mine || !places.length || attachments.some(({ uri }) => isChat(Uri.parse(uri)))) return undefined;
    return chats.show().then((chat) => (text ? chat.say(text, places) : chat.add(places)));
  };
}

/** The commands of the chat view. */
export function registerChatView(app: App): void {
  const { chats } = app;
  takeCodeActions(app);
  app.command('mazu.openChat', () => chats.show());
  app.command('mazu.newChat', () => chats.show(null));
  app.command('mazu.openChatInEditor', () => chats.openInEditor());
  app.command('mazu.addSelection', async () => {
    const editor = window.activeTextEditor;
    const chip = selectionChip() ?? (editor && fileChip(editor.document.uri));
    const chat = await chats.show();
    if (chip) chat.add([chip]);
  });
  app.command('mazu.addFile', async (uri) => {
    const given = uri instanceof Uri ? uri : window.activeTextEditor?.document.uri;
    const chat = await chats.show();
    if (given) chat.add([fileChip(given)]);
  });
  const say = async (text: string, chips: (Chip | undefined)[]) => {
    const chat = await chats.show();
    await chat.say(
      text,
      chips.filter((chip) => chip !== undefined),
    );
  };
  const here = () => window.activeTextEditor ?? window.visibleTextEditors[0];
  const file = () => here() && fileChip(here()!.document.uri);
  app.command('mazu.explainFile', () => say(l10n.t('Explain this file.'), [selectionChip() ?? file()]));
  app.command('mazu.fixProblems', () =>
    say(l10n.t('Fix the problems here.'), [file(), problemsChip(here()?.document.uri)]),
  );
  app.command('mazu.askMemory', () => say(l10n.t('What do you remember about this project?'), []));
}
