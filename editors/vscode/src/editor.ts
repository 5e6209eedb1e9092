import { type Range, type Uri, window } from 'vscode';
import type { Attachment } from './protocol';

const CHAT = /\/\.mazu\/chats\/[^/]+\.md$/;

export const isChat = (uri: Uri): boolean => CHAT.test(uri.path);

/** A range of a document, as the server takes it. */
export function place(uri: Uri, { start, end }: Range) {
  const range = {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
  return { uri: uri.toString(), range };
}

/** The selection in the active editor, as the server takes it; undefined where nothing is selected. */
export function selection(): { attachment: Attachment; text: string } | undefined {
  const editor = window.activeTextEditor;
  if (!editor || editor.selection.isEmpty || isChat(editor.document.uri)) return undefined;
  return {
    attachment: place(editor.document.uri, editor.selection),
    text: editor.document.getText(editor.selection),
  };
}

/** The selection as the only attachment, or none. */
export function attachments(): { attachments?: Attachment[] } {
  const selected = selection();
  return selected ? { attachments: [selected.attachment] } : {};
}
