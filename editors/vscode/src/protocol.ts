/** The wire contract (docs/protocol.md) as far as this extension uses it. */

import type { EventPage, PermissionReply } from './updates';

export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export const OPT_IN = {
  updates: true,
  permissions: true,
  save: true,
  ownSettings: true,
  context: ['diagnostics', 'definition', 'references', 'symbols'],
} as const;

export interface Attachment {
  uri: string;
  range?: Range;
}

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens?: number;
  cacheWriteTokens?: number;
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
  edits?: { uri: string }[];
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
  answers: { model: string; reply: string; usage?: Usage | null; error?: Failure | null }[];
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
  anchors?: { path: string; range?: Range | null; state: string }[];
  why?: string;
}

export interface Checkpoint {
  id: string;
  parentId: string | null;
  createdAt: string;
  label: string;
  /** The user's words, where the server names it by them. */
  title?: string;
  pinned?: boolean;
  kind: string;
  sessionId?: string | null;
  turnId?: string | null;
  files: { added: number; modified: number; deleted: number };
  memories: { added: number; changed: number; removed: number };
}

export interface CheckpointDiff {
  patch: string;
  files: { path: string; status: 'added' | 'modified' | 'deleted'; added: number; removed: number }[];
  memories: object;
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
  paths?: string[];
  memories?: string[];
}

export interface Session {
  id: string;
  name: string;
  updatedAt: string;
  turnCount: number;
  state: 'running' | 'waiting' | 'idle' | 'ended';
  turns?: { id: string; message: string; reply: string }[];
}

export interface SessionMatch {
  sessionId: string;
  name: string;
  at: string;
  turnId: string;
  text: string;
}

/** What one turn changed; `before` and `after` are ids of checkpoints. */
export interface TurnFiles {
  turnId: string;
  before: string | null;
  after: string | null;
  files: {
    path: string;
    uri: string;
    status: 'added' | 'modified' | 'deleted';
    added: number;
    removed: number;
    hunks: { id: string; range: Range; diff: string }[];
  }[];
}

export interface Skill {
  name: string;
  description: string;
  scope: 'project' | 'global';
  uri: string;
  trust: 'new' | 'changed' | 'agreed';
}

/** Back to before a turn; without one, before the last. */
export interface UndoArgument {
  sessionId?: string;
  turnId?: string;
  code?: boolean;
  conversation?: boolean;
  memory?: boolean;
  preview?: boolean;
  onConflict?: 'ask' | 'keep' | 'overwrite';
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
  spec: {
    provider: string;
    contextWindow: number;
    maxOutput: number;
    prices: { input: number; output: number } | null;
  };
}

export interface Status {
  model: string | null;
  mode: string;
  running: { sessionId: string; state: 'running' | 'waiting' }[];
  mcpServers?: McpServer[];
}

export interface McpServer {
  name: string;
  state: 'not_agreed' | 'starting' | 'connected' | 'reconnecting' | 'failed' | 'stopped';
  tools: number;
  detail?: string | null;
}

export interface Tool {
  name: string;
  description: string;
  effect: string;
  source: string;
}

/** Those of the settings have no id. */
export interface Rule {
  id?: string | null;
  tool: string;
  pattern: string;
  verdict: 'allow' | 'ask' | 'deny';
  source: string;
}

