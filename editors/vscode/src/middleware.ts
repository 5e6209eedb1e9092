import { Uri, ViewColumn, window } from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { attempt } from './errors';
import { below } from './settings';

const CHAT = /[/\\]\.mazu[/\\]chats[/\\]/;

/** What the middleware needs from the server. */
export interface Source {
  settings(): Record<string, unknown>;
  sendSettings(): Promise<void>;
  execute(command: string, args: unknown[]): Promise<unknown>;
}

export const isChat = (uri: Uri): boolean => CHAT.test(uri.path);

/** Where this client does something else than the library would. */
export function middleware(source: Source): Middleware {
  return {
    // The server's commands keep their own ids, for code actions and lenses. The library would say only that
    // "Request workspace/executeCommand failed"; the server's own sentence says what to do.
    executeCommand: (command, args) => attempt(() => source.execute(command, args)),
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

async function showChat(uri: Uri, focus: boolean): Promise<void> {
  const shown = window.visibleTextEditors.find((editor) => editor.document.uri.toString() === uri.toString());
  const free = window.activeTextEditor ? ViewColumn.Beside : ViewColumn.One;
  await window.showTextDocument(uri, { viewColumn: shown?.viewColumn ?? free, preserveFocus: !focus, preview: false });
}
