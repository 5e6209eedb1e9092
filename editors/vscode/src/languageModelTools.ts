import { l10n, LanguageModelTextPart, type LanguageModelTool, LanguageModelToolResult, lm } from 'vscode';
import type { App } from './app';
import { sentence } from './errors';
import type { AllCommands, CommandId } from './protocol';

/** Memory and checkpoints as tools for other agents in VS Code. Errors are written for the model. */
export function registerLanguageModelTools(app: App): void {
  if (typeof lm?.registerTool !== 'function') return; // editors built on VS Code may lack them
  const tool = <C extends CommandId>(
    name: string,
    command: C,
    title: string,
    question?: (input: AllCommands[C][0]) => string,
  ) => {
    const implementation: LanguageModelTool<AllCommands[C][0]> = {
      prepareInvocation: ({ input }) => ({
        invocationMessage: title,
        ...(question ? { confirmationMessages: { title, message: question(input) } } : {}),
      }),
      invoke: async ({ input }, token) => {
        try {
          return text(JSON.stringify(await app.server.execute(command, input, token)));
        } catch (error) {
          throw new Error(`${name} failed: ${sentence(error)}`);
        }
      },
    };
    app.context.subscriptions.push(lm.registerTool(name, implementation));
  };
  tool('mazu_recall', 'mazu.recall', l10n.t('Recalling'));
  tool('mazu_remember', 'mazu.remember', l10n.t('Remember'), ({ title }) => title);
  tool('mazu_checkpoint', 'mazu.checkpoint', l10n.t('Take a checkpoint'));
  tool('mazu_rollback', 'mazu.rollback', l10n.t('Roll back'), () =>
    l10n.t('Code, open editors, memory and conversation go back to that checkpoint. What only you changed stays.'),
  );
}

const text = (value: string) => new LanguageModelToolResult([new LanguageModelTextPart(value)]);