/** Argument and result of each command of the server. */
export interface Commands {
  'mazu.chat': [
    {
      message?: string;
      sessionId?: string;
      attachments?: Attachment[];
      model?: string;
      queue?: boolean;
      wait?: boolean;
    },
    TurnResult,
  ];
  'mazu.run': [RunArgument & { wait: true }, TurnResult];
  'mazu.ask': [{ question: string; attachments?: Attachment[]; wait: true }, { reply: string; usage: Usage }];
  'mazu.council': [{ question: string; models?: string[]; attachments?: Attachment[]; wait: true }, CouncilResult];
  'mazu.cancel': [{ sessionId?: string }, { cancelled: boolean }];
  'mazu.session.list': [Record<string, never>, { sessions: Session[]; current: string | null }];
  'mazu.session.new': [{ name?: string }, Session];
  'mazu.session.delete': [{ sessionId: string }, unknown];
  'mazu.session.rename': [{ sessionId?: string; name: string }, Session];
  'mazu.session.search': [{ query: string; limit?: number }, { matches: SessionMatch[] }];
  'mazu.session.rewind': [{ sessionId?: string; turnId?: string; turns?: number }, Session];
  'mazu.session.fork': [{ sessionId?: string; turnId?: string; name?: string }, Session];
  'mazu.session.compact': [{ sessionId?: string; wait: true }, Session];
  'mazu.session.transcript': [{ sessionId?: string; uri?: string }, { text: string | null; uri: string | null }];
  'mazu.session.queue': [{ sessionId?: string; remove?: string }, { queued: { queueId: string; text: string }[] }];
  'mazu.session.events': [{ sessionId?: string; after?: number; limit?: number }, EventPage];
  'mazu.undo': [UndoArgument, RollbackResult];
  'mazu.turn.changes': [{ sessionId?: string; turnId?: string }, TurnFiles];
  'mazu.turn.revert': [{ sessionId?: string; turnId?: string; paths?: string[]; hunks?: string[] }, RollbackResult];
  'mazu.remember': [
    { title: string; body?: string; category?: string; scope?: string; anchors?: Attachment[] },
    { memory: Memory; outcome: 'created' | 'duplicate' | 'superseded' },
  ];
  'mazu.recall': [{ query: string; limit?: number; uri?: string }, { memories: Memory[]; onlyNearest?: boolean }];
  'mazu.memory.list': [{ limit?: number }, { memories: Memory[]; total: number }];
  'mazu.memory.forget': [{ id: string; scope?: string }, { forgotten: Memory }];
  'mazu.checkpoint': [{ label?: string }, Checkpoint];
  'mazu.checkpoint.list': [{ limit?: number }, { checkpoints: Checkpoint[]; current: string | null }];
  'mazu.checkpoint.diff': [{ id: string; against?: string; paths?: string[] }, CheckpointDiff];
  'mazu.session.show': [{ sessionId: string; turns?: number }, Session];
  'mazu.checkpoint.pin': [{ id: string }, Checkpoint];
  'mazu.checkpoint.unpin': [{ id: string }, Checkpoint];
  'mazu.checkpoint.file': [{ id: string; path: string }, { text: string | null; binary: boolean; exists: boolean }];
  'mazu.rollback': [RollbackArgument, RollbackResult];
  'mazu.proposal.list': [Record<string, never>, { proposals: Proposal[] }];
  'mazu.proposal.accept': [{ ids: string[] }, { accepted: string[]; problems: string[] }];
  'mazu.proposal.reject': [{ ids: string[]; note?: string }, { rejected: string[] }];
  'mazu.models.list': [Record<string, never>, { models: Model[]; current: string | null }];
  'mazu.models.set': [{ model: string }, unknown];
  'mazu.skills.list': [Record<string, never>, { skills: Skill[] }];
  'mazu.tools.list': [Record<string, never>, { tools: Tool[] }];
  'mazu.permissions.list': [Record<string, never>, { mode: string; rules: Rule[] }];
  'mazu.permissions.revoke': [{ id: string }, unknown];
  'mazu.memory.update': [{ id: string; scope?: string; pinned?: boolean }, { memory: Memory }];
  'mazu.permissions.mode': [{ mode: string; confirm?: string }, unknown];
  'mazu.permissions.answer': [PermissionReply & { callId: string }, { answered: boolean }];
  'mazu.status': [Record<string, never>, Status];
}

export type CommandId = keyof AllCommands;

/** Commands that a server of this version may not have yet. */
export interface LaterCommands {
  'mazu.redo': [{ sessionId?: string }, RollbackResult];
}

export type AllCommands = Commands & LaterCommands;

export interface Changed {
  what: string[];
}

export interface SaveRequest {
  uris: string[];
}

export interface SaveReply {
  saved: string[];
  failed: string[];
}
