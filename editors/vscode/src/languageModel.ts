import {
  EventEmitter,
  l10n,
  type LanguageModelChatInformation,
  LanguageModelChatMessageRole,
  LanguageModelChatToolMode,
  type LanguageModelChatProvider,
  type LanguageModelChatRequestMessage,
  LanguageModelTextPart,
  LanguageModelToolCallPart,
  LanguageModelToolResultPart,
  lm,
} from 'vscode';
import type { App } from './app';
import type { CallerMessage, Model } from './protocol';
import { StreamedText } from './streamedText';

export const VENDOR = 'mazu';
const CHARACTERS_PER_TOKEN = 4;
const NO_ARGUMENTS = { type: 'object', properties: {} };

/**
 * The server's models in VS Code's model picker, for every agent there: with the tools that the agent offers, which
 * it runs itself. The chat view runs no participant, so not `@mazu` either, where no model is picked.
 */
export function registerLanguageModel({ server, context }: App): void {
  if (typeof lm?.registerLanguageModelChatProvider !== 'function') return; // editors built on VS Code may lack it
  const changed = new EventEmitter<void>();
  const provider: LanguageModelChatProvider = {
    onDidChangeLanguageModelChatInformation: changed.event,
    provideLanguageModelChatInformation: async () => {
      if (server.condition !== 'running') return [];
      const { models, current } = await server.execute('mazu.models.list');
      return offered(models, current).map((model) => information(model, current));
    },
    provideLanguageModelChatResponse: async ({ id }, messages, { tools, toolMode }, progress, token) => {
      const offered = (tools ?? []).map(({ name, description, inputSchema }) => ({
        name,
        description,
        schema: (inputSchema ?? NO_ARGUMENTS) as Record<string, unknown>,
      }));
      const [only] = offered;
      const forced = toolMode === LanguageModelChatToolMode.Required && offered.length === 1 && only;
      const request = {
        model: id,
        messages: joined(messages.map(message)),
        ...(offered.length ? { tools: offered } : {}),
        ...(forced ? { forceTool: forced.name } : {}),
      };
      const streamed = new StreamedText((part) => progress.report(new LanguageModelTextPart(part)));
      const { text, calls } = await server.callModel(request, (part) => streamed.take(part), token);
      streamed.end(text);
      for (const { id, name, arguments: given } of calls) {
        progress.report(new LanguageModelToolCallPart(id, name, given));
      }
    },
    provideTokenCount: async (_model, text) => {
      const length = typeof text === 'string' ? text.length : textIn(text.content).length;
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

/** Every model that can be called, the one of the agent first. */
const offered = (models: Model[], current: string | null): Model[] =>
  models
    .filter(({ name, ready }) => ready || name === current)
    .sort((a, b) => Number(b.name === current) - Number(a.name === current));

/** VS Code sorts models by name and picks the first: the names let that be the agent's model, not one of another price. */
const information = ({ name, spec }: Model, current: string | null): LanguageModelChatInformation => ({
  id: name,
  name: pickerName(name.replace(/^[^:]*:/, ''), name === current),
  family: VENDOR,
  version: '1',
  maxInputTokens: spec.contextWindow,
  maxOutputTokens: spec.maxOutput,
  capabilities: { toolCalling: true },
});

const pickerName = (model: string, isCurrent: boolean): string =>
  isCurrent ? `Mazu (${model})` : l10n.t('Mazu with {0}', model);

/** A message as the server takes it. */
function message({ role, content }: LanguageModelChatRequestMessage): CallerMessage {
  const calls = content.filter((part) => part instanceof LanguageModelToolCallPart);
  const results = content.filter((part) => part instanceof LanguageModelToolResultPart);
  return {
    role: role === LanguageModelChatMessageRole.Assistant ? 'assistant' : 'user',
    text: textIn(content),
    calls: calls.map(({ callId, name, input }) => ({ id: callId, name, arguments: input as Record<string, unknown> })),
    results: results.map(({ callId, content: said }) => ({ callId, text: textIn(said) })),
  };
}

/** Without empty messages; neighbours of one role are one, as models want them. */
function joined(messages: CallerMessage[]): CallerMessage[] {
  const found: CallerMessage[] = [];
  for (const one of messages.filter(({ text, calls, results }) => text || calls.length || results.length)) {
    const before = found.at(-1);
    if (before?.role !== one.role) found.push(one);
    else {
      before.text = [before.text, one.text].filter(Boolean).join('\n\n');
      before.calls.push(...one.calls);
      before.results.push(...one.results);
    }
  }
  return found;
}

const textIn = (content: readonly unknown[]): string =>
  content.map((part) => (part instanceof LanguageModelTextPart ? part.value : '')).join('');
