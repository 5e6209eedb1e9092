/** Arguments and results of every command (docs/protocol.md). Written by `make generate` from mazu_ls/server/wire: do not edit. */

/** `problems` say why others were not accepted. */
export interface AcceptResult {
  accepted: string[];
  problems: string[];
}

/** `count` messages are searchable from now on; `proposals` are new and wait to be accepted. */
export interface AgentImportResult {
  count: number;
  files: number;
  unchanged: number;
  proposals: number;
  problems: string[];
}

/** `hash` is the SHA-256 that mazu.trust.list named: the content that the user has read. */
export interface AgreeToTrustParams {
  /** An id. */
  id: string;
  /** The hash that `mazu-ls trust` shows. */
  hash: string;
}

/** What a memory is about. */
export interface Anchor {
  path: string;
  symbol: string;
  range: Range | null;
  state: 'fresh' | 'moved' | 'stale';
}

/**
 * The id of one of the options of a question that is open; `callId`: the one about this call.
 *
 * `arguments` replace those of the same name, of the hunks of an edit those in `hunks` are taken.
 */
export interface AnswerQuestionParams {
  optionId?: string | null;
  callId?: string | null;
  note?: string;
  arguments?: Record<string, string> | null;
  hunks?: string[] | null;
}

/** `open`: the question that is asked, where this answered none. */
export interface AnswerResult {
  answered: boolean;
  open: Question | null;
}

export interface AskParams {
  /** The question. */
  question: string;
  /** Documents, or ranges of them. */
  attachments?: DocumentRange[];
  /** Texts that are no documents. */
  texts?: AttachedText[];
  /** Provider:model. */
  model?: string | null;
  wait?: boolean;
}

/** What `mazu.ask` found out. */
export interface AskResult {
  reply: string;
  usage: Usage;
}

/** The path at which the project was. */
export interface AttachStateParams {
  /** Its former path; the one found if not given. */
  from?: string | null;
}

/**
 * `attached`: former path of the project whose state was taken over; null if this project kept its own state.
 *
 * `setAside`: where what this one had until then is kept; null where it had nothing.
 */
export interface AttachedState {
  attached: string | null;
  setAside: string | null;
}

/** A text that is no document, such as the output of a terminal, and what it is called. */
export interface AttachedText {
  name: string;
  text: string;
}

/** One tool call: what was asked for, who decided how, what came of it; `answeredIn`: the client in which the user decided. */
export interface AuditEntry {
  at: string;
  sessionId: string;
  tool: string;
  arguments: Record<string, unknown>;
  verdict: string;
  reason: string;
  decidedBy: string;
  outcome: string;
  answeredIn: string | null;
}

export interface AuditParams {
  /** Return at most this many. */
  limit?: number;
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
}

/** Newest first; secrets are redacted. */
export interface AuditReport {
  entries: AuditEntry[];
}

export interface CallOutputParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** The `callId` of a tool call that ended. The last one if not given. */
  callId?: string | null;
}

/** What a tool call gave back, as the model read it. `ok` is false where it failed. */
export interface CallOutput {
  text: string;
  ok: boolean;
}

/** `calls` are of an assistant's message, `results` of a user's. */
export interface CallerMessage {
  role: 'assistant' | 'user';
  text?: string;
  calls?: RequestedCall[];
  results?: ReturnedResult[];
}

export interface CancelResult {
  cancelled: boolean;
}

/** `added` and `removed` are null, and `hunks` empty, for a binary file. */
export interface ChangedFile {
  path: string;
  uri: string;
  status: 'added' | 'deleted' | 'modified';
  added: number | null;
  removed: number | null;
  hunks: ChangedHunk[];
}

/** `range` are whole lines of the text after the turn; `diff` has the lines that went and came. */
export interface ChangedHunk {
  id: string;
  range: Range;
  diff: string;
}

export interface ChatParams {
  message?: string | null;
  sessionId?: string | null;
  attachments?: DocumentRange[];
  texts?: AttachedText[];
  /** Id of a turn of this session: what its message had attached goes along again. */
  resend?: string | null;
  model?: string | null;
  queue?: boolean;
  wait?: boolean;
}

/** What would be decided about this call; nothing is run. */
export interface CheckPermissionParams {
  /** The name of a tool, such as run_shell. */
  tool: string;
  /** What it would be called with. */
  arguments: Record<string, unknown>;
  /** A permission mode. */
  mode?: 'ask' | 'auto' | 'bypass' | 'plan' | null;
}

/** `total`: how many files have the query in their path. Memories are those of the project. */
export interface CheckpointContents {
  files: string[];
  total: number;
  memories: HeldMemory[];
}

/** `path`: as diffs and plans show it. */
export interface CheckpointFileParams {
  /** An id. */
  id: string;
  /** As the diff shows it. */
  path: string;
}

export interface CheckpointIdParams {
  /** An id. */
  id: string;
}

/** Newest first; `current` is the one whose state the project was last brought to or taken at. */
export interface CheckpointList {
  checkpoints: Checkpoint[];
  current: string | null;
}

export interface CheckpointParams {
  /** A label by which to find it again. */
  label?: string;
}

/**
 * `reason` where checkpoints are not `available`. `bytes` on the disk, at most `maxBytes`.
 *
 * `damaged`: what was quarantined; `rescued`: files that were saved from being overwritten.
 */
export interface CheckpointStatus {
  available: boolean;
  reason?: string;
  count?: number;
  bytes?: number;
  maxBytes?: number;
  current?: string | null;
  damaged?: string[];
  rescued?: string[];
}

/**
 * One restorable state; `skipped` are the files it does not hold, which no rollback to it touches.
 *
 * `title`: the user's words and what it is, never an id. `complete` false: what other programs changed may be missing.
 */
export interface Checkpoint {
  id: string;
  parentId: string | null;
  createdAt: string;
  label: string;
  kind: 'baseline' | 'compaction' | 'manual' | 'safety' | 'step';
  sessionId: string | null;
  turnId: string | null;
  commit: string;
  files: FileCounts;
  memories: MemoryCounts;
  bytes: number;
  skipped: SkippedFile[];
  pinned: boolean;
  complete: boolean;
  title: string;
}

/** The hunks of these ids, or those of a document; without either all of them. */
export interface ChooseHunksParams {
  /** Ids; all if none is given. */
  ids?: string[] | null;
  /** Only those of this file. */
  uri?: string | null;
}

/** `uri`: the file to roll back; without it everything. */
export interface ChoosePointParams {
  uri?: string | null;
}

export interface CompactParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  wait?: boolean;
}

/** `pid` is null where the client did not say. */
export interface ConnectedClient {
  kind: 'editor' | 'terminal';
  name: string;
  pid: number | null;
  since: string;
}

/** Without `ids` all open ones of the last time are applied or dismissed. */
export interface ConsolidateParams {
  /** Ids of proposals; show these alone. */
  ids?: string[];
  /** Do what was proposed, as it was shown. */
  apply?: boolean;
  /** Do not propose it again. */
  dismiss?: boolean;
  /** Show what was found the last time. */
  last?: boolean;
}

