/** What a session's journal says, as `mazu.session.events` and `mazu/session/update` send it (docs/protocol.md). */

import type { Usage } from './protocol';

export type OptionKind = 'allow_once' | 'allow_session' | 'allow_always' | 'deny' | 'choice';

export interface QuestionOption {
  id: string;
  label: string;
  kind: OptionKind;
}

export interface QuestionHunk {
  id: string;
  diff: string;
}

/** A tool call that waits for the user. */
export interface Question {
  callId: string;
  tool: string;
  title: string;
  detail: string;
  diff?: string | null;
  hunks?: QuestionHunk[] | null;
  options: QuestionOption[];
  /** The pattern that "always" would allow. */
  rule?: string | null;
  /** Names of the arguments that the user may change before allowing. */
  editable?: string[] | null;
  /** Why it is asked, in the server's own words. */
  reason?: string | null;
}

/** A question as the server asks it of this client. */
export interface PermissionRequest extends Question {
  sessionId: string;
  arguments?: Record<string, unknown>;
}

export interface PermissionReply {
  optionId: string;
  /** What the model is to hear of a refusal. */
  note?: string;
  /** Arguments that the user changed; the policy judges them anew. */
  arguments?: Record<string, string>;
  /** Ids of the hunks that may be applied; all where it is left out. */
  hunks?: string[];
}

export interface AttachedPlace {
  path?: string;
  /** Of a text that is no file. */
  name?: string;
  range?: { start: { line: number; character: number }; end: { line: number; character: number } } | null;
}

export interface TurnChanges {
  files: number;
  added: number;
  removed: number;
  /** What commands changed is not among them. */
  uncounted?: boolean;
}

export type Update =
  | { kind: 'user'; text: string; shown?: string | null; attachments?: AttachedPlace[] }
  | { kind: 'turn'; turnKind: string; model: string; memories?: { id: string; title: string }[] }
  | { kind: 'reply'; text: string; thought?: string | null }
  | { kind: 'message' | 'thought'; text: string }
  | { kind: 'restart' }
  | { kind: 'retry'; attempt: number; seconds: number; reason: string }
  | { kind: 'tool_call'; callId: string; tool: string; verb: string; title: string; arguments: unknown }
  | { kind: 'tool_output'; callId: string; text: string }
  | { kind: 'tool_result'; callId: string; ok: boolean; summary: string; diff?: string | null }
  | { kind: 'checkpoint'; checkpointId: string; checkpointKind: string; label: string }
  | { kind: 'memory'; memoryId: string; outcome: string; title: string }
  | { kind: 'usage'; usage: Usage }
  | { kind: 'named'; name: string }
  | { kind: 'model'; model: string }
  | { kind: 'compacted'; summary: string }
  | ({ kind: 'question' } & Question)
  | { kind: 'question_closed'; callId: string; verdict: string; by?: string | null }
  | {
      kind: 'decision';
      callId: string;
      verdict: string;
      by: string;
      reason?: string | null;
      /** Where the user changed them. */
      arguments?: Record<string, unknown>;
    }
  | { kind: 'queued'; queueId: string; text: string }
  | { kind: 'dequeued'; queueId: string }
  | { kind: 'head'; head: number | null }
  | TurnState;

export interface TurnState {
  kind: 'state';
  state: 'running' | 'waiting' | 'done' | 'ended';
  stopReason?: string;
  reply?: string;
  usage?: Usage;
  detail?: string;
  changes?: TurnChanges | null;
  checkpoints?: string[];
  error?: TurnError | null;
}

export interface TurnError {
  kind: string;
  message: string;
  hint?: string;
}

export interface SessionUpdate {
  sessionId: string;
  turnId: string | null;
  seq: number;
  journalSeq?: number;
  at?: string;
  update: Update;
}

export interface SessionEvent {
  seq: number;
  parent: number | null;
  at: string;
  turnId: string | null;
  live: boolean;
  update: Update;
}

export interface EventPage {
  sessionId: string;
  name: string;
  head: number | null;
  last: number;
  events: SessionEvent[];
  next: number | null;
  /** `seq` of the last update that was sent before this answer. */
  updates: number;
  partial: { message: string; thought: string } | null;
  state: 'running' | 'waiting' | 'idle' | 'ended';
}
