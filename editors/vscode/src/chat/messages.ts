/** What the chat's webview and the extension say to each other. */

import type { EventPage, PermissionReply, PermissionRequest, SessionUpdate } from '../updates';

/** Something that goes along with the next message. */
export interface Chip {
  id: string;
  kind: 'file' | 'folder' | 'selection' | 'symbol' | 'problems' | 'changes' | 'terminal' | 'memory' | 'image';
  label: string;
  uri?: string;
  range?: { start: { line: number; character: number }; end: { line: number; character: number } };
  /** Text that is written into the message, for what is no document. */
  text?: string;
}

export interface Completion {
  label: string;
  detail: string;
  icon: string;
  /** Chosen, it becomes a chip or replaces the typed word. */
  chip?: Chip;
  insert?: string;
}

/** What stands above and below the transcript. */
export interface ViewState {
  condition: 'untrusted' | 'starting' | 'running' | 'stopped';
  problem: string;
  model: string | null;
  mode: string;
  ready: boolean;
  contextWindow: number | null;
  folder: boolean;
}

export interface ModelChoice {
  name: string;
  detail: string;
  ready: boolean;
  current: boolean;
}

/** What going back to before a turn would do. */
export interface RewindPreview {
  turnId: string;
  write: string[];
  delete: string[];
  buffers: string[];
  conflicts: { path: string; reason: string }[];
  keep: { path: string; reason: string }[];
  problem?: string;
}

export type Part = 'code' | 'conversation' | 'both';

export type ToWebview =
  | { type: 'reset'; page: EventPage }
  | { type: 'more'; page: EventPage }
  | { type: 'updates'; updates: SessionUpdate[] }
  | { type: 'empty' }
  | { type: 'view'; view: ViewState }
  | { type: 'questions'; open: PermissionRequest[] }
  | { type: 'chips'; chips: Chip[] }
  | { type: 'completions'; request: number; items: Completion[] }
  | { type: 'models'; models: ModelChoice[] }
  | { type: 'preview'; preview: RewindPreview }
  /** All that a call gave back. */
  | { type: 'output'; callId: string; text: string }
  /** Puts text into the composer; `replaces` is taken out of it where it stands there alone. */
  | { type: 'compose'; text: string; replaces?: string }
  | { type: 'focus' }
  | { type: 'sending'; id: number }
  | { type: 'sent'; id: number; turn: { sessionId: string; turnId: string } | null }
  | { type: 'notice'; text: string; level: 'info' | 'error'; action?: NoticeAction };

/** A button of a notice: a command of the editor, or what the page says to the extension. */
export type NoticeAction = { title: string } & ({ command: string } | { say: FromWebview });

export type FromWebview =
  | { type: 'ready'; sessionId: string | null }
  /** `id` is in the `sent` that answers it. */
  | { type: 'send'; id: number; text: string; chips: Chip[]; queue: boolean }
  | {
      type: 'resend';
      id: number;
      turnId: string;
      last: boolean;
      text: string;
      parts: Part;
      onConflict?: 'keep' | 'overwrite';
    }
  | { type: 'stop' }
  | { type: 'answer'; callId: string; reply: PermissionReply }
  | { type: 'rewind'; turnId: string; last: boolean; parts: Part; onConflict?: 'keep' | 'overwrite' }
  | { type: 'preview'; turnId: string; last: boolean }
  | { type: 'output'; callId: string }
  | { type: 'fork'; turnId?: string }
  | { type: 'redo' }
  | { type: 'unqueue'; queueId: string }
  | { type: 'callDiff'; callId: string; path: string; diff: string }
  | { type: 'turnChanges'; turnId: string; diffs: { path: string; diff: string }[] }
  | { type: 'openFile'; path: string; line?: number }
  | { type: 'openLink'; href: string }
  | { type: 'openMemory'; id: string }
  | { type: 'complete'; request: number; sign: '@' | '/'; query: string }
  | { type: 'models' }
  | { type: 'model'; model: string }
  | { type: 'mode'; mode: string }
  | { type: 'image'; name: string; mime: string; base64: string }
  | { type: 'drop'; uris: string[] }
  | { type: 'insert'; text: string }
  | { type: 'copy'; text: string }
  | { type: 'rename'; name: string }
  | { type: 'command'; command: string; arguments?: unknown[] }
  | { type: 'fault'; message: string };
