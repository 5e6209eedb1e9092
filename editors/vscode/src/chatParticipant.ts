import {
  type CancellationToken,
  chat,
  type ChatContext,
  type ChatRequest,
  type ChatResponseStream,
  ChatResponseTurn,
  type ChatResult,
  Location,
  MarkdownString,
  Uri,
  l10n,
} from 'vscode';
import type { App } from './app';
import { checkpointName, kindName } from './describe';
import { place } from './editor';
import { isCancellation, sentence } from './errors';
import { followUps } from './followUps';
import { VENDOR } from './languageModel';
import type { AttachedText, Attachment } from './protocol';
import type { PermissionRequest, Update } from './updates';

const ID = 'mazu.chat';
const LONGEST_NAME = 80;

/** `@mazu` in VS Code's chat view: the same sessions, streamed from `mazu/session/update`. */
export function registerChatParticipant(app: App): void {
  if (typeof chat?.createChatParticipant !== 'function') return; // editors built on VS Code may lack the chat view
  const participant = chat.createChatParticipant(ID, async (request, context, stream, token) => {
    try {
      return await respond(app, request, context, stream, token);
    } catch (error) {
      return isCancellation(error) ? {} : { errorDetails: { message: sentence(error) } };
    }
  });
  participant.followupProvider = {
    provideFollowups: ({ metadata }) => followUps(metadata),
  };
  participant.iconPath = Uri.joinPath(app.context.extensionUri, 'media', 'icon.svg');
  app.context.subscriptions.push(participant);
}

async function respond(
  app: App,
  request: ChatRequest,
  context: ChatContext,
  stream: ChatResponseStream,
  token: CancellationToken,
): Promise<ChatResult> {
  switch (request.command) {
    case 'remember':
      return remember(app, request, stream);
    case 'recall':
      return recall(app, request.prompt, stream);
    case 'council':
      return council(app, request, stream, token);
    case 'checkpoint': {
      const checkpoint = await app.server.execute('mazu.checkpoint', request.prompt ? { label: request.prompt } : {});
      stream.markdown(l10n.t('Checkpoint {0}.', checkpointName(checkpoint)));
      return {};
    }
    case 'rollback':
      stream.markdown(l10n.t('Choose a checkpoint; you will see what changes before anything is touched.'));
      stream.button({ title: l10n.t('Roll Back…'), command: 'mazu.rollBack' });
      return {};
    default:
      return turn(app, request, context, stream, token);
  }
}

async function turn(
  { server, questions }: App,
  request: ChatRequest,
  context: ChatContext,
  stream: ChatResponseStream,
  token: CancellationToken,
): Promise<ChatResult> {
  const sessionId = lastSession(context) ?? (await server.execute('mazu.session.new')).id;
  let streamed = false;
  const updates = server.onUpdate((update) => {
    if (update.sessionId === sessionId) streamed = show(update.update, stream) || streamed;
  });
  const asking = new Map<string, string>();
  const shown = new Set<string>();
  const showQuestions = () => {
    // Its buttons stay in this chat for good, or are folded away with the question: what was answered is shown below.
    for (const [callId, title] of asking) {
      const answer = questions.answered(callId);
      if (answer === undefined) continue;
      asking.delete(callId);
      const said = new MarkdownString().appendText(`${title}: ${answer}`).value;
      if (answer) stream.markdown(`\n\n*${said}*\n\n`);
    }
    for (const question of questions.open) {
      // What belongs to no conversation, as whether a server of the project may start, is asked here too.
      if ((question.sessionId && question.sessionId !== sessionId) || shown.has(question.callId)) continue;
      shown.add(question.callId);
      asking.set(question.callId, question.title);
      ask(question, stream);
    }
  };
  const asked = questions.onDidChange(showQuestions);
  showQuestions();
  const stop = token.onCancellationRequested(() => void server.execute('mazu.cancel', { sessionId }));
  try {
    const message = {
      message: request.prompt || l10n.t('Look at what is attached.'),
      sessionId,
      ...attached(request),
      ...addedTexts(request),
      ...picked(request),
      wait: true,
    };
    const result = await server.execute('mazu.chat', message);
    if (!streamed) stream.markdown(result.reply);
    if (result.edits?.length) {
      for (const { uri } of result.edits) stream.reference(Uri.parse(uri));
      const arguments_ = [sessionId, result.turnId];
      stream.button({ title: l10n.t('Review Changes'), command: 'mazu.reviewTurn', arguments: arguments_ });
      stream.button({ title: l10n.t('Undo This Turn'), command: 'mazu.undoTurn', arguments: [sessionId] });
    }
    const { error } = result;
    const failed = error ? { errorDetails: { message: [error.message, error.hint].filter(Boolean).join(' ') } } : {};
    return { metadata: { sessionId, asked: request.prompt }, ...failed };
  } finally {
    stop.dispose();
    asked.dispose();
    updates.dispose();
  }
}