/**
 * One thing that consolidation would do: archive `ids` (`keep` stays), or write `text` as the page `slug` or the role.
 *
 * `titles` are those of `ids`, then of `keep`. `stale`: it was not applied, since what it is about changed.
 */
export interface ConsolidationProposal {
  id: string;
  state: 'applied' | 'dismissed' | 'open' | 'stale';
  kind: string;
  titles: string[];
  ids: string[];
  reason: string;
  keep: string | null;
  slug: string | null;
  text: string | null;
}

/**
 * What was proposed and, where `applied`, what was archived and written; `digest` says it in a few lines. `notApplied`: ids of
 * what was to be applied and is not, since what it is about changed.
 */
export interface ConsolidationResult {
  proposals: ConsolidationProposal[];
  archived: Memory[];
  pages: Memory[];
  applied: boolean;
  digest: string;
  notApplied: string[];
  at: string | null;
}

/** `query`: only files whose path has this in it, in upper or lower case; at most `limit` of them. */
export interface ContentsParams {
  /** An id. */
  id: string;
  /** Only files with this in their path. */
  query?: string;
  /** Return at most this many. */
  limit?: number;
}

/** What one member said, or why it said nothing. */
export interface CouncilAnswer {
  model: string;
  reply: string;
  usage: Usage;
  error: Error | null;
}

export interface CouncilParams {
  /** The question. */
  question: string;
  /** A model to ask; at least two. */
  models?: string[];
  /** The model that compares the answers. */
  lead?: string | null;
  /** Documents, or ranges of them. */
  attachments?: DocumentRange[];
  wait?: boolean;
}

/** `synthesis` is the lead's comparison and recommendation; `error` is set where the lead failed. */
export interface CouncilResult {
  question: string;
  answers: CouncilAnswer[];
  lead: string;
  synthesis: string;
  dissent: string;
  usage: Usage;
  error: Error | null;
}

/** `ids`, or `all` that wait. */
export interface DecideProposalsParams {
  /** Ids of proposals, as they are listed. */
  ids?: string[];
  /** All that are waiting. */
  all?: boolean;
}

/** `memories` are the new ones, `duplicates` how many were known; `left` wait. `notes` name what the new ones replaced or contradict. */
export interface DecidedProposals {
  memories: Memory[];
  duplicates: number;
  rejected: number;
  left: number;
  notes: string[];
}

export interface DeleteSessionParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** It cannot be restored. */
  forGood?: boolean;
}

export interface DeleteTraitParams {
  /** Its name. */
  key: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
}

/** What is left after a deletion; `restorableUntil` is null where it was for good. */
export interface DeletedSessionList {
  sessions: SessionSummary[];
  current: string | null;
  restorableUntil: string | null;
}

/** `against`: "now" or another checkpoint. */
export interface DiffParams {
  /** An id. */
  id: string;
  /** Another id; now if not given. */
  against?: string;
  /** Only these files or folders. */
  paths?: string[];
}

/** `memories` names what was added, changed and removed; `patch` is a git patch, cut where `truncated`. */
export interface DiffResult {
  files: FileDiff[];
  memories: Record<string, unknown>;
  patch: string;
  truncated: boolean;
}

/** A document, or the given range of it. */
export interface DocumentRange {
  uri: string;
  range?: Range | null;
}

export interface EditParams {
  uri: string;
  range: Range;
  /** How to change them. */
  instruction: string;
  /** Provider:model. */
  model?: string | null;
  wait?: boolean;
}

/** Why a turn ended in an error. */
export interface Error {
  kind: string;
  message: string;
  hint: string;
}

/** A page of a session's events. `updates` is the `seq` of the last `mazu/session/update` of the same moment. */
export interface EventPage {
  sessionId: string;
  name: string;
  head: number;
  last: number;
  events: Event[];
  next: number | null;
  updates: number;
  partial: PartialMessage | null;
  state: string;
}

/** One stored event. `live`: it is on the way from the root of the conversation to `head`. */
export interface Event {
  seq: number;
  parent: number;
  at: string;
  turnId: string | null;
  live: boolean;
  update: Record<string, unknown>;
}

/** `uri` and `range`: what would be attached to the message. */
export interface ExplainInjectionParams {
  /** The message. */
  message: string;
  uri?: string | null;
  range?: Range | null;
}

/** `uri`: a Markdown file or a folder. `scope`: whose memory; without it the project's, and global memory where no project is open. */
export interface ExportImportParams {
  /** A file or folder. */
  uri: string;
  /** Write the memory of this project (the default), of all projects, or both. */
  scope?: 'all' | 'global' | 'project' | null;
}

/** `uri`: the file to write; one that exists is replaced only with `overwrite`. */
export interface ExportStateParams {
  /** The file to write. */
  uri: string;
  /** Replace a file of that name. */
  overwrite?: boolean;
}

/** How many memories were written, and where; `leftOut` counts those of all projects where `scope` named no store. */
export interface ExportedMemories {
  count: number;
  uri: string;
  leftOut: number;
}

export interface ExportedState {
  uri: string;
  bytes: number;
  memories: number;
  sessions: number;
  checkpoints: number;
  /** Ignored or too large files whose earlier content an undo restores here, but not from this file. */
  notIncluded: number;
}

export interface FileCounts {
  added: number;
  modified: number;
  deleted: number;
}

/** Lines added and removed; null where the file is binary. */
export interface FileDiff {
  path: string;
  status: 'added' | 'deleted' | 'modified';
  added: number | null;
  removed: number | null;
}

/** Lines added and removed in one document by a turn. */
export interface FileEdit {
  uri: string;
  added: number;
  removed: number;
}

/**
 * `text` is null for a binary file and where there was none. `data`: the bytes of a binary file in Base64, unless it is larger
 * than 16 MiB.
 */
export interface FileText {
  text: string | null;
  binary: boolean;
  exists: boolean;
  data: string | null;
}

export interface ForgetParams {
  /** An id. */
  id: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
  /** Do not keep it for `restore`; a checkpoint may still hold it. */
  forGood?: boolean;
}

export interface ForgetResult {
  forgotten: Memory;
}

export interface ForkSessionParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** Up to before this turn, which may have been undone. */
  turnId?: string | null;
  /** That turn too. */
  withTurn?: boolean;
  /** Its name. */
  name?: string;
}

/** `text` is the drawing; with `json` it is empty. `edges` are those found, as [source, relation, target]. */
export interface Graph {
  text: string;
  nodes: string[];
  edges: string[][];
}

/** A memory as a checkpoint holds it. */
export interface HeldMemory {
  id: string;
  category: string;
  title: string;
  state: string;
}

/** `agent`: whose files are at `uri`; without it Markdown that was exported, or a memory.db. */
export interface ImportParams {
  /** A file or folder of Markdown, a memory.db, or the folder of the other agent. */
  uri: string;
  /** Whose files they are: transcripts become searchable, decisions are proposed. */
  agent?: 'aider' | 'claude-code' | 'codex' | 'cursor' | 'markdown' | null;
}

