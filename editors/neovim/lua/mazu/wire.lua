---@meta mazu.wire
-- Results of the commands (docs/protocol.md) as types. Written by `make generate` from mazu_ls/server/wire: do not edit.

--- `problems` say why others were not accepted.
---@class mazu.AcceptResult
---@field accepted string[]
---@field problems string[]

--- `count` messages are searchable from now on; `proposals` are new and wait to be accepted.
---@class mazu.AgentImportResult
---@field count integer
---@field files integer
---@field unchanged integer
---@field proposals integer
---@field problems string[]

--- `hash` is the SHA-256 that mazu.trust.list named: the content that the user has read.
---@class mazu.AgreeToTrustParams
---@field id string An id.
---@field hash string The hash that `mazu-ls trust` shows.

--- What a memory is about.
---@class mazu.Anchor
---@field path string
---@field symbol string
---@field range? lsp.Range
---@field state "fresh"|"moved"|"stale"

--- The id of one of the options of a question that is open; `callId`: the one about this call.
---
--- `arguments` replace those of the same name, of the hunks of an edit those in `hunks` are taken.
---@class mazu.AnswerQuestionParams
---@field optionId? string
---@field callId? string
---@field note? string
---@field arguments? table<string, string>
---@field hunks? string[]

--- `open`: the question that is asked, where this answered none.
---@class mazu.AnswerResult
---@field answered boolean
---@field open? mazu.Question

---@class mazu.AskParams
---@field question string The question.
---@field attachments? mazu.DocumentRange[] Documents, or ranges of them.
---@field texts? mazu.AttachedText[] Texts that are no documents.
---@field model? string Provider:model.
---@field wait? boolean

--- What `mazu.ask` found out.
---@class mazu.AskResult
---@field reply string
---@field usage mazu.Usage

--- The path at which the project was.
---@class mazu.AttachStateParams
---@field from? string Its former path; the one found if not given.

--- `attached`: former path of the project whose state was taken over; null if this project kept its own state.
---
--- `setAside`: where what this one had until then is kept; null where it had nothing.
---@class mazu.AttachedState
---@field attached? string
---@field setAside? string

--- A text that is no document, such as the output of a terminal, and what it is called.
---@class mazu.AttachedText
---@field name string
---@field text string

--- One tool call: what was asked for, who decided how, what came of it; `answeredIn`: the client in which the user decided.
---@class mazu.AuditEntry
---@field at string
---@field sessionId string
---@field tool string
---@field arguments table<string, any>
---@field verdict string
---@field reason string
---@field decidedBy string
---@field outcome string
---@field answeredIn? string

---@class mazu.AuditParams
---@field limit? integer Return at most this many.
---@field sessionId? string An id of a session. The last one used if not given.

--- Newest first; secrets are redacted.
---@class mazu.AuditReport
---@field entries mazu.AuditEntry[]

---@class mazu.CallOutputParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field callId? string The `callId` of a tool call that ended. The last one if not given.

--- What a tool call gave back, as the model read it. `ok` is false where it failed.
---@class mazu.CallOutput
---@field text string
---@field ok boolean

--- `calls` are of an assistant's message, `results` of a user's.
---@class mazu.CallerMessage
---@field role "assistant"|"user"
---@field text? string
---@field calls? mazu.RequestedCall[]
---@field results? mazu.ReturnedResult[]

---@class mazu.CancelResult
---@field cancelled boolean

--- `added` and `removed` are null, and `hunks` empty, for a binary file.
---@class mazu.ChangedFile
---@field path string
---@field uri string
---@field status "added"|"deleted"|"modified"
---@field added? integer
---@field removed? integer
---@field hunks mazu.ChangedHunk[]

--- `range` are whole lines of the text after the turn; `diff` has the lines that went and came.
---@class mazu.ChangedHunk
---@field id string
---@field range lsp.Range
---@field diff string

---@class mazu.ChatParams
---@field message? string
---@field sessionId? string
---@field attachments? mazu.DocumentRange[]
---@field texts? mazu.AttachedText[]
---@field resend? string Id of a turn of this session: what its message had attached goes along again.
---@field model? string
---@field queue? boolean
---@field wait? boolean

--- What would be decided about this call; nothing is run.
---@class mazu.CheckPermissionParams
---@field tool string The name of a tool, such as run_shell.
---@field arguments table<string, any> What it would be called with.
---@field mode? "ask"|"auto"|"bypass"|"plan" A permission mode.

--- `total`: how many files have the query in their path. Memories are those of the project.
---@class mazu.CheckpointContents
---@field files string[]
---@field total integer
---@field memories mazu.HeldMemory[]

--- `path`: as diffs and plans show it.
---@class mazu.CheckpointFileParams
---@field id string An id.
---@field path string As the diff shows it.

---@class mazu.CheckpointIdParams
---@field id string An id.

--- Newest first; `current` is the one whose state the project was last brought to or taken at.
---@class mazu.CheckpointList
---@field checkpoints mazu.Checkpoint[]
---@field current? string

---@class mazu.CheckpointParams
---@field label? string A label by which to find it again.

--- `reason` where checkpoints are not `available`. `bytes` on the disk, at most `maxBytes`.
---
--- `damaged`: what was quarantined; `rescued`: files that were saved from being overwritten.
---@class mazu.CheckpointStatus
---@field available boolean
---@field reason? string
---@field count? integer
---@field bytes? integer
---@field maxBytes? integer
---@field current? string
---@field damaged? string[]
---@field rescued? string[]

