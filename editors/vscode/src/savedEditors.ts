import {
  commands,
  type ExtensionContext,
  type TextDocument,
  TabInputText,
  TabInputTextDiff,
  Uri,
  window,
  workspace,
} from 'vscode';
import type { RollbackResult } from './protocol';
import type { Server } from './server';

/**
 * An undo or rollback that put a file and its editor back leaves them equal, and VS Code marks the editor as unsaved all
 * the same. It reads the file again for the editor that is shown; there is no call for others: their mark goes when
 * they are saved.
 */
export function clearMarkOfSaved(context: ExtensionContext, server: Server): void {
  context.subscriptions.push(
    server.onAnswered(({ answer }) => {
      const { applied, plan } = (answer ?? {}) as Partial<RollbackResult>;
      if (applied && plan?.buffers?.length) void clear(plan.buffers);
    }),
  );
}

async function clear(uris: readonly string[]): Promise<void> {
  const document = window.activeTextEditor?.document;
  if (!document?.isDirty || !uris.some((uri) => Uri.parse(uri).toString() === document.uri.toString())) return;
  const { version } = document;
  const saved = await workspace.decode(await workspace.fs.readFile(document.uri), { uri: document.uri });
  const isSame = document.version === version && saved === document.getText();
  if (isSame && isShown(document)) await commands.executeCommand('workbench.action.files.revert');
}

/** Whether the command, which takes no argument, would be about this document. */
function isShown({ uri }: TextDocument): boolean {
  const input = window.tabGroups.activeTabGroup.activeTab?.input;
  const shown =
    input instanceof TabInputTextDiff ? input.modified : input instanceof TabInputText ? input.uri : undefined;
  return shown?.toString() === uri.toString();
}