/** `mine`: the user says that a file which this machine did not write is their own; `replace`: what is here is set aside. */
export interface ImportStateParams {
  /** The file. */
  uri: string;
  /** The archive is your own, made on another machine. */
  mine?: boolean;
  /** Replace the current state of this project; the old one is kept. */
  replace?: boolean;
}

/** A message of another agent's conversation that was imported; `text` is an excerpt. */
export interface ImportedMatch {
  agent: string;
  session: string;
  role: 'assistant' | 'note' | 'tool' | 'user';
  at: string;
  text: string;
}

/** How many entries there were and what became of them; `problems` names each file that was left out and why. */
export interface ImportedMemories {
  count: number;
  created: number;
  updated: number;
  unchanged: number;
  duplicates: number;
  problems: string[];
}

export interface ImportedProposalPage {
  proposals: ImportedProposal[];
  total: number;
}

/** What becomes a memory when it is accepted; `times` says how often it was found. */
export interface ImportedProposal {
  id: string;
  category: string;
  title: string;
  evidence: string;
  times: number;
}

/** `project` is the path of the project that the file was made of; `setAside` where the previous state is kept. */
export interface ImportedState {
  project: string;
  createdAt: string;
  memories: number;
  sessions: number;
  checkpoints: number;
  setAside: string | null;
}

/** A memory that the turn is given: in the standing block, or in that of this request. */
export interface InjectedMemory {
  memory: Memory;
  block: 'context' | 'standing';
  why: string;
}

/**
 * `tokens` (an estimate) of `budget`, the setting `memory.inject_tokens`. `saidBefore` are lines about conversations that have no summary
 * yet: their date and what the user said last.
 */
export interface Injection {
  told: InjectedMemory[];
  left: LeftOutMemory[];
  tokens: number;
  budget: number;
  saidBefore: string[];
}

/** The session used last, whose last turn was broken off. */
export interface InterruptedSession {
  sessionId: string;
  name: string;
}

export interface LeftOutMemory {
  memory: Memory;
  why: string;
}

export interface ListCheckpointsParams {
  /** Return at most this many. */
  limit?: number;
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
}

export interface ListMemoriesParams {
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
  /** The kind of memory. */
  category?: 'convention' | 'decision' | 'fact' | 'mistake' | 'task_outcome' | 'user_preference' | null;
  /** Only those in this state. */
  state?: 'archived' | 'check' | 'current' | 'superseded' | null;
  /** Return at most this many. */
  limit?: number;
  /** Skip this many first. */
  offset?: number;
}

/** `prefix`: pages below this slug. */
export interface ListPagesParams {
  /** Only pages whose slug begins with this. */
  prefix?: string;
  /** Only pages with this tag. */
  tag?: string | null;
}

export interface ListProposalsParams {
  /** Only those of this file. */
  uri?: string | null;
}

export interface ListSessionsParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** List the deleted ones that can be restored instead. */
  deleted?: boolean;
}

export interface ListTraitsParams {
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
}

/** 0-based; `character` counts code units of the negotiated encoding. */
export interface Position {
  line: number;
  character: number;
}

/** From `start` to `end`, end excluded. */
export interface Range {
  start: Position;
  end: Position;
}

export interface MadeCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

/** `tools` can be called; `waiting` are new or changed and need the user. `detail`: why it is not connected. */
export interface McpServer {
  name: string;
  state: 'connected' | 'failed' | 'not_agreed' | 'reconnecting' | 'starting' | 'stopped';
  tools: number;
  waiting: string[];
  detail: string;
}

export interface MemoryCounts {
  added: number;
  changed: number;
  removed: number;
}

/**
 * `total` counts all that match, beyond this page too. `unaccepted`: ids of those whose file in `.mazu/shared` says something
 * else that was not accepted yet.
 */
export interface MemoryPage {
  memories: Memory[];
  total: number;
  unaccepted: string[];
}

export interface MemoryResult {
  memory: Memory;
}

export interface MemoryStateParams {
  /** An id. */
  id: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
}

/** By scope: `entries`, memories by `states`, entries by `kinds`, `bytes` on the disk. */
export interface MemoryStats {
  project: Record<string, unknown> | null;
  common: Record<string, unknown>;
}

/**
 * `reason` where memory is not `available`, else counts by scope, and how many proposals wait to be accepted. `notice`: why
 * memories are not found as they are set up to be, empty if they are.
 */
export interface MemoryStatus {
  available: boolean;
  reason?: string;
  project?: Record<string, unknown> | null;
  global?: Record<string, unknown>;
  waiting: number;
  notice: string;
}

/** A value that somebody gave a field of a shared memory; `holds` is the one that counts. */
export interface MemoryVersion {
  field: string;
  value: unknown;
  at: string;
  by: string;
  holds: boolean;
}

/** A memory as the wire shows it. `score` and `why` only come with recalled ones. */
export interface Memory {
  id: string;
  scope: 'global' | 'project';
  category: string;
  title: string;
  body: string;
  tags: string[];
  pinned: boolean;
  source: string;
  state: string;
  strength: number;
  createdAt: string;
  updatedAt: string;
  lastUsedAt: string | null;
  useCount: number;
  supersedes: string | null;
  supersededBy: string | null;
  anchors: Anchor[];
  sessionId: string | null;
  origin: string | null;
  shared: string | null;
  author: string | null;
  score?: number;
  why?: string;
}

export interface ModelCallParams {
  messages: CallerMessage[];
  tools?: OfferedTool[];
  forceTool?: string | null;
  model?: string | null;
  /** The answer's text is also sent as it comes, as `$/progress` of this token. */
  partialResultToken?: string | null;
}

/** What the model said, and the calls that it asks its caller for. */
export interface ModelCallResult {
  text: string;
  calls: MadeCall[];
  usage: Usage;
}

/** `current` is null where no key is set. */
export interface ModelList {
  models: Model[];
  current: string | null;
}

/** `contextWindow` and `maxOutput` in tokens; `prices` is null where they are not known. */
export interface ModelSpec {
  provider: string;
  model: string;
  contextWindow: number;
  maxOutput: number;
  prices: Prices | null;
  seesImages: boolean;
  thinks: string;
  api: string;
  hosted: boolean;
}

/** A model that can be chosen by `name`. `ready`: its key is there, or it needs none. `source`: where it is known from. */
export interface Model {
  name: string;
  provider: string;
  spec: ModelSpec;
  ready: boolean;
  source: string;
}

export interface NewSessionParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  name?: string;
}

/** No arguments. */
export type NoParams = Record<string, never>;

export interface NotShared {
  id: string;
  why: string;
}

/** A tool of the caller's, which the caller runs; `schema` is the JSON schema of an object. */
export interface OfferedTool {
  name: string;
  description: string;
  schema: Record<string, unknown>;
}

export interface PageList {
  pages: Page[];
}

export interface PageParams {
  /** The page's name. */
  slug: string;
}

/** `text` is the page as Markdown, tags as front matter, the title as its first line. */
export interface PageResult {
  slug: string;
  text: string;
  memory: Memory;
}