--- One restorable state; `skipped` are the files it does not hold, which no rollback to it touches.
---
--- `title`: the user's words and what it is, never an id. `complete` false: what other programs changed may be missing.
---@class mazu.Checkpoint
---@field id string
---@field parentId? string
---@field createdAt string
---@field label string
---@field kind "baseline"|"compaction"|"manual"|"safety"|"step"
---@field sessionId? string
---@field turnId? string
---@field commit string
---@field files mazu.FileCounts
---@field memories mazu.MemoryCounts
---@field bytes integer
---@field skipped mazu.SkippedFile[]
---@field pinned boolean
---@field complete boolean
---@field title string

--- The hunks of these ids, or those of a document; without either all of them.
---@class mazu.ChooseHunksParams
---@field ids? string[] Ids; all if none is given.
---@field uri? string Only those of this file.

--- `uri`: the file to roll back; without it everything.
---@class mazu.ChoosePointParams
---@field uri? string

---@class mazu.CompactParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field wait? boolean

--- `pid` is null where the client did not say.
---@class mazu.ConnectedClient
---@field kind "editor"|"terminal"
---@field name string
---@field pid? integer
---@field since string

--- Without `ids` all open ones of the last time are applied or dismissed.
---@class mazu.ConsolidateParams
---@field ids? string[] Ids of proposals; show these alone.
---@field apply? boolean Do what was proposed, as it was shown.
---@field dismiss? boolean Do not propose it again.
---@field last? boolean Show what was found the last time.

--- One thing that consolidation would do: archive `ids` (`keep` stays), or write `text` as the page `slug` or the role.
---
--- `titles` are those of `ids`, then of `keep`. `stale`: it was not applied, since what it is about changed.
---@class mazu.ConsolidationProposal
---@field id string
---@field state "applied"|"dismissed"|"open"|"stale"
---@field kind string
---@field titles string[]
---@field ids string[]
---@field reason string
---@field keep? string
---@field slug? string
---@field text? string

--- What was proposed and, where `applied`, what was archived and written; `digest` says it in a few lines. `notApplied`: ids of
--- what was to be applied and is not, since what it is about changed.
---@class mazu.ConsolidationResult
---@field proposals mazu.ConsolidationProposal[]
---@field archived mazu.Memory[]
---@field pages mazu.Memory[]
---@field applied boolean
---@field digest string
---@field notApplied string[]
---@field at? string

--- `query`: only files whose path has this in it, in upper or lower case; at most `limit` of them.
---@class mazu.ContentsParams
---@field id string An id.
---@field query? string Only files with this in their path.
---@field limit? integer Return at most this many.

--- What one member said, or why it said nothing.
---@class mazu.CouncilAnswer
---@field model string
---@field reply string
---@field usage mazu.Usage
---@field error? mazu.Error

---@class mazu.CouncilParams
---@field question string The question.
---@field models? string[] A model to ask; at least two.
---@field lead? string The model that compares the answers.
---@field attachments? mazu.DocumentRange[] Documents, or ranges of them.
---@field wait? boolean

--- `synthesis` is the lead's comparison and recommendation; `error` is set where the lead failed.
---@class mazu.CouncilResult
---@field question string
---@field answers mazu.CouncilAnswer[]
---@field lead string
---@field synthesis string
---@field dissent string
---@field usage mazu.Usage
---@field error? mazu.Error

--- `ids`, or `all` that wait.
---@class mazu.DecideProposalsParams
---@field ids? string[] Ids of proposals, as they are listed.
---@field all? boolean All that are waiting.

--- `memories` are the new ones, `duplicates` how many were known; `left` wait. `notes` name what the new ones replaced or contradict.
---@class mazu.DecidedProposals
---@field memories mazu.Memory[]
---@field duplicates integer
---@field rejected integer
---@field left integer
---@field notes string[]

---@class mazu.DeleteSessionParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field forGood? boolean It cannot be restored.

---@class mazu.DeleteTraitParams
---@field key string Its name.
---@field scope? "global"|"project" Of this project, or of all projects.

--- What is left after a deletion; `restorableUntil` is null where it was for good.
---@class mazu.DeletedSessionList
---@field sessions mazu.SessionSummary[]
---@field current? string
---@field restorableUntil? string

--- `against`: "now" or another checkpoint.
---@class mazu.DiffParams
---@field id string An id.
---@field against? string Another id; now if not given.
---@field paths? string[] Only these files or folders.

--- `memories` names what was added, changed and removed; `patch` is a git patch, cut where `truncated`.
---@class mazu.DiffResult
---@field files mazu.FileDiff[]
---@field memories table<string, any>
---@field patch string
---@field truncated boolean

--- A document, or the given range of it.
---@class mazu.DocumentRange
---@field uri string
---@field range? lsp.Range

---@class mazu.EditParams
---@field uri string
---@field range lsp.Range
---@field instruction string How to change them.
---@field model? string Provider:model.
---@field wait? boolean

--- Why a turn ended in an error.
---@class mazu.Error
---@field kind string
---@field message string
---@field hint string

--- A page of a session's events. `updates` is the `seq` of the last `mazu/session/update` of the same moment.
---@class mazu.EventPage
---@field sessionId string
---@field name string
---@field head integer
---@field last integer
---@field events mazu.Event[]
---@field next? integer
---@field updates integer
---@field partial? mazu.PartialMessage
---@field state string

