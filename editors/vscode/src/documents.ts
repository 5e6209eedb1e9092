import { Uri, workspace } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { SaveReply, SaveRequest } from './protocol';

/** Answers `mazu/documents/save`: the buffers that the agent changed are written before a command runs. */
export function answerSaves(client: LanguageClient): void {
  client.onRequest('mazu/documents/save', async ({ uris }: SaveRequest): Promise<SaveReply> => {
    const reply: SaveReply = { saved: [], failed: [] };
    for (const uri of uris) (await save(Uri.parse(uri))) ? reply.saved.push(uri) : reply.failed.push(uri);
    return reply;
  });
}

async function save(uri: Uri): Promise<boolean> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return !open.isDirty || open.save();
  const notebook = workspace.notebookDocuments.find((document) => document.uri.toString() === uri.toString());
  return notebook === undefined || !notebook.isDirty || notebook.save();
}
