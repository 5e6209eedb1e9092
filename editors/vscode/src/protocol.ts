/** What this extension needs of the wire (docs/protocol.md) beyond the generated types in wire.ts. */

import type { EventPage } from './updates';
import type * as wire from './wire';

export type {
  Checkpoint,
  CheckpointList,
  CouncilResult,
  ImportedProposal,
  McpServer,
  Memory,
  Proposal,
  Range,
  RollbackResult,
  Skill,
  Tool,
  TrustItem,
  Usage,
} from './wire';

/** A document, or a range of it. */
export type Attachment = wire.DocumentRange;
export type AttachedText = wire.AttachedText;
/** A message of another agent's conversation, for one call of our model. */
export type CallerMessage = Required<wire.CallerMessage>;
export type CheckpointContents = wire.CheckpointContents;
export type CheckpointDiff = wire.DiffResult;
export type Model = wire.Model;
export type Status = wire.Status;
export type Session = wire.SessionSummary;
export type TurnResult = wire.TurnResult;
export type RunArgument = wire.RunParams;
export type Reasoned = wire.PathReason;
export type RollbackPlan = wire.Plan;
export type RollbackArgument = wire.RollbackParams;
export type Part = NonNullable<wire.RollbackParams['only']>[number];
export type Rule = wire.PermissionRule;
/** What one turn changed; `before` and `after` are ids of checkpoints. */
export type TurnFiles = wire.TurnChanges;

export const OPT_IN = {
  updates: true,
  permissions: true,
  save: true,
  ownSettings: true,
  context: ['diagnostics', 'definition', 'references', 'symbols', 'encoding'],
} as const;

/** Commands whose answer depends on an argument, or is typed more closely by this extension. */
interface Narrowed {
  'mazu.chat': [wire.ChatParams, wire.TurnResult];
  'mazu.run': [wire.RunParams & { wait: true }, wire.TurnResult];
  'mazu.ask': [wire.AskParams & { wait: true }, wire.AskResult];
  'mazu.council': [wire.CouncilParams & { wait: true }, wire.CouncilResult];
  'mazu.session.compact': [wire.CompactParams & { wait: true }, wire.Session];
  'mazu.session.events': [wire.SessionEventsParams, EventPage];
}

/** Argument and result of each command of the server. */
export type AllCommands = Omit<wire.WireCommands, keyof Narrowed> & Narrowed;
export type CommandId = keyof AllCommands;

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