--- One stored event. `live`: it is on the way from the root of the conversation to `head`.
---@class mazu.Event
---@field seq integer
---@field parent integer
---@field at string
---@field turnId? string
---@field live boolean
---@field update table<string, any>

--- `uri` and `range`: what would be attached to the message.
---@class mazu.ExplainInjectionParams
---@field message string The message.
---@field uri? string
---@field range? lsp.Range

--- `uri`: a Markdown file or a folder. `scope`: whose memory; without it the project's, and global memory where no project is open.
---@class mazu.ExportImportParams
---@field uri string A file or folder.
---@field scope? "all"|"global"|"project" Write the memory of this project (the default), of all projects, or both.

--- `uri`: the file to write; one that exists is replaced only with `overwrite`.
---@class mazu.ExportStateParams
---@field uri string The file to write.
---@field overwrite? boolean Replace a file of that name.

--- How many memories were written, and where; `leftOut` counts those of all projects where `scope` named no store.
---@class mazu.ExportedMemories
---@field count integer
---@field uri string
---@field leftOut integer

---@class mazu.ExportedState
---@field uri string
---@field bytes integer
---@field memories integer
---@field sessions integer
---@field checkpoints integer
---@field notIncluded integer Ignored or too large files whose earlier content an undo restores here, but not from this file.

---@class mazu.FileCounts
---@field added integer
---@field modified integer
---@field deleted integer

--- Lines added and removed; null where the file is binary.
---@class mazu.FileDiff
---@field path string
---@field status "added"|"deleted"|"modified"
---@field added? integer
---@field removed? integer

--- Lines added and removed in one document by a turn.
---@class mazu.FileEdit
---@field uri string
---@field added integer
---@field removed integer

--- `text` is null for a binary file and where there was none. `data`: the bytes of a binary file in Base64, unless it is larger
--- than 16 MiB.
---@class mazu.FileText
---@field text? string
---@field binary boolean
---@field exists boolean
---@field data? string

---@class mazu.ForgetParams
---@field id string An id.
---@field scope? "global"|"project" Of this project, or of all projects.
---@field forGood? boolean Do not keep it for `restore`; a checkpoint may still hold it.

---@class mazu.ForgetResult
---@field forgotten mazu.Memory

---@class mazu.ForkSessionParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field turnId? string Up to before this turn, which may have been undone.
---@field withTurn? boolean That turn too.
---@field name? string Its name.

--- `text` is the drawing; with `json` it is empty. `edges` are those found, as [source, relation, target].
---@class mazu.Graph
---@field text string
---@field nodes string[]
---@field edges string[][]

--- A memory as a checkpoint holds it.
---@class mazu.HeldMemory
---@field id string
---@field category string
---@field title string
---@field state string

--- `agent`: whose files are at `uri`; without it Markdown that was exported, or a memory.db.
---@class mazu.ImportParams
---@field uri string A file or folder of Markdown, a memory.db, or the folder of the other agent.
---@field agent? "aider"|"claude-code"|"codex"|"cursor"|"markdown" Whose files they are: transcripts become searchable, decisions are proposed.

--- `mine`: the user says that a file which this machine did not write is their own; `replace`: what is here is set aside.
---@class mazu.ImportStateParams
---@field uri string The file.
---@field mine? boolean The archive is your own, made on another machine.
---@field replace? boolean Replace the current state of this project; the old one is kept.

--- A message of another agent's conversation that was imported; `text` is an excerpt.
---@class mazu.ImportedMatch
---@field agent string
---@field session string
---@field role "assistant"|"note"|"tool"|"user"
---@field at string
---@field text string

--- How many entries there were and what became of them; `problems` names each file that was left out and why.
---@class mazu.ImportedMemories
---@field count integer
---@field created integer
---@field updated integer
---@field unchanged integer
---@field duplicates integer
---@field problems string[]

---@class mazu.ImportedProposalPage
---@field proposals mazu.ImportedProposal[]
---@field total integer

--- What becomes a memory when it is accepted; `times` says how often it was found.
---@class mazu.ImportedProposal
---@field id string
---@field category string
---@field title string
---@field evidence string
---@field times integer

--- `project` is the path of the project that the file was made of; `setAside` where the previous state is kept.
---@class mazu.ImportedState
---@field project string
---@field createdAt string
---@field memories integer
---@field sessions integer
---@field checkpoints integer
---@field setAside? string

--- A memory that the turn is given: in the standing block, or in that of this request.
---@class mazu.InjectedMemory
---@field memory mazu.Memory
---@field block "context"|"standing"
---@field why string

--- `tokens` (an estimate) of `budget`, the setting `memory.inject_tokens`. `saidBefore` are lines about conversations that have no summary
--- yet: their date and what the user said last.
---@class mazu.Injection
---@field told mazu.InjectedMemory[]
---@field left mazu.LeftOutMemory[]
---@field tokens integer
---@field budget integer
---@field saidBefore string[]

--- The session used last, whose last turn was broken off.
---@class mazu.InterruptedSession
---@field sessionId string
---@field name string

---@class mazu.LeftOutMemory
---@field memory mazu.Memory
---@field why string

---@class mazu.ListCheckpointsParams
---@field limit? integer Return at most this many.
---@field sessionId? string An id of a session. The last one used if not given.

