/** The wire contract (docs/protocol.md) as far as this extension uses it. */

import type { Range } from 'vscode-languageclient';

export const OPT_IN = {
  updates: true,
  permissions: true,
  save: true,
  context: ['diagnostics', 'definition', 'references', 'symbols'],
} as const;

export interface Attachment {
  uri: string;
  range?: Range;
}

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  steps: number;
  /** US dollars; null where a price is not known. */
  costUsd: number | null;
}

/** Why something went wrong, and what to do. */
export interface Failure {
  message: string;
  hint?: string;
}

export interface TurnStarted {
  sessionId: string;
  turnId: string;
}

export interface TurnResult extends TurnStarted {
  reply: string;
  stopReason: string;
  usage: Usage;
  error?: Failure | null;
}

export interface RunArgument {
  task: string;
  maxSteps?: number;
  maxCost?: number;
  maxSeconds?: number;
  checkpointEvery?: number;
  allowShell?: boolean;
  model?: string;
}

export interface CouncilResult {
  question: string;
  answers: { model: string; reply: string; error?: Failure | null }[];
  lead: string;
  synthesis: string;
  dissent: string;
  usage: Usage;
}

export interface Memory {
  id: string;
  scope: 'project' | 'global';
  category: string;
  title: string;
  body: string;
  tags: string[];
  pinned: boolean;
  state: 'current' | 'check' | 'superseded' | 'archived';
  source: string;
  createdAt: string;
  why?: string;
}

export interface Checkpoint {
  id: string;
  parentId: string | null;
  createdAt: string;
  label: string;
  kind: string;
  files: { added: number; modified: number; deleted: number };
  memories: { added: number; changed: number; removed: number };
}

export interface Reasoned {
  path: string;
  reason: string;
}

/** Paths are relative to the folder; `buffers` are URIs. */
export interface RollbackPlan {
  write: string[];
  delete: string[];
  buffers: string[];
  keep: Reasoned[];
  conflicts: Reasoned[];
}

export interface RollbackResult {
  checkpoint: Checkpoint;
  safety: Checkpoint | null;
  plan: RollbackPlan;
  applied: boolean;
  verified: boolean;
  problems: Reasoned[];
}

export type Part = 'code' | 'memory' | 'conversation' | 'skills';

export interface RollbackArgument {
  id: string;
  preview?: boolean;
  only?: Part[];
  onConflict?: 'ask' | 'overwrite' | 'keep';
}

export interface Session {
  id: string;
  name: string;
  updatedAt: string;
  turnCount: number;
  state: 'running' | 'waiting' | 'idle' | 'ended';
}

/** Hunk number `hunk` of `of` that waits for the user; `range` holds the lines that would go. */
export interface Proposal {
  id: string;
  uri: string;
  path: string;
  kind: 'edit' | 'create' | 'delete';
  state: 'open' | 'stale';
  hunk: number;
  of: number;
  range: Range;
  diff: string;
}

export interface Model {
  name: string;
  /** Its key is there, or it needs none. */
  ready: boolean;
  /** Both in tokens. */
  spec: { contextWindow: number; maxOutput: number };
}

export interface Status {
  model: string | null;
  mode: string;
  running: { sessionId: string; state: 'running' | 'waiting' }[];
}

/** Argument and result of each command of the server. */
export interface Commands {
  'mazu.chat': [
    { message?: string; sessionId?: string; attachments?: Attachment[]; model?: string; wait?: boolean },
    TurnResult,
  ];
  'mazu.run': [RunArgument & { wait: true }, TurnResult];
  'mazu.ask': [{ question: string; attachments?: Attachment[]; wait: true }, { reply: string; usage: Usage }];
  'mazu.council': [{ question: string; models?: string[]; attachments?: Attachment[]; wait: true }, CouncilResult];
  'mazu.cancel': [{ sessionId?: string }, { cancelled: boolean }];
  'mazu.session.list': [Record<string, never>, { sessions: Session[] }];
  'mazu.session.new': [Record<string, never>, Session];
  'mazu.session.delete': [{ sessionId: string }, unknown];
  'mazu.undo': [{ sessionId?: string }, RollbackResult];
  'mazu.remember': [
    { title: string; body?: string; category?: string; scope?: string; anchors?: Attachment[] },
    { memory: Memory; outcome: 'created' | 'duplicate' | 'superseded' },
  ];
  'mazu.recall': [{ query: string; limit?: number; uri?: string }, { memories: Memory[] }];
  'mazu.memory.list': [{ limit?: number }, { memories: Memory[]; total: number }];
  'mazu.memory.forget': [{ id: string; scope?: string }, { forgotten: Memory }];
  'mazu.checkpoint': [{ label?: string }, Checkpoint];
  'mazu.checkpoint.list': [{ limit?: number }, { checkpoints: Checkpoint[]; current: string | null }];
  'mazu.checkpoint.diff': [{ id: string; against?: string; paths?: string[] }, { patch: string }];
  'mazu.rollback': [RollbackArgument, RollbackResult];
  'mazu.proposal.list': [Record<string, never>, { proposals: Proposal[] }];
  'mazu.proposal.accept': [{ ids: string[] }, { accepted: string[]; problems: string[] }];
  'mazu.proposal.reject': [{ ids: string[]; note?: string }, { rejected: string[] }];
  'mazu.models.list': [Record<string, never>, { models: Model[]; current: string | null }];
  'mazu.models.set': [{ model: string }, unknown];
  'mazu.permissions.mode': [{ mode: string }, unknown];
  'mazu.status': [Record<string, never>, Status];
}

export type CommandId = keyof Commands;

export type Update =
  | { kind: 'message' | 'thought'; text: string }
  | { kind: 'tool_call'; callId: string; tool: string; title: string; arguments: unknown }
  | { kind: 'tool_result'; callId: string; ok: boolean; summary: string; diff?: string | null }
  | { kind: 'retry'; attempt: number; seconds: number; reason: string }
  | { kind: 'checkpoint'; checkpointId: string; label: string }
  | { kind: 'memory'; memoryId: string; outcome: string; title: string }
  | { kind: 'usage'; usage: Usage }
  | { kind: 'state'; state: 'running' | 'waiting' | 'done'; usage?: Usage };

export interface SessionUpdate extends TurnStarted {
  seq: number;
  update: Update;
}

export interface Changed {
  what: string[];
}

export interface PermissionRequest {
  sessionId: string;
  callId: string;
  tool: string;
  title: string;
  detail: string;
  diff?: string | null;
  options: { id: string; label: string; kind: 'allow_once' | 'allow_session' | 'allow_always' | 'deny' }[];
}

export interface PermissionReply {
  optionId: string;
  /** What the model is to hear of a refusal. */
  note?: string;
}

export interface SaveRequest {
  uris: string[];
}

export interface SaveReply {
  saved: string[];
  failed: string[];
}
