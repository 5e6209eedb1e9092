import {
  EventEmitter,
  type LanguageModelChatInformation,
  LanguageModelChatMessageRole,
  type LanguageModelChatProvider,
  type LanguageModelChatRequestMessage,
  LanguageModelTextPart,
  lm,
} from 'vscode';
import type { App } from './app';
import type { Model } from './protocol';

const VENDOR = 'mazu';
const CHARACTERS_PER_TOKEN = 4;

/**
 * The server's current model in VS Code's model picker, without tools. The chat view runs no participant, so not
 * `@mazu` either, where no model is picked; and what is asked outside of `@mazu` gets one plain answer.
 */
export function registerLanguageModel({ server, context }: App): void {
  if (typeof lm?.registerLanguageModelChatProvider !== 'function') return; // editors built on VS Code may lack it
  const changed = new EventEmitter<void>();
  const provider: LanguageModelChatProvider = {
    onDidChangeLanguageModelChatInformation: changed.event,
    provideLanguageModelChatInformation: async () => {
      if (server.condition !== 'running') return [];
      const { models, current } = await server.execute('mazu.models.list');
      return models.filter(({ name }) => name === current).map(information);
    },
    provideLanguageModelChatResponse: async (_model, messages, _options, progress, token) => {
      const { reply } = await server.execute('mazu.ask', { question: transcript(messages), wait: true }, token);
      progress.report(new LanguageModelTextPart(reply));
    },
    provideTokenCount: async (_model, text) => {
      const length = typeof text === 'string' ? text.length : plain(text).length;
      return Math.ceil(length / CHARACTERS_PER_TOKEN);
    },
  };
  context.subscriptions.push(
    changed,
    lm.registerLanguageModelChatProvider(VENDOR, provider),
    server.onCondition((condition) => condition === 'running' && changed.fire()),
    server.onChanged(({ what }) => what.includes('sessions') && changed.fire()),
  );
}

const information = ({ name, spec }: Model): LanguageModelChatInformation => ({
  id: VENDOR,
  name: `Mazu (${name.replace(/^[^:]*:/, '')})`,
  family: VENDOR,
  version: '1',
  maxInputTokens: spec.contextWindow,
  maxOutputTokens: spec.maxOutput,
  // The chat's agent mode offers only models that call tools. `@mazu` owns its whole turn, so none is called here.
  capabilities: { toolCalling: true },
});

/** A conversation as one question; a single message as it is. */
function transcript(messages: readonly LanguageModelChatRequestMessage[]): string {
  const [first, ...others] = messages;
  if (first && !others.length) return plain(first);
  const speaker = (role: LanguageModelChatMessageRole) =>
    role === LanguageModelChatMessageRole.User ? 'User' : 'Assistant';
  return messages.map((message) => `${speaker(message.role)}: ${plain(message)}`).join('\n\n');
}

const plain = ({ content }: LanguageModelChatRequestMessage): string =>
  content.map((part) => (part instanceof LanguageModelTextPart ? part.value : '')).join('');