---@class mazu.ListMemoriesParams
---@field scope? "global"|"project" Of this project, or of all projects.
---@field category? "convention"|"decision"|"fact"|"mistake"|"task_outcome"|"user_preference" The kind of memory.
---@field state? "archived"|"check"|"current"|"superseded" Only those in this state.
---@field limit? integer Return at most this many.
---@field offset? integer Skip this many first.

--- `prefix`: pages below this slug.
---@class mazu.ListPagesParams
---@field prefix? string Only pages whose slug begins with this.
---@field tag? string Only pages with this tag.

---@class mazu.ListProposalsParams
---@field uri? string Only those of this file.

---@class mazu.ListSessionsParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field deleted? boolean List the deleted ones that can be restored instead.

---@class mazu.ListTraitsParams
---@field scope? "global"|"project" Of this project, or of all projects.

---@class mazu.MadeCall
---@field id string
---@field name string
---@field arguments table<string, any>

--- `tools` can be called; `waiting` are new or changed and need the user. `detail`: why it is not connected.
---@class mazu.McpServer
---@field name string
---@field state "connected"|"failed"|"not_agreed"|"reconnecting"|"starting"|"stopped"
---@field tools integer
---@field waiting string[]
---@field detail string

---@class mazu.MemoryCounts
---@field added integer
---@field changed integer
---@field removed integer

--- `total` counts all that match, beyond this page too. `unaccepted`: ids of those whose file in `.mazu/shared` says something
--- else that was not accepted yet.
---@class mazu.MemoryPage
---@field memories mazu.Memory[]
---@field total integer
---@field unaccepted string[]

---@class mazu.MemoryResult
---@field memory mazu.Memory

---@class mazu.MemoryStateParams
---@field id string An id.
---@field scope? "global"|"project" Of this project, or of all projects.

--- By scope: `entries`, memories by `states`, entries by `kinds`, `bytes` on the disk.
---@class mazu.MemoryStats
---@field project? table<string, any>
---@field common table<string, any>

--- `reason` where memory is not `available`, else counts by scope, and how many proposals wait to be accepted. `notice`: why
--- memories are not found as they are set up to be, empty if they are.
---@class mazu.MemoryStatus
---@field available boolean
---@field reason? string
---@field project? table<string, any>
---@field global? table<string, any>
---@field waiting integer
---@field notice string

--- A value that somebody gave a field of a shared memory; `holds` is the one that counts.
---@class mazu.MemoryVersion
---@field field string
---@field value any
---@field at string
---@field by string
---@field holds boolean

--- A memory as the wire shows it. `score` and `why` only come with recalled ones.
---@class mazu.Memory
---@field id string
---@field scope "global"|"project"
---@field category string
---@field title string
---@field body string
---@field tags string[]
---@field pinned boolean
---@field source string
---@field state string
---@field strength number
---@field createdAt string
---@field updatedAt string
---@field lastUsedAt? string
---@field useCount integer
---@field supersedes? string
---@field supersededBy? string
---@field anchors mazu.Anchor[]
---@field sessionId? string
---@field origin? string
---@field shared? string
---@field author? string
---@field score? number
---@field why? string

---@class mazu.ModelCallParams
---@field messages mazu.CallerMessage[]
---@field tools? mazu.OfferedTool[]
---@field forceTool? string
---@field model? string
---@field partialResultToken? string The answer's text is also sent as it comes, as `$/progress` of this token.

--- What the model said, and the calls that it asks its caller for.
---@class mazu.ModelCallResult
---@field text string
---@field calls mazu.MadeCall[]
---@field usage mazu.Usage

--- `current` is null where no key is set.
---@class mazu.ModelList
---@field models mazu.Model[]
---@field current? string

--- `contextWindow` and `maxOutput` in tokens; `prices` is null where they are not known.
---@class mazu.ModelSpec
---@field provider string
---@field model string
---@field contextWindow integer
---@field maxOutput integer
---@field prices? mazu.Prices
---@field seesImages boolean
---@field thinks string
---@field api string
---@field hosted boolean

--- A model that can be chosen by `name`. `ready`: its key is there, or it needs none. `source`: where it is known from.
---@class mazu.Model
---@field name string
---@field provider string
---@field spec mazu.ModelSpec
---@field ready boolean
---@field source string

---@class mazu.NewSessionParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field name? string

--- No arguments.
---@class mazu.NoParams

---@class mazu.NotShared
---@field id string
---@field why string

--- A tool of the caller's, which the caller runs; `schema` is the JSON schema of an object.
---@class mazu.OfferedTool
---@field name string
---@field description string
---@field schema table<string, any>

---@class mazu.PageList
---@field pages mazu.Page[]

---@class mazu.PageParams
---@field slug string The page's name.

--- `text` is the page as Markdown, tags as front matter, the title as its first line.
---@class mazu.PageResult
---@field slug string
---@field text string
---@field memory mazu.Memory

---@class mazu.Page
---@field slug string
---@field title string
---@field tags string[]

--- What has streamed of a message that is not finished.
---@class mazu.PartialMessage
---@field message string
---@field thought string

--- An excerpt of a past conversation: with mazu-ls, or with `agent`, from which it was imported.
---
--- `role`: whose words these are. `answer`: what the agent answered, where `text` is the user's.
---@class mazu.PastWords
---@field agent string
---@field session string
---@field role "assistant"|"note"|"tool"|"user"
---@field at string
---@field text string
---@field answer string