/** A question in its place in the chat, with a button for each answer. */
function ask({ callId, title, detail, diff, options }: PermissionRequest, stream: ChatResponseStream): void {
  const said = diff ? new MarkdownString().appendText(detail).value : fenced(detail);
  const what = [detail && said, diff && fenced(diff, 'diff')].filter(Boolean).join('\n\n');
  stream.markdown(`\n\n**${new MarkdownString().appendText(title).value}**\n\n${what}\n\n`);
  for (const { id, label } of options) {
    stream.button({ title: label, command: 'mazu.answerWith', arguments: [callId, id] });
  }
  if (diff) stream.button({ title: l10n.t('Show Diff'), command: 'mazu.showQuestionDiff', arguments: [callId] });
}

/** A code block whose fence nothing in the text ends. */
function fenced(text: string, language = ''): string {
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** True where it showed a part of the reply itself. */
function show(update: Update, stream: ChatResponseStream): boolean {
  if (update.kind === 'message') stream.markdown(update.text);
  else if (update.kind === 'tool_call') stream.progress(update.title || update.tool);
  else if (update.kind === 'tool_result' && !update.ok) stream.progress(update.summary);
  else if (update.kind === 'retry')
    stream.progress(l10n.t('Retry {0} in {1} s: {2}', update.attempt, Math.round(update.seconds), update.reason));
  return update.kind === 'message';
}

function lastSession({ history }: ChatContext): string | undefined {
  const turns = history.filter((entry) => entry instanceof ChatResponseTurn && entry.participant === ID);
  const metadata = (turns.at(-1) as ChatResponseTurn | undefined)?.result.metadata;
  return (metadata as { sessionId?: string } | undefined)?.sessionId;
}

/** The model that stands beside the message, where it is one of ours. */
const picked = ({ model }: ChatRequest): { model?: string } => (model?.vendor === VENDOR ? { model: model.id } : {});

/** The texts that were added to a message, which are not the user's own words: a terminal's selection, a diff. */
function addedTexts({ references }: ChatRequest): { texts?: AttachedText[] } {
  const texts = references.flatMap(({ value, modelDescription, id }) =>
    typeof value === 'string' && value.trim()
      ? [{ name: (modelDescription || id).slice(0, LONGEST_NAME), text: value }]
      : [],
  );
  return texts.length ? { texts } : {};
}

function attached(request: ChatRequest): { attachments?: Attachment[] } {
  const attachments = request.references.flatMap(({ value }): Attachment[] => {
    if (value instanceof Uri) return [{ uri: value.toString() }];
    return value instanceof Location ? [place(value.uri, value.range)] : [];
  });
  return attachments.length ? { attachments } : {};
}

async function remember({ server }: App, request: ChatRequest, stream: ChatResponseStream): Promise<ChatResult> {
  const { attachments: anchors } = attached(request);
  const { memory, outcome } = await server.execute('mazu.remember', {
    title: request.prompt,
    ...(anchors ? { anchors } : {}),
  });
  stream.markdown(
    outcome === 'duplicate' ? l10n.t('Already known: {0}', memory.title) : l10n.t('Remembered: {0}', memory.title),
  );
  return {};
}

async function recall({ server }: App, query: string, stream: ChatResponseStream): Promise<ChatResult> {
  const { memories, onlyNearest } = await server.execute('mazu.recall', { query });
  if (!memories.length) stream.markdown(l10n.t('No memories found.'));
  if (onlyNearest) {
    stream.markdown(l10n.t('Nothing remembered matches clearly, by words or by meaning. The nearest there is:\n\n'));
  }
  for (const { title, body, category, why } of memories) {
    stream.markdown(`**${title}** (${[kindName(category), why].filter(Boolean).join('; ')})\n\n${body}\n\n`);
  }
  return {};
}

async function council(
  { server }: App,
  request: ChatRequest,
  stream: ChatResponseStream,
  token: CancellationToken,
): Promise<ChatResult> {
  stream.progress(l10n.t('The council is in session'));
  const argument = { question: request.prompt, ...attached(request), wait: true } as const;
  const { answers, synthesis, dissent, error: none } = await server.execute('mazu.council', argument, token);
  stream.markdown(none ? `*${none.message} ${none.hint}*` : synthesis);
  if (dissent) stream.markdown(l10n.t('\n\n### Dissent\n\n{0}', dissent));
  for (const { model, reply, error } of answers) {
    stream.markdown(`\n\n### ${model}\n\n${error ? `*${error.message}*` : reply}`);
  }
  return {};
}