export interface Page {
  slug: string;
  title: string;
  tags: string[];
}

/** What has streamed of a message that is not finished. */
export interface PartialMessage {
  message: string;
  thought: string;
}

/**
 * An excerpt of a past conversation: with mazu-ls, or with `agent`, from which it was imported.
 *
 * `role`: whose words these are. `answer`: what the agent answered, where `text` is the user's.
 */
export interface PastWords {
  agent: string;
  session: string;
  role: 'assistant' | 'note' | 'tool' | 'user';
  at: string;
  text: string;
  answer: string;
}

export interface PathReason {
  path: string;
  reason: string;
}

/** A rule. `id` is null for one of the settings, which is changed there; `sessionId`: the session it ends with. */
export interface PermissionRule {
  id: string | null;
  tool: string;
  pattern: string;
  verdict: 'allow' | 'ask' | 'deny';
  source: 'given' | 'granted' | 'session' | 'settings';
  givenAt?: string;
  grantedAt?: string;
  sessionId?: string;
}

export interface PermissionState {
  mode: 'ask' | 'auto' | 'bypass' | 'plan';
  rules: PermissionRule[];
}

/** `sandboxed`: nobody agreed to it, the sandbox holds it. `rule`: the rule that decided. */
export interface PermissionVerdict {
  verdict: 'allow' | 'ask' | 'deny';
  reason: string;
  sandboxed: boolean;
  rule?: string;
}

/**
 * What a rollback writes, deletes, keeps, and where it conflicts with the user's own work; no file is in two of these.
 *
 * `setAside`: of the files in `write`, those that no checkpoint can hold as they are now (too large, for example): they are
 * moved, and the reason says where to. `users` and `agents` say whose work each file holds since the checkpoint. `ownMemories`: which of the names are those of
 * memories that you changed, and of no file. `undecided`: there is something to be answered before anything is done.
 */
export interface Plan {
  write: string[];
  delete: string[];
  buffers: string[];
  keep: PathReason[];
  setAside: PathReason[];
  conflicts: PathReason[];
  users: string[];
  agents: string[];
  ownMemories: string[];
  memories: MemoryCounts;
  conversation: boolean;
  undecided: boolean;
}

/** US dollars per million tokens. A prompt of more than `longFrom` tokens costs `longInput` and `longOutput` times as much. */
export interface Prices {
  input: number;
  output: number;
  cacheRead: number | null;
  cacheWrite: number | null;
  longFrom: number | null;
  longInput: number;
  longOutput: number;
}

export interface ProposalList {
  proposals: Proposal[];
}

export interface ProposalPageParams {
  /** Return at most this many. */
  limit?: number;
  /** Skip this many first. */
  offset?: number;
}

/** One open hunk: number `hunk` of `of` in its file; `range` holds the lines that would go. */
export interface Proposal {
  id: string;
  uri: string;
  path: string;
  kind: 'create' | 'delete' | 'edit';
  state: 'open' | 'stale';
  hunk: number;
  of: number;
  range: Range;
  diff: string;
  sessionId: string;
  turnId: string;
  createdAt: string;
}

/** `labelled`: those the user named, too. Pinned ones never go. */
export interface PruneParams {
  /** Keep this many. */
  keep?: number | null;
  /** Delete only those older than this many days. */
  olderThanDays?: number | null;
  /** Delete labelled ones, too. */
  labelled?: boolean;
}

/** `shed`: how many of them the size cap took although an undo might have needed them. */
export interface PruneResult {
  removed: string[];
  bytesFreed: number;
  shed: number;
}

export interface QuestionHunk {
  id: string;
  diff: string;
}

/** `kind` `choice`: an answer that costs something or cannot be guessed; no key that allows takes it, only its label. */
export interface QuestionOption {
  id: string;
  label: string;
  kind: 'allow_always' | 'allow_once' | 'allow_session' | 'choice' | 'deny';
}

/**
 * A tool call that waits for the user. `rule`: what a standing answer would allow; `document`: the file that changes.
 *
 * `editable`: names of the arguments that the user may change before allowing. `reason`: why it is asked, with which `detail` ends.
 */
export interface Question {
  sessionId: string;
  callId: string;
  tool: string;
  title: string;
  detail: string;
  options: QuestionOption[];
  diff?: string;
  hunks?: QuestionHunk[];
  rule?: string;
  document?: string;
  editable?: string[];
  reason?: string;
}

export interface QueueParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  remove?: string | null;
}

/** A message that waits. */
export interface QueuedMessage {
  queueId: string;
  text: string;
}

/** Messages that are sent when the running turn has ended, in their order. */
export interface QueuedMessages {
  queued: QueuedMessage[];
}

/** The answer to a message that waits for the running turn to end. */
export interface QueuedResult {
  sessionId: string;
  turnId: null;
  queueId: string;
}

/** Without `query` the text of the last code action's range. */
export interface RecallHereParams {
  query?: string | null;
  uri?: string | null;
}

export interface RecallParams {
  /** Words or a question. */
  query: string;
  /** Return at most this many. */
  limit?: number;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
  /** The kind of memory. */
  category?: 'convention' | 'decision' | 'fact' | 'mistake' | 'task_outcome' | 'user_preference' | null;
  uri?: string | null;
}

/**
 * Best first. `onlyNearest`: nothing was found by words or meaning, and these are merely the nearest there is.
 *
 * `waiting`: where nothing was found, how many proposals wait to be accepted; one of them may be what is asked for. `said`: what past
 * conversations hold of it then, and where a memory is only close in meaning. `mainWorktree`: where nothing was found in a linked git worktree, the folder of the main one, which
 * has a memory of its own. `unaccepted`: as in MemoryPage. `notice`: why memories are not found as they are set up to be, such as by a model that does not answer.
 */
export interface RecallResult {
  memories: Memory[];
  onlyNearest: boolean;
  waiting: number;
  said: PastWords[];
  mainWorktree: string | null;
  notice: string;
  unaccepted: string[];
}

export interface RedoParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
}

/** The model gets the note. */
export interface RejectHunksParams {
  /** Ids; all if none is given. */
  ids?: string[] | null;
  /** Only those of this file. */
  uri?: string | null;
  /** A reason for the model. */
  note?: string;
}

export interface RejectResult {
  rejected: string[];
}

export interface RememberParams {
  /** What to remember, in one sentence. */
  title: string;
  /** The full text, below its title. */
  body?: string;
  /** The kind of memory. */
  category?: 'convention' | 'decision' | 'fact' | 'mistake' | 'task_outcome' | 'user_preference' | null;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
  /** Tags. */
  tags?: string[];
  /** Never forget it. */
  pinned?: boolean;
  /** Documents, or ranges of them. */
  anchors?: DocumentRange[];
  /** The id it replaces. */
  supersedes?: string | null;
}

/**
 * `replaced` is the memory that the new one superseded, `alike` up to three live ones that contradict it in the other scope or
 * differ from it in one thing only: mazu.memory.supersede replaces one of the same scope, if that was meant.
 */