---@class mazu.PathReason
---@field path string
---@field reason string

--- A rule. `id` is null for one of the settings, which is changed there; `sessionId`: the session it ends with.
---@class mazu.PermissionRule
---@field id? string
---@field tool string
---@field pattern string
---@field verdict "allow"|"ask"|"deny"
---@field source "given"|"granted"|"session"|"settings"
---@field givenAt? string
---@field grantedAt? string
---@field sessionId? string

---@class mazu.PermissionState
---@field mode "ask"|"auto"|"bypass"|"plan"
---@field rules mazu.PermissionRule[]

--- `sandboxed`: nobody agreed to it, the sandbox holds it. `rule`: the rule that decided.
---@class mazu.PermissionVerdict
---@field verdict "allow"|"ask"|"deny"
---@field reason string
---@field sandboxed boolean
---@field rule? string

--- What a rollback writes, deletes, keeps, and where it conflicts with the user's own work; no file is in two of these.
---
--- `setAside`: of the files in `write`, those that no checkpoint can hold as they are now (too large, for example): they are
--- moved, and the reason says where to. `users` and `agents` say whose work each file holds since the checkpoint. `ownMemories`: which of the names are those of
--- memories that you changed, and of no file. `undecided`: there is something to be answered before anything is done.
---@class mazu.Plan
---@field write string[]
---@field delete string[]
---@field buffers string[]
---@field keep mazu.PathReason[]
---@field setAside mazu.PathReason[]
---@field conflicts mazu.PathReason[]
---@field users string[]
---@field agents string[]
---@field ownMemories string[]
---@field memories mazu.MemoryCounts
---@field conversation boolean
---@field undecided boolean

--- US dollars per million tokens. A prompt of more than `longFrom` tokens costs `longInput` and `longOutput` times as much.
---@class mazu.Prices
---@field input number
---@field output number
---@field cacheRead? number
---@field cacheWrite? number
---@field longFrom? integer
---@field longInput number
---@field longOutput number

---@class mazu.ProposalList
---@field proposals mazu.Proposal[]

---@class mazu.ProposalPageParams
---@field limit? integer Return at most this many.
---@field offset? integer Skip this many first.

--- One open hunk: number `hunk` of `of` in its file; `range` holds the lines that would go.
---@class mazu.Proposal
---@field id string
---@field uri string
---@field path string
---@field kind "create"|"delete"|"edit"
---@field state "open"|"stale"
---@field hunk integer
---@field of integer
---@field range lsp.Range
---@field diff string
---@field sessionId string
---@field turnId string
---@field createdAt string

--- `labelled`: those the user named, too. Pinned ones never go.
---@class mazu.PruneParams
---@field keep? integer Keep this many.
---@field olderThanDays? integer Delete only those older than this many days.
---@field labelled? boolean Delete labelled ones, too.

--- `shed`: how many of them the size cap took although an undo might have needed them.
---@class mazu.PruneResult
---@field removed string[]
---@field bytesFreed integer
---@field shed integer

---@class mazu.QuestionHunk
---@field id string
---@field diff string

--- `kind` `choice`: an answer that costs something or cannot be guessed; no key that allows takes it, only its label.
---@class mazu.QuestionOption
---@field id string
---@field label string
---@field kind "allow_always"|"allow_once"|"allow_session"|"choice"|"deny"

--- A tool call that waits for the user. `rule`: what a standing answer would allow; `document`: the file that changes.
---
--- `editable`: names of the arguments that the user may change before allowing. `reason`: why it is asked, with which `detail` ends.
---@class mazu.Question
---@field sessionId string
---@field callId string
---@field tool string
---@field title string
---@field detail string
---@field options mazu.QuestionOption[]
---@field diff? string
---@field hunks? mazu.QuestionHunk[]
---@field rule? string
---@field document? string
---@field editable? string[]
---@field reason? string

---@class mazu.QueueParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field remove? string

--- A message that waits.
---@class mazu.QueuedMessage
---@field queueId string
---@field text string

--- Messages that are sent when the running turn has ended, in their order.
---@class mazu.QueuedMessages
---@field queued mazu.QueuedMessage[]

--- The answer to a message that waits for the running turn to end.
---@class mazu.QueuedResult
---@field sessionId string
---@field turnId? nil
---@field queueId string

--- Without `query` the text of the last code action's range.
---@class mazu.RecallHereParams
---@field query? string
---@field uri? string

---@class mazu.RecallParams
---@field query string Words or a question.
---@field limit? integer Return at most this many.
---@field scope? "global"|"project" Of this project, or of all projects.
---@field category? "convention"|"decision"|"fact"|"mistake"|"task_outcome"|"user_preference" The kind of memory.
---@field uri? string

--- Best first. `onlyNearest`: nothing was found by words or meaning, and these are merely the nearest there is.
---
--- `waiting`: where nothing was found, how many proposals wait to be accepted; one of them may be what is asked for. `said`: what past
--- conversations hold of it then, and where a memory is only close in meaning. `mainWorktree`: where nothing was found in a linked git worktree, the folder of the main one, which
--- has a memory of its own. `unaccepted`: as in MemoryPage. `notice`: why memories are not found as they are set up to be, such as by a model that does not answer.
---@class mazu.RecallResult
---@field memories mazu.Memory[]
---@field onlyNearest boolean
---@field waiting integer
---@field said mazu.PastWords[]
---@field mainWorktree? string
---@field notice string
---@field unaccepted string[]

