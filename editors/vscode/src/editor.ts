import { window } from 'vscode';
import { isChat } from './middleware';
import type { Attachment } from './protocol';

/** The selection in the active editor, as the server takes it; undefined where nothing is selected. */
export function selection(): { attachment: Attachment; text: string } | undefined {
  const editor = window.activeTextEditor;
  if (!editor || editor.selection.isEmpty || isChat(editor.document.uri)) return undefined;
  const { start, end } = editor.selection;
  const range = {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
  return {
    attachment: { uri: editor.document.uri.toString(), range },
    text: editor.document.getText(editor.selection),
  };
}

/** The selection as the only attachment, or none. */
export function attachments(): { attachments?: Attachment[] } {
  const selected = selection();
  return selected ? { attachments: [selected.attachment] } : {};
}