export interface RememberResult {
  memory: Memory;
  outcome: 'created' | 'duplicate' | 'superseded';
  replaced: Memory | null;
  alike: Memory[];
}

export interface RenameSessionParams {
  /** The new name. */
  name: string;
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
}

export interface RequestedCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

export interface RestoreSessionParams {
  /** An id of a deleted session. The last one deleted if not given. */
  sessionId?: string | null;
}

export interface ReturnedResult {
  callId: string;
  text: string;
  ok?: boolean;
}

/** `paths` and `hunks` together; without both everything that the turn changed. */
export interface RevertTurnParams {
  sessionId?: string | null;
  turnId?: string | null;
  paths?: string[];
  hunks?: string[];
}

export interface RevokeRuleParams {
  /** An id. */
  id: string;
}

export interface RevokeTrustParams {
  /** An id. */
  id: string;
}

export interface RewindParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** How many turns. */
  turns?: number;
  turnId?: string | null;
}

/** `text` is empty where there is no role document. */
export interface Role {
  uri: string;
  text: string;
}

/**
 * Without `id` the newest checkpoint that was taken by name, or before a turn, and differs from now; without `only` everything
 * it holds.
 */
export interface RollbackParams {
  /** An id or a label; if not given, the newest taken by name or before a turn that differs from now. */
  id?: string | null;
  /** Only these parts. */
  only?: ('code' | 'conversation' | 'memory' | 'skills')[];
  /** Only these files or folders. */
  paths?: string[];
  /** Only show what would happen. */
  preview?: boolean;
  /** What happens to your own changes. */
  onConflict?: 'ask' | 'keep' | 'leave' | 'overwrite' | null;
  /** Only these memories, where memory is all that is restored. */
  memories?: string[];
}

/** `verified`: every file was hashed again and is right. Roll back to `safety` to undo. */
export interface RollbackResult {
  checkpoint: Checkpoint;
  safety: Checkpoint | null;
  plan: Plan;
  applied: boolean;
  verified: boolean;
  problems: PathReason[];
}

export interface RuleFields {
  tool: string;
  pattern?: string;
  verdict?: 'allow' | 'ask' | 'deny';
}

/** `maxCost` is in US dollars; the others override the settings of the same name. */
export interface RunParams {
  /** What to do. */
  task: string;
  /** Continue this conversation instead of starting a new one. */
  sessionId?: string | null;
  /** Stop after this many steps. */
  maxSteps?: number | null;
  /** Stop a turn after this many US dollars; the next message of a conversation starts at 0 again. */
  maxCost?: number | null;
  /** Stop after this many tokens. */
  maxTokens?: number | null;
  /** Stop after this many seconds. */
  maxSeconds?: number | null;
  /** Take a checkpoint after this many steps. */
  checkpointEvery?: number | null;
  /** Let it run commands. */
  allowShell?: boolean;
  /** Provider:model. */
  model?: string | null;
  wait?: boolean;
}

export interface RunSkillParams {
  /** Its name. */
  name: string;
  /** What the skill is called with. */
  arguments?: Record<string, unknown>;
}

/** A turn that runs in another process, which may be `suspended` (Ctrl-Z); `client`: what that process is to people. */
export interface RunningElsewhere {
  sessionId: string;
  client: string;
  pid: number;
  suspended: boolean;
}

export interface RunningSession {
  sessionId: string;
  name: string;
  state: string;
}

/** What a command is confined by, and why. */
export interface SandboxStatus {
  setting: string;
  kind: string;
  why: string;
}

/** `source` is Python; `name` is the function's where it is not given. */
export interface SaveSkillParams {
  /** Python source. */
  source: string;
  /** Its name. */
  name?: string | null;
  description?: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project';
}

export interface SearchPagesParams {
  /** Words to search for. */
  query: string;
  /** Return at most this many. */
  limit?: number;
}

export interface SearchSessionsParams {
  /** Words to search for. */
  query: string;
  /** Return at most this many. */
  limit?: number;
}

/** `after`: the `seq` of the journal behind which a page begins. */
export interface SessionEventsParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  after?: number;
  limit?: number;
}

/** The last used first; `current` is the one meant when none is named. */
export interface SessionList {
  sessions: SessionSummary[];
  current: string | null;
}

/**
 * A turn in which words of the query occur; `text` is an excerpt of what holds the most of them, `role` says whose
 * words these are. `answer`: what the agent answered, where they are the user's.
 */
export interface SessionMatch {
  sessionId: string;
  name: string;
  at: string;
  turnId: string;
  role: 'assistant' | 'note' | 'tool' | 'user';
  text: string;
  answer: string;
}

/** The best first; `imported` are conversations with other agents. */
export interface SessionMatches {
  matches: SessionMatch[];
  imported: ImportedMatch[];
}

/** One session; without `sessionId` the last used one. */
export interface SessionParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
}

/**
 * What a list shows. `state`: "running", "waiting", "idle", "ended". `interrupted`: the last turn was broken off. `aside`: no chat, but a
 * question, a rewrite, a run or a member of a council.
 */
export interface SessionSummary {
  id: string;
  name: string;
  createdAt: string;
  updatedAt: string;
  turnCount: number;
  state: string;
  model: string | null;
  usage: Usage;
  interrupted: boolean;
  aside: boolean;
}

/** A session with its turns, oldest first. `compacted`: whether `mazu.session.compact` replaced anything. */
export interface Session {
  id: string;
  name: string;
  createdAt: string;
  updatedAt: string;
  turnCount: number;
  state: string;
  model: string | null;
  usage: Usage;
  interrupted: boolean;
  aside: boolean;
  turns: Turn[];
  compacted?: boolean;
}

/** `confirm`: the word "bypass", typed by the user, for that mode. */
export interface SetModeParams {
  /** A permission mode. */
  mode: 'ask' | 'auto' | 'bypass' | 'plan';
  confirm?: string | null;
}

export interface SetModelParams {
  /** Provider:model. */
  model: string;
}

/** `uri`: a file whose text becomes the role; without it the open document is taken. */
export interface SetRoleParams {
  /** A file. */
  uri?: string | null;
}

export interface SetRuleParams {
  /** The rule to store. */
  rule: RuleFields;
}

export interface SetTraitParams {
  /** Its name. */
  key: string;
  /** Its value. */
  value: string;
  /** Never forget it. */
  pinned?: boolean | null;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
}

/** Memories of the project. */
export interface ShareParams {
  /** Ids of memories, as they are listed. */
  ids: string[];
}

/** `refused` are those that were not shared; `remote` is where the next sync sends them, null for the folder. */
export interface ShareResult {
  memories: Memory[];
  refused: NotShared[];
  remote: string | null;
}

/** A node by `id` (a memory, `file:PATH`, `tag:NAME`, ...) or the best memory for `query`. */
export interface ShowGraphParams {
  /** A node: an id of a memory, file:PATH or tag:NAME. */
  id?: string | null;
  /** Words to search for. */
  query?: string | null;
  /** How many relations away. */
  depth?: number;
  /** The form of the drawing. */
  format?: 'json' | 'mermaid' | 'text';
}