---@class mazu.RedoParams
---@field sessionId? string An id of a session. The last one used if not given.

--- The model gets the note.
---@class mazu.RejectHunksParams
---@field ids? string[] Ids; all if none is given.
---@field uri? string Only those of this file.
---@field note? string A reason for the model.

---@class mazu.RejectResult
---@field rejected string[]

---@class mazu.RememberParams
---@field title string What to remember, in one sentence.
---@field body? string The full text, below its title.
---@field category? "convention"|"decision"|"fact"|"mistake"|"task_outcome"|"user_preference" The kind of memory.
---@field scope? "global"|"project" Of this project, or of all projects.
---@field tags? string[] Tags.
---@field pinned? boolean Never forget it.
---@field anchors? mazu.DocumentRange[] Documents, or ranges of them.
---@field supersedes? string The id it replaces.

--- `replaced` is the memory that the new one superseded, `alike` up to three live ones that contradict it in the other scope or
--- differ from it in one thing only: mazu.memory.supersede replaces one of the same scope, if that was meant.
---@class mazu.RememberResult
---@field memory mazu.Memory
---@field outcome "created"|"duplicate"|"superseded"
---@field replaced? mazu.Memory
---@field alike mazu.Memory[]

---@class mazu.RenameSessionParams
---@field name string The new name.
---@field sessionId? string An id of a session. The last one used if not given.

---@class mazu.RequestedCall
---@field id string
---@field name string
---@field arguments table<string, any>

---@class mazu.RestoreSessionParams
---@field sessionId? string An id of a deleted session. The last one deleted if not given.

---@class mazu.ReturnedResult
---@field callId string
---@field text string
---@field ok? boolean

--- `paths` and `hunks` together; without both everything that the turn changed.
---@class mazu.RevertTurnParams
---@field sessionId? string
---@field turnId? string
---@field paths? string[]
---@field hunks? string[]

---@class mazu.RevokeRuleParams
---@field id string An id.

---@class mazu.RevokeTrustParams
---@field id string An id.

---@class mazu.RewindParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field turns? integer How many turns.
---@field turnId? string

--- `text` is empty where there is no role document.
---@class mazu.Role
---@field uri string
---@field text string

--- Without `id` the newest checkpoint that was taken by name, or before a turn, and differs from now; without `only` everything
--- it holds.
---@class mazu.RollbackParams
---@field id? string An id or a label; if not given, the newest taken by name or before a turn that differs from now.
---@field only? ("code"|"conversation"|"memory"|"skills")[] Only these parts.
---@field paths? string[] Only these files or folders.
---@field preview? boolean Only show what would happen.
---@field onConflict? "ask"|"keep"|"leave"|"overwrite" What happens to your own changes.
---@field memories? string[] Only these memories, where memory is all that is restored.

--- `verified`: every file was hashed again and is right. Roll back to `safety` to undo.
---@class mazu.RollbackResult
---@field checkpoint mazu.Checkpoint
---@field safety? mazu.Checkpoint
---@field plan mazu.Plan
---@field applied boolean
---@field verified boolean
---@field problems mazu.PathReason[]

---@class mazu.RuleFields
---@field tool string
---@field pattern? string
---@field verdict? "allow"|"ask"|"deny"

--- `maxCost` is in US dollars; the others override the settings of the same name.
---@class mazu.RunParams
---@field task string What to do.
---@field sessionId? string Continue this conversation instead of starting a new one.
---@field maxSteps? integer Stop after this many steps.
---@field maxCost? number Stop a turn after this many US dollars; the next message of a conversation starts at 0 again.
---@field maxTokens? integer Stop after this many tokens.
---@field maxSeconds? number Stop after this many seconds.
---@field checkpointEvery? integer Take a checkpoint after this many steps.
---@field allowShell? boolean Let it run commands.
---@field model? string Provider:model.
---@field wait? boolean

---@class mazu.RunSkillParams
---@field name string Its name.
---@field arguments? table<string, any> What the skill is called with.

--- A turn that runs in another process, which may be `suspended` (Ctrl-Z); `client`: what that process is to people.
---@class mazu.RunningElsewhere
---@field sessionId string
---@field client string
---@field pid integer
---@field suspended boolean

---@class mazu.RunningSession
---@field sessionId string
---@field name string
---@field state string

--- What a command is confined by, and why.
---@class mazu.SandboxStatus
---@field setting string
---@field kind string
---@field why string

--- `source` is Python; `name` is the function's where it is not given.
---@class mazu.SaveSkillParams
---@field source string Python source.
---@field name? string Its name.
---@field description? string
---@field scope? "global"|"project" Of this project, or of all projects.

---@class mazu.SearchPagesParams
---@field query string Words to search for.
---@field limit? integer Return at most this many.

---@class mazu.SearchSessionsParams
---@field query string Words to search for.
---@field limit? integer Return at most this many.

--- `after`: the `seq` of the journal behind which a page begins.
---@class mazu.SessionEventsParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field after? integer
---@field limit? integer

--- The last used first; `current` is the one meant when none is named.
---@class mazu.SessionList
---@field sessions mazu.SessionSummary[]
---@field current? string

