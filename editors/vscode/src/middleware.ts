import { type CodeAction, CodeActionKind, type Command, Uri, ViewColumn, window, l10n } from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { isChat, place } from './editor';
import { attempt } from './errors';
import { below } from './settings';

const MORE_ACTIONS = CodeActionKind.Empty.append('mazu');

/** What the middleware needs from the server. */
export interface Source {
  settings(): Record<string, unknown>;
  sendSettings(): Promise<void>;
  execute(command: string, args: unknown[]): Promise<unknown>;
  /** Does it in a view of the extension instead, where that is where it belongs; undefined elsewhere. */
  inView(command: string, args: unknown[]): Promise<unknown> | undefined;
}

/** Where this client does something else than the library would. */
export function middleware(source: Source): Middleware {
  return {
    // The server's commands keep their own ids, for code actions and lenses. The library would say only that
    // "Request workspace/executeCommand failed"; the server's own sentence says what to do.
    executeCommand: (command, args) =>
      attempt(async () => {
        const complete = command === 'mazu.edit' && !args.length ? await askRewrite() : args;
        return complete && (source.inView(command, complete) ?? source.execute(command, complete));
      }),
    provideCodeActions: async (document, range, context, token, next) => {
      const actions = (await next(document, range, context, token)) ?? [];
      return context.only ? actions : actions.map(shownInLightBulb);
    },
    workspace: {
      configuration: async (params, token, next) => {
        const answers = (await next(params, token)) as unknown[];
        return params.items.map(({ section }, index) =>
          section && /^mazu(\.|$)/.test(section) ? below(source.settings(), section) : answers[index],
        );
      },
      didChangeConfiguration: () => source.sendSettings(),
    },
    window: {
      // A chat belongs beside the code it is about, never on top of it.
      showDocument: async (params, token, next) => {
        const uri = Uri.parse(params.uri);
        if (params.external || !isChat(uri)) return next(params, token);
        await showChat(uri, params.takeFocus === true);
        return { success: true };
      },
    },
  };
}

/** VS Code keeps source actions out of the light bulb's menu, where one looks for them on a selection. */
function shownInLightBulb<A extends Command | CodeAction>(action: A): A {
  if ('kind' in action && action.kind?.value === 'source') action.kind = MORE_ACTIONS;
  return action;
}

/** The code action "rewrite…" leaves it to the editor to ask what is to be done. */
async function askRewrite(): Promise<unknown[] | undefined> {
  const editor = window.activeTextEditor;
  if (!editor) return [];
  const { document, selection } = editor;
  const range = selection.isEmpty ? document.lineAt(selection.active).range : selection;
  const instruction = await window.showInputBox({
    title: selection.isEmpty ? l10n.t('Mazu: rewrite this line') : l10n.t('Mazu: rewrite the selection'),
    prompt: l10n.t('What to change'),
    ignoreFocusOut: true,
  });
  return instruction?.trim() ? [{ ...place(document.uri, range), instruction }] : undefined;
}

async function showChat(uri: Uri, focus: boolean): Promise<void> {
  const shown = window.visibleTextEditors.find((editor) => editor.document.uri.toString() === uri.toString());
  const free = window.activeTextEditor ? ViewColumn.Beside : ViewColumn.One;
  await window.showTextDocument(uri, { viewColumn: shown?.viewColumn ?? free, preserveFocus: !focus, preview: false });
}