export interface ShowMemoryParams {
  /** An id. */
  id: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
}

/** The role document in force; with `uri` that document, as it would be as a role. */
export interface ShowRoleParams {
  uri?: string | null;
}

export interface ShowSessionParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** How many turns. */
  turns?: number | null;
}

/** `text` is the memory as Markdown; `chain` what it superseded, newest first; `versions` its history in team memory. */
export interface ShownMemory {
  memory: Memory;
  text: string;
  chain: Memory[];
  versions: MemoryVersion[];
}

/** By name; `problems` say which files are no skills, and why. */
export interface SkillList {
  skills: Skill[];
  problems: string[];
}

export interface SkillParams {
  /** Its name. */
  name: string;
}

/** What the function returned, and what it printed. */
export interface SkillRunResult {
  result: unknown;
  output: string;
}

/** A saved function. `schema` is the JSON schema of its arguments; a list leaves `source` out. */
export interface Skill {
  name: string;
  description: string;
  scope: 'global' | 'project';
  uri: string;
  schema: Record<string, unknown>;
  tests: string[];
  trust: 'agreed' | 'changed' | 'new';
  source?: string;
}

export interface SkippedFile {
  path: string;
  reason: string;
  bytes: number;
}

/** The answer of a command that continues as a job. One that belongs to no session has the same id of its own in both. */
export interface StartedResult {
  sessionId: string;
  turnId: string | null;
}

/** One object for status bars. `keys`: of which providers a key is there; `pid`: of the server. */
export interface Status {
  version: string;
  model: string | null;
  mode: 'ask' | 'auto' | 'bypass' | 'plan';
  session: string | null;
  running: RunningSession[];
  runningElsewhere: RunningElsewhere[];
  interrupted: InterruptedSession | null;
  jobs: string[];
  memory: MemoryStatus;
  checkpoints: CheckpointStatus;
  keys: Record<string, boolean>;
  git: boolean;
  sandbox: SandboxStatus;
  mcpServers: McpServer[];
  folders: string[];
  warnings: string[];
  log: string;
  pid: number;
  clients: ConnectedClient[];
}

/** `by` is the memory that holds from now on. */
export interface SupersedeParams {
  /** An id. */
  id: string;
  /** The id of the one that replaces it. */
  by: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
}

/** `remote`: a URL, a path, a remote of the repository, or "none" for the folder; the last one if not given. */
export interface SyncParams {
  /** A URL, a path or a remote of this repository, kept for the next time; "none" for the folder. */
  remote?: string | null;
  /** Send and write nothing. */
  pull?: boolean;
  /** Accept everything that the folder proposes. */
  accept?: boolean;
}

/**
 * Memories sent and received, entries removed here; `waiting` are proposals of the folder (mazu.memory.import.proposals),
 * `hint` a sentence on what else to do.
 */
export interface Sync {
  place: string;
  sent: number;
  received: number;
  removed: number;
  waiting: number;
  refused: NotShared[];
  problems: string[];
  hint: string;
}

/** A tool call of a turn. */
export interface ToolCall {
  tool: string;
  arguments: Record<string, unknown>;
  verdict: string;
  outcome: string;
}

export interface ToolList {
  tools: Tool[];
}

/** What a model may call; `schema` is the JSON schema of its arguments. */
export interface Tool {
  name: string;
  description: string;
  effect: string;
  source: string;
  schema: Record<string, unknown>;
}

export interface TranscriptParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** A file. */
  uri?: string | null;
}

/** A conversation as Markdown; `uri` where it was written to a file, `text` otherwise. */
export interface TranscriptText {
  text: string | null;
  uri: string | null;
}

/**
 * `hash` is the SHA-256 of the content as it is now. `files`: absolute paths of files of the project that a server is
 * started from and that are new or changed since the user agreed; empty for anything else. `host`: where a server is that is reached
 * over HTTP, with its address if that is of this machine or the user's network; empty for anything else.
 */
export interface TrustItem {
  id: string;
  kind: 'mcp' | 'role' | 'skill' | 'tool';
  path: string;
  state: 'agreed' | 'changed' | 'new';
  hash: string;
  files: string[];
  host: string;
}

export interface TrustList {
  items: TrustItem[];
}

/** `before` and `after` are checkpoints, null where the turn changed nothing. */
export interface TurnChanges {
  turnId: string;
  before: string | null;
  after: string | null;
  files: ChangedFile[];
}

export interface TurnMemories {
  injected: string[];
  written: string[];
}

/** A turn; without `turnId` the last one of the session. */
export interface TurnParams {
  sessionId?: string | null;
  turnId?: string | null;
}

/**
 * `detail` says the stop reason in a sentence; `error` is null unless the stop reason is "error". `uncounted`: what commands changed
 * is not among the edits, since it was too much or the turn was stopped.
 */
export interface TurnResult {
  sessionId: string;
  turnId: string;
  reply: string;
  stopReason:
    'cancelled' | 'end_turn' | 'error' | 'max_cost' | 'max_seconds' | 'max_steps' | 'max_tokens' | 'refusal' | 'stuck';
  detail: string;
  usage: Usage;
  edits: FileEdit[];
  checkpoints: string[];
  memories: TurnMemories;
  error: Error | null;
  uncounted: boolean;
}

/** One turn of a transcript. */
export interface Turn {
  id: string;
  at: string;
  kind: string;
  model: string;
  message: string;
  reply: string;
  stopReason: string;
  detail: string;
  calls: ToolCall[];
  checkpoints: string[];
  usage: Usage;
}

/** Back to before a turn: `turnId`, or the last one. Without `onConflict` the user is asked. */
export interface UndoParams {
  /** An id of a session. The last one used if not given. */
  sessionId?: string | null;
  /** Back to before this turn. */
  turnId?: string | null;
  /** Restore files. */
  code?: boolean;
  /** Remove the turns from the conversation. */
  conversation?: boolean;
  /** Restore memory. */
  memory?: boolean;
  /** Only show what would happen. */
  preview?: boolean;
  /** What happens to your own changes. */
  onConflict?: 'ask' | 'keep' | 'leave' | 'overwrite' | null;
}

/** Fields that are not given stay as they are. */
export interface UpdateMemoryParams {
  /** An id. */
  id: string;
  /** Of this project, or of all projects. */
  scope?: 'global' | 'project' | null;
  /** What it says, in one sentence. */
  title?: string | null;
  /** The full text, below its title. */
  body?: string | null;
  /** The kind of memory. */
  category?: 'convention' | 'decision' | 'fact' | 'mistake' | 'task_outcome' | 'user_preference' | null;
  /** Tags. */
  tags?: string[] | null;
  /** Never forget it. */
  pinned?: boolean | null;
  anchors?: DocumentRange[] | null;
}

/**
 * Tokens, calls, steps and US dollars. `costUsd` is None where a price is not known, never 0: `knownCostUsd` is then what
 * the other calls cost, and `unpricedCalls` how many are left out of it.
 *
 * `estimated`: a part of the tokens, and so of the cost, was counted here, because a call was stopped before
 * the service reported all, or because it does not report them.
 */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  modelCalls: number;
  steps: number;
  costUsd: number | null;
  estimated: boolean;
  knownCostUsd: number;
  unpricedCalls: number;
}

