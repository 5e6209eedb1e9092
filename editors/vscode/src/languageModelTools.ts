import {
  l10n,
  LanguageModelTextPart,
  type LanguageModelTool,
  LanguageModelToolResult,
  lm,
  MarkdownString,
} from 'vscode';
import type { App } from './app';
import { checkpointName, rollbackChanges, toBeRemembered } from './describe';
import { sentence } from './errors';
import type { AllCommands, CommandId, RollbackArgument } from './protocol';

/** Memory and checkpoints as tools for other agents in VS Code. Errors are written for the model. */
export function registerLanguageModelTools(app: App): void {
  if (typeof lm?.registerTool !== 'function') return; // editors built on VS Code may lack them
  const tool = <C extends CommandId>(
    name: string,
    command: C,
    title: string,
    question?: (input: AllCommands[C][0]) => string[] | Promise<string[]>,
    more: Partial<AllCommands[C][0]> = {},
  ) => {
    const implementation: LanguageModelTool<AllCommands[C][0]> = {
      prepareInvocation: async ({ input }) => ({
        invocationMessage: title,
        ...(question ? { confirmationMessages: { title, message: asWritten(await question(input)) } } : {}),
      }),
      invoke: async ({ input }, token) => {
        try {
          return text(JSON.stringify(await app.server.execute(command, { ...input, ...more }, token)));
        } catch (error) {
          throw new Error(`${name} failed: ${sentence(error)}`);
        }
      },
    };
    app.context.subscriptions.push(lm.registerTool(name, implementation));
  };
  tool('mazu_recall', 'mazu.recall', l10n.t('Recalling'));
  tool('mazu_remember', 'mazu.remember', l10n.t('Remember'), toBeRemembered);
  tool('mazu_checkpoint', 'mazu.checkpoint', l10n.t('Take a checkpoint'));
  tool('mazu_rollback', 'mazu.rollback', l10n.t('Roll back'), (input) => whatItWouldDo(app, input), KEEP);
}

/** What the question about a rollback says stays: nothing is asked a second time, out of sight of that chat. */
const KEEP = { onConflict: 'keep' } as const;

/** Where a rollback leads and what it does, so that the user agrees to that and not to an id. */
async function whatItWouldDo({ server }: App, input: RollbackArgument): Promise<string[]> {
  const general = l10n.t(
    'Code, open editors, memory and conversation go back to that checkpoint. What only you changed stays.',
  );
  try {
    const { checkpoint, plan } = await server.execute('mazu.rollback', { ...input, ...KEEP, preview: true });
    return [l10n.t('To “{0}”: {1}.', checkpointName(checkpoint), rollbackChanges(plan)), general];
  } catch (error) {
    return [general, sentence(error)]; // it is refused when it is tried, too
  }
}

/** Paragraphs that show a model's words and never what Markdown makes of them. */
const asWritten = (paragraphs: string[]): MarkdownString =>
  new MarkdownString(
    paragraphs
      .filter(Boolean)
      .map((text) => new MarkdownString().appendText(text).value)
      .join('\n\n'),
  );

const text = (value: string) => new LanguageModelToolResult([new LanguageModelTextPart(value)]);