--- A turn in which words of the query occur; `text` is an excerpt of what holds the most of them, `role` says whose
--- words these are. `answer`: what the agent answered, where they are the user's.
---@class mazu.SessionMatch
---@field sessionId string
---@field name string
---@field at string
---@field turnId string
---@field role "assistant"|"note"|"tool"|"user"
---@field text string
---@field answer string

--- The best first; `imported` are conversations with other agents.
---@class mazu.SessionMatches
---@field matches mazu.SessionMatch[]
---@field imported mazu.ImportedMatch[]

--- One session; without `sessionId` the last used one.
---@class mazu.SessionParams
---@field sessionId? string An id of a session. The last one used if not given.

--- What a list shows. `state`: "running", "waiting", "idle", "ended". `interrupted`: the last turn was broken off. `aside`: no chat, but a
--- question, a rewrite, a run or a member of a council.
---@class mazu.SessionSummary
---@field id string
---@field name string
---@field createdAt string
---@field updatedAt string
---@field turnCount integer
---@field state string
---@field model? string
---@field usage mazu.Usage
---@field interrupted boolean
---@field aside boolean

--- A session with its turns, oldest first. `compacted`: whether `mazu.session.compact` replaced anything.
---@class mazu.Session
---@field id string
---@field name string
---@field createdAt string
---@field updatedAt string
---@field turnCount integer
---@field state string
---@field model? string
---@field usage mazu.Usage
---@field interrupted boolean
---@field aside boolean
---@field turns mazu.Turn[]
---@field compacted? boolean

--- `confirm`: the word "bypass", typed by the user, for that mode.
---@class mazu.SetModeParams
---@field mode "ask"|"auto"|"bypass"|"plan" A permission mode.
---@field confirm? string

---@class mazu.SetModelParams
---@field model string Provider:model.

--- `uri`: a file whose text becomes the role; without it the open document is taken.
---@class mazu.SetRoleParams
---@field uri? string A file.

---@class mazu.SetRuleParams
---@field rule mazu.RuleFields The rule to store.

---@class mazu.SetTraitParams
---@field key string Its name.
---@field value string Its value.
---@field pinned? boolean Never forget it.
---@field scope? "global"|"project" Of this project, or of all projects.

--- Memories of the project.
---@class mazu.ShareParams
---@field ids string[] Ids of memories, as they are listed.

--- `refused` are those that were not shared; `remote` is where the next sync sends them, null for the folder.
---@class mazu.ShareResult
---@field memories mazu.Memory[]
---@field refused mazu.NotShared[]
---@field remote? string

--- A node by `id` (a memory, `file:PATH`, `tag:NAME`, ...) or the best memory for `query`.
---@class mazu.ShowGraphParams
---@field id? string A node: an id of a memory, file:PATH or tag:NAME.
---@field query? string Words to search for.
---@field depth? integer How many relations away.
---@field format? "json"|"mermaid"|"text" The form of the drawing.

---@class mazu.ShowMemoryParams
---@field id string An id.
---@field scope? "global"|"project" Of this project, or of all projects.

--- The role document in force; with `uri` that document, as it would be as a role.
---@class mazu.ShowRoleParams
---@field uri? string

---@class mazu.ShowSessionParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field turns? integer How many turns.

--- `text` is the memory as Markdown; `chain` what it superseded, newest first; `versions` its history in team memory.
---@class mazu.ShownMemory
---@field memory mazu.Memory
---@field text string
---@field chain mazu.Memory[]
---@field versions mazu.MemoryVersion[]

--- By name; `problems` say which files are no skills, and why.
---@class mazu.SkillList
---@field skills mazu.Skill[]
---@field problems string[]

---@class mazu.SkillParams
---@field name string Its name.

--- What the function returned, and what it printed.
---@class mazu.SkillRunResult
---@field result any
---@field output string

--- A saved function. `schema` is the JSON schema of its arguments; a list leaves `source` out.
---@class mazu.Skill
---@field name string
---@field description string
---@field scope "global"|"project"
---@field uri string
---@field schema table<string, any>
---@field tests string[]
---@field trust "agreed"|"changed"|"new"
---@field source? string

---@class mazu.SkippedFile
---@field path string
---@field reason string
---@field bytes integer

--- The answer of a command that continues as a job. One that belongs to no session has the same id of its own in both.
---@class mazu.StartedResult
---@field sessionId string
---@field turnId? string

--- One object for status bars. `keys`: of which providers a key is there; `pid`: of the server.
---@class mazu.Status
---@field version string
---@field model? string
---@field mode "ask"|"auto"|"bypass"|"plan"
---@field session? string
---@field running mazu.RunningSession[]
---@field runningElsewhere mazu.RunningElsewhere[]
---@field interrupted? mazu.InterruptedSession
---@field jobs string[]
---@field memory mazu.MemoryStatus
---@field checkpoints mazu.CheckpointStatus
---@field keys table<string, boolean>
---@field git boolean
---@field sandbox mazu.SandboxStatus
---@field mcpServers mazu.McpServer[]
---@field folders string[]
---@field warnings string[]
---@field log string
---@field pid integer
---@field clients mazu.ConnectedClient[]

--- `by` is the memory that holds from now on.
---@class mazu.SupersedeParams
---@field id string An id.
---@field by string The id of the one that replaces it.
---@field scope? "global"|"project" Of this project, or of all projects.