export interface UsageParams {
  /** An id of a session. All sessions of the project if not given. */
  sessionId?: string | null;
  /** Count only the last days, this many. */
  sinceDays?: number | null;
}

/** By `provider:model`; `costUsd` is null where a price is not known, never 0. */
export interface UsageReport {
  byModel: Record<string, Usage>;
  total: Usage;
  costUsd: number | null;
}

/** A virtual document (`mazu:`), or the file that stands for one. */
export interface ViewParams {
  uri: string;
}

export interface WritePageParams {
  /** The page's name. */
  slug: string;
  /** Markdown. */
  text: string;
  /** Replace the page or append to it. */
  mode?: 'append' | 'replace';
}

/** Argument and result of each command. */
export interface WireCommands {
  /** Send a message in a session. Without a message the chat document is opened. */
  'mazu.chat': [ChatParams, StartedResult | QueuedResult | TurnResult];
  /** Carry out a task autonomously, within limits. */
  'mazu.run': [RunParams, StartedResult | TurnResult];
  /** Ask one question, without tools or memory. */
  'mazu.ask': [AskParams, StartedResult | AskResult];
  /** Rewrite a range according to the instruction; the result stays unsaved in the editor. */
  'mazu.edit': [EditParams, StartedResult | TurnResult];
  /** Stop the turn of a session, or the job of a question, a rewrite or a council; without an id, all. */
  'mazu.cancel': [SessionParams, CancelResult];
  /** Ask the council. If nobody waits, its answer is opened, and can be remembered as a decision. */
  'mazu.council': [CouncilParams, StartedResult | CouncilResult];
  /** Make one call with exactly these messages and tools; nothing is run, nothing remembered, its cost is recorded. */
  'mazu.models.call': [ModelCallParams, ModelCallResult];
  /** Every session, the last used first, or those that were deleted; with an id that one alone. */
  'mazu.session.list': [ListSessionsParams, SessionList];
  /** Show one session with its last turns */
  'mazu.session.show': [ShowSessionParams, Session];
  /** Start a session and make it the current one. */
  'mazu.session.new': [NewSessionParams, Session];
  /** Rename a session. */
  'mazu.session.rename': [RenameSessionParams, Session];
  /** Return turns of all sessions in which words of the query occur, the best first. */
  'mazu.session.search': [SearchSessionsParams, SessionMatches];
  /** Start a session with the conversation up to before a turn, to its end, or all of it */
  'mazu.session.fork': [ForkSessionParams, Session];
  /** Return a conversation as Markdown; with `uri` it is written there. */
  'mazu.session.transcript': [TranscriptParams, TranscriptText];
  /** List the queued messages; `remove` takes one out. */
  'mazu.session.queue': [QueueParams, QueuedMessages];
  /** End a session: its running turn is stopped; it can still be read and continued. */
  'mazu.session.end': [SessionParams, Session];
  /** Delete a session; without an id the current one, and never another in its place. */
  'mazu.session.delete': [DeleteSessionParams, DeletedSessionList];
  /** Undo the deletion of a session, the last one if none is named. */
  'mazu.session.restore': [RestoreSessionParams, SessionSummary];
  /** Remove the last turns, or those from one on, from the conversation; files stay as they are. */
  'mazu.session.rewind': [RewindParams, Session];
  /** Replace the conversation so far by a summary; a checkpoint is taken first. */
  'mazu.session.compact': [CompactParams, Session | StartedResult];
  /** Return the stored events after `after`, the conversation's head, and what has streamed since the last event. */
  'mazu.session.events': [SessionEventsParams, EventPage];
  /** Return what a tool call gave back: the updates have one line of it. Raises MazuError(not_found). */
  'mazu.turn.output': [CallOutputParams, CallOutput];
  /** Remember one thing, unless it is known. */
  'mazu.remember': [RememberParams, RememberResult];
  /** What is known, best first, with the reason for each. */
  'mazu.recall': [RecallParams, RecallResult];
  /** Memories, newest first. */
  'mazu.memory.list': [ListMemoriesParams, MemoryPage];
  /** Change what is given and nothing else. */
  'mazu.memory.update': [UpdateMemoryParams, MemoryResult];
  /** Delete one memory; what it had superseded is live again. */
  'mazu.memory.forget': [ForgetParams, ForgetResult];
  /** Propose what to archive and to draft */
  'mazu.memory.consolidate': [ConsolidateParams, ConsolidationResult];
  /** The project's memories as Markdown, lossless; those of every project only where that is asked for. */
  'mazu.memory.export': [ExportImportParams, ExportedMemories];
  /** Import memories from Markdown that `mazu.memory.export` wrote, or the rows of a database, with their origin mar */
  'mazu.memory.import': [ImportParams, ImportedMemories | AgentImportResult];
  /** List pending proposals with their place: first those of the project's shared folder. */
  'mazu.memory.import.proposals': [ProposalPageParams, ImportedProposalPage];
  /** Remember proposals in the project, each with its evidence; those of the shared folder are taken over. */
  'mazu.memory.import.accept': [DecideProposalsParams, DecidedProposals];
  /** Drop proposals; the same is not proposed again. */
  'mazu.memory.import.reject': [DecideProposalsParams, DecidedProposals];
  /** Return what the next turn would get of memory for this message, what is left out, and why. No model is called. */
  'mazu.memory.why': [ExplainInjectionParams, Injection];
  /** Archive a memory: found on request only. */
  'mazu.memory.archive': [MemoryStateParams, MemoryResult];
  /** Restore a memory from the archive. */
  'mazu.memory.unarchive': [MemoryStateParams, MemoryResult];
  /** Restore a forgotten memory. */
  'mazu.memory.restore': [MemoryStateParams, MemoryResult];
  /** Supersede a memory by another; answers with the one that holds. */
  'mazu.memory.supersede': [SupersedeParams, MemoryResult];
  /** How much is remembered, by kind and state, and the bytes on the disk. */
  'mazu.memory.stats': [NoParams, MemoryStats];
  /** List the traits of the user that every prompt includes: pinned ones first, then by name. */
  'mazu.memory.trait.list': [ListTraitsParams, RecallResult];
  /** Set a trait; global unless `scope` says otherwise. */
  'mazu.memory.trait.set': [SetTraitParams, MemoryResult];
  /** Remove a trait; answers with what it was. */
  'mazu.memory.trait.delete': [DeleteTraitParams, MemoryResult];
  /** Make memories of the project part of team memory. */
  'mazu.memory.share': [ShareParams, ShareResult];
  /** Delete memories for the others and keep them here. */
  'mazu.memory.unshare': [ShareParams, ShareResult];
  /** Exchange team memory with a remote, or with the folder of the project. */
  'mazu.memory.sync': [SyncParams, Sync];
  /** Everything about one memory. */
  'mazu.memory.show': [ShowMemoryParams, ShownMemory];
  /** The pages by slug, below `prefix` and with `tag` where given. */
  'mazu.wiki.list': [ListPagesParams, PageList];
  /** One page as Markdown. */
  'mazu.wiki.show': [PageParams, PageResult];
  /** Write a page, or add to its end. */
  'mazu.wiki.write': [WritePageParams, PageResult];
  /** The pages about something, best first. */
  'mazu.wiki.search': [SearchPagesParams, PageList];
  /** Remove a page; answers with what it was. */
  'mazu.wiki.delete': [PageParams, PageResult];
  /** Return what is related to a node, as text, a Mermaid flow chart or rows; without a node all relations. */
  'mazu.graph.show': [ShowGraphParams, Graph];
  /** Take a checkpoint of everything now. */
  'mazu.checkpoint': [CheckpointParams, Checkpoint];
  /** Checkpoints, newest first, with their parents. */
  'mazu.checkpoint.list': [ListCheckpointsParams, CheckpointList];
  /** What differs between a checkpoint and another, or now: files and memories. */
  'mazu.checkpoint.diff': [DiffParams, DiffResult];
  /** Drop old checkpoints; without arguments by the settings. */
  'mazu.checkpoint.prune': [PruneParams, PruneResult];
  /** Keep a checkpoint until it is unpinned, whatever its age and the size of the store. */
  'mazu.checkpoint.pin': [CheckpointIdParams, Checkpoint];
  /** Let the settings decide again how long a checkpoint is kept. */
  'mazu.checkpoint.unpin': [CheckpointIdParams, Checkpoint];
  /** One file as the user saw it at a checkpoint: its unsaved text where there was some. */
  'mazu.checkpoint.file': [CheckpointFileParams, FileText];
  /** Everything as it was at a checkpoint: its files by name, the project's memories by title. */
  'mazu.checkpoint.contents': [ContentsParams, CheckpointContents];
  /** Bring code, buffers, memory, skills and conversation back to one checkpoint. */
  'mazu.rollback': [RollbackParams, RollbackResult];
  /** Undo the last turn: code, conversation, memory, or any of them. */
  'mazu.undo': [UndoParams, RollbackResult];
  /** Revert the last undo or rollback of a session, unless its conversation continued since. */
  'mazu.redo': [RedoParams, RollbackResult];
  /** List every skill by name, and the problems of files that are none. */
  'mazu.skills.list': [NoParams, SkillList];
  /** One skill with its source; read it before you agree to one that came with the project. */
  'mazu.skills.show': [SkillParams, Skill];
  /** Save a function as a skill, once its tests pass. Saving a skill includes consent. */
  'mazu.skills.save': [SaveSkillParams, Skill];
  /** Run a skill in its own process; `output` is what it printed. */
  'mazu.skills.run': [RunSkillParams, SkillRunResult];
  /** Delete a skill. */
  'mazu.skills.forget': [SkillParams, Skill];
  /** List the project's role, skills, tools and MCP servers, and whether the user agreed to them as they are. */
  'mazu.trust.list': [NoParams, TrustList];
  /** Record the consent of the user, who has read exactly the content with this hash. */
  'mazu.trust.agree': [AgreeToTrustParams, TrustList];
  /** Revoke every consent to one item: it has no effect from now on. */
  'mazu.trust.revoke': [RevokeTrustParams, TrustList];
  /** Attach the state of the project that was at `source` to this one; the project is closed and opened for it. */
  'mazu.state.attach': [AttachStateParams, AttachedState];
  /** Record that the state that was found is not this project's: it is kept, and not offered again. */
  'mazu.state.decline': [NoParams, AttachedState];
  /** Export memory, conversations and checkpoints of the project as one file. */
  'mazu.state.export': [ExportStateParams, ExportedState];
  /** Import the state that a file holds; the project's present state is set aside. */
  'mazu.state.import': [ImportStateParams, ImportedState];
  /** Models that can be used, with what they cost, and the one in force. */
  'mazu.models.list': [NoParams, ModelList];
  /** Set the model of the current session from its next turn on, and of new ones while this server runs. */
  'mazu.models.set': [SetModelParams, ModelList];
  /** List what a model may call here, with local names. */
  'mazu.tools.list': [NoParams, ToolList];
  /** Return the role document in force; its text is empty if there is none. */
  'mazu.role.show': [ShowRoleParams, Role];
  /** Copy the text of a document into the role document. */
  'mazu.role.set': [SetRoleParams, Role];
  /** Return the mode and every rule: of the settings, added while this server runs, granted for the project. */
  'mazu.permissions.list': [NoParams, PermissionState];
  /** Add a rule: `allow` is stored for this project, `ask` and `deny` hold while this server runs. */
  'mazu.permissions.set': [SetRuleParams, PermissionState];
  /** Revoke a rule that was added, a grant of the project or of a session; rules of the settings are changed there. */
  'mazu.permissions.revoke': [RevokeRuleParams, PermissionState];
  /** Change the mode while this server runs. `bypass` has to be typed, since almost nothing is asked any more. */
  'mazu.permissions.mode': [SetModeParams, PermissionState];
  /** Return what would be decided about a tool call; nothing is run. */
  'mazu.permissions.check': [CheckPermissionParams, PermissionVerdict];
  /** Answer the open question, in all places where it is shown; the first answer counts. Without arguments: show it. */
  'mazu.permissions.answer': [AnswerQuestionParams, AnswerResult];
  /** Return tokens and money by model; usage without a known price costs null, never 0. */
  'mazu.usage': [UsageParams, UsageReport];
  /** Return every tool call, newest first: arguments, who decided how, result. */
  'mazu.audit': [AuditParams, AuditReport];
  /** Return one object for status bars. It answers whatever is missing. */
  'mazu.status': [NoParams, Status];
  /** Every open hunk, or those of one document. */
  'mazu.proposal.list': [ListProposalsParams, ProposalList];
  /** Make the edits: in the editor if the file is open, unsaved, else on disk, after a checkpoint. */
  'mazu.proposal.accept': [ChooseHunksParams, AcceptResult];
  /** Reject the edits; the model is informed at the end of its turn or with the next message. */
  'mazu.proposal.reject': [RejectHunksParams, RejectResult];
  /** Show a virtual document; the answer says where it is. */
  'mazu.view': [ViewParams, ViewParams];
  /** Take a checkpoint, and report it. */
  'mazu.actions.checkpoint': [NoParams, unknown];
  /** Undo the last turn, and report what was restored and what was kept. */
  'mazu.actions.undo': [NoParams, unknown];
  /** Choose a checkpoint by the user's words and its time, and roll back to it; with `uri` that file alone. */
  'mazu.actions.rollback': [ChoosePointParams, unknown];
  /** What is known about a place, shown as a message if it is short, else as a document. */
  'mazu.actions.recall': [RecallHereParams, unknown];
  /** The files that a turn changed, with their hunks. */
  'mazu.turn.changes': [TurnParams, TurnChanges];
  /** Revert a turn's changes to some files, or some hunks of them; later changes in the same files stay. */
  'mazu.turn.revert': [RevertTurnParams, RollbackResult];
}
