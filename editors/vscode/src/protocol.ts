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

export interface TurnStarted {
  sessionId: string;
  turnId: string;
}

export interface TurnResult extends TurnStarted {
  reply: string;
  stopReason: string;
  usage: Usage;
  error?: string | { message: string } | null;
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
  answers: { model: string; reply: string; error?: string | { message: string } | null }[];
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

export type PlanEntry = string | { path: string; reason?: string };

export interface RollbackPlan {
  write: PlanEntry[];
  delete: PlanEntry[];
  buffers: PlanEntry[];
  keep: PlanEntry[];
  conflicts: PlanEntry[];
}

export interface RollbackResult {
  checkpoint: Checkpoint;
  safety: Checkpoint | null;
  plan: RollbackPlan;
  applied: boolean;
  verified: boolean;
  problems: unknown[];
}

export interface Session {
  id: string;
  name?: string | null;
  title?: string | null;
  turns?: number | unknown[];
  updatedAt?: string | null;
  running?: boolean;
}

export interface Status {
  model: string | null;
  mode: string;
}

/** Argument and result of each command of the server. */
export interface Commands {
  'mazu.chat': [
    { message?: string; sessionId?: string; attachments?: Attachment[]; model?: string; wait?: boolean },
    TurnResult,
  ];
  'mazu.run': [RunArgument, TurnStarted];
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
  'mazu.rollback': [
    { id?: string; preview?: boolean; onConflict?: 'ask' | 'overwrite' | 'keep' },
    RollbackResult,
  ];
  'mazu.models.list': [Record<string, never>, { models: (string | { name: string; id?: string })[]; current: string | null }];
  'mazu.models.set': [{ model: string }, unknown];
  'mazu.permissions.mode': [{ mode: string }, unknown];
  'mazu.status': [Record<string, never>, Status];
}

export type CommandId = keyof Commands;

export type Update =
  | { kind: 'message' | 'thought'; text: string }
  | { kind: 'tool_call'; callId: string; tool: string; title: string; arguments: unknown }
  | { kind: 'tool_result'; callId: string; ok: boolean; summary: string; diff?: string | null }
  | { kind: 'checkpoint'; checkpoint?: Checkpoint; id?: string }
  | { kind: 'memory' }
  | { kind: 'usage'; usage?: Usage; costUsd?: number | null }
  | { kind: 'state'; state: 'running' | 'waiting' | 'done' };

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
}

export interface SaveRequest {
  uris: string[];
}

export interface SaveReply {
  saved: string[];
  failed: string[];
}