--- `remote`: a URL, a path, a remote of the repository, or "none" for the folder; the last one if not given.
---@class mazu.SyncParams
---@field remote? string A URL, a path or a remote of this repository, kept for the next time; "none" for the folder.
---@field pull? boolean Send and write nothing.
---@field accept? boolean Accept everything that the folder proposes.

--- Memories sent and received, entries removed here; `waiting` are proposals of the folder (mazu.memory.import.proposals),
--- `hint` a sentence on what else to do.
---@class mazu.Sync
---@field place string
---@field sent integer
---@field received integer
---@field removed integer
---@field waiting integer
---@field refused mazu.NotShared[]
---@field problems string[]
---@field hint string

--- A tool call of a turn.
---@class mazu.ToolCall
---@field tool string
---@field arguments table<string, any>
---@field verdict string
---@field outcome string

---@class mazu.ToolList
---@field tools mazu.Tool[]

--- What a model may call; `schema` is the JSON schema of its arguments.
---@class mazu.Tool
---@field name string
---@field description string
---@field effect string
---@field source string
---@field schema table<string, any>

---@class mazu.TranscriptParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field uri? string A file.

--- A conversation as Markdown; `uri` where it was written to a file, `text` otherwise.
---@class mazu.TranscriptText
---@field text? string
---@field uri? string

--- `hash` is the SHA-256 of the content as it is now. `files`: absolute paths of files of the project that a server is
--- started from and that are new or changed since the user agreed; empty for anything else. `host`: where a server is that is reached
--- over HTTP, with its address if that is of this machine or the user's network; empty for anything else.
---@class mazu.TrustItem
---@field id string
---@field kind "mcp"|"role"|"skill"|"tool"
---@field path string
---@field state "agreed"|"changed"|"new"
---@field hash string
---@field files string[]
---@field host string

---@class mazu.TrustList
---@field items mazu.TrustItem[]

--- `before` and `after` are checkpoints, null where the turn changed nothing.
---@class mazu.TurnChanges
---@field turnId string
---@field before? string
---@field after? string
---@field files mazu.ChangedFile[]

---@class mazu.TurnMemories
---@field injected string[]
---@field written string[]

--- A turn; without `turnId` the last one of the session.
---@class mazu.TurnParams
---@field sessionId? string
---@field turnId? string

--- `detail` says the stop reason in a sentence; `error` is null unless the stop reason is "error". `uncounted`: what commands changed
--- is not among the edits, since it was too much or the turn was stopped.
---@class mazu.TurnResult
---@field sessionId string
---@field turnId string
---@field reply string
---@field stopReason "cancelled"|"end_turn"|"error"|"max_cost"|"max_seconds"|"max_steps"|"max_tokens"|"refusal"|"stuck"
---@field detail string
---@field usage mazu.Usage
---@field edits mazu.FileEdit[]
---@field checkpoints string[]
---@field memories mazu.TurnMemories
---@field error? mazu.Error
---@field uncounted boolean

--- One turn of a transcript.
---@class mazu.Turn
---@field id string
---@field at string
---@field kind string
---@field model string
---@field message string
---@field reply string
---@field stopReason string
---@field detail string
---@field calls mazu.ToolCall[]
---@field checkpoints string[]
---@field usage mazu.Usage

--- Back to before a turn: `turnId`, or the last one. Without `onConflict` the user is asked.
---@class mazu.UndoParams
---@field sessionId? string An id of a session. The last one used if not given.
---@field turnId? string Back to before this turn.
---@field code? boolean Restore files.
---@field conversation? boolean Remove the turns from the conversation.
---@field memory? boolean Restore memory.
---@field preview? boolean Only show what would happen.
---@field onConflict? "ask"|"keep"|"leave"|"overwrite" What happens to your own changes.

--- Fields that are not given stay as they are.
---@class mazu.UpdateMemoryParams
---@field id string An id.
---@field scope? "global"|"project" Of this project, or of all projects.
---@field title? string What it says, in one sentence.
---@field body? string The full text, below its title.
---@field category? "convention"|"decision"|"fact"|"mistake"|"task_outcome"|"user_preference" The kind of memory.
---@field tags? string[] Tags.
---@field pinned? boolean Never forget it.
---@field anchors? mazu.DocumentRange[]

--- Tokens, calls, steps and US dollars. `costUsd` is None where a price is not known, never 0: `knownCostUsd` is then what
--- the other calls cost, and `unpricedCalls` how many are left out of it.
---
--- `estimated`: a part of the tokens, and so of the cost, was counted here, because a call was stopped before
--- the service reported all, or because it does not report them.
---@class mazu.Usage
---@field inputTokens integer
---@field outputTokens integer
---@field cacheReadTokens integer
---@field cacheWriteTokens integer
---@field modelCalls integer
---@field steps integer
---@field costUsd? number
---@field estimated boolean
---@field knownCostUsd number
---@field unpricedCalls integer

---@class mazu.UsageParams
---@field sessionId? string An id of a session. All sessions of the project if not given.
---@field sinceDays? number Count only the last days, this many.

--- By `provider:model`; `costUsd` is null where a price is not known, never 0.
---@class mazu.UsageReport
---@field byModel table<string, mazu.Usage>
---@field total mazu.Usage
---@field costUsd? number

--- A virtual document (`mazu:`), or the file that stands for one.
---@class mazu.ViewParams
---@field uri string

---@class mazu.WritePageParams
---@field slug string The page's name.
---@field text string Markdown.
---@field mode? "append"|"replace" Replace the page or append to it.
