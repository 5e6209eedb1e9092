"""Memory over the wire (docs/protocol.md, sections 2 and 3)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from mazu_ls.server.rpc.lsp_types import LspPosition, LspRange
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Category, Count, DocumentRange, Positive, Scope, State, Text
from mazu_ls.server.wire.memory.past_words import PastWords

if TYPE_CHECKING:
    from mazu_ls.memory import models


Agent = Literal["claude-code", "codex", "cursor", "aider", "markdown"]


class RememberParams(Params, frozen=True):
    title: Text
    """What to remember, in one sentence."""
    body: str = ""
    """The full text, below its title."""
    category: Category | None = None
    """The kind of memory."""
    scope: Scope | None = None
    """Of this project, or of all projects."""
    tags: tuple[str, ...] = ()
    """Tags."""
    pinned: bool = False
    """Never forget it."""
    anchors: tuple[DocumentRange, ...] = ()
    """Documents, or ranges of them."""
    supersedes: str | None = None
    """The id it replaces."""


class RecallParams(Params, frozen=True):
    query: str
    """Words or a question."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Return at most this many."""
    scope: Scope | None = None
    """Of this project, or of all projects."""
    category: Category | None = None
    """The kind of memory."""
    uri: str | None = None


class ListMemoriesParams(Params, frozen=True):
    scope: Scope | None = None
    """Of this project, or of all projects."""
    category: Category | None = None
    """The kind of memory."""
    state: State | None = None
    """Only those in this state."""
    limit: Positive = 100
    """Return at most this many."""
    offset: Count = 0
    """Skip this many first."""


class UpdateMemoryParams(Params, frozen=True):
    """Fields that are not given stay as they are."""

    id: str
    """An id."""
    scope: Scope | None = None
    """Of this project, or of all projects."""
    title: Text | None = None
    """What it says, in one sentence."""
    body: str | None = None
    """The full text, below its title."""
    category: Category | None = None
    """The kind of memory."""
    tags: list[str] | None = None
    """Tags."""
    pinned: bool | None = None
    """Never forget it."""
    anchors: list[DocumentRange] | None = None


class ForgetParams(Params, frozen=True):
    id: str
    """An id."""
    scope: Scope | None = None
    """Of this project, or of all projects."""
    for_good: bool = False
    """Do not keep it for `restore`; a checkpoint may still hold it."""


class ConsolidateParams(Params, frozen=True):
    """Without `ids` all open ones of the last time are applied or dismissed."""

    ids: tuple[str, ...] = ()
    """Ids of proposals; show these alone."""
    apply: bool = False
    """Do what was proposed, as it was shown."""
    dismiss: bool = False
    """Do not propose it again."""
    last: bool = False
    """Show what was found the last time."""


class ExportImportParams(Params, frozen=True):
    """`uri`: a Markdown file or a folder. `scope`: whose memory; without it the project's, and global memory where no project is open."""

    uri: str
    """A file or folder."""
    scope: Literal["all", "global", "project"] | None = None
    """Write the memory of this project (the default), of all projects, or both."""


class ImportParams(Params, frozen=True):
    """`agent`: whose files are at `uri`; without it Markdown that was exported, or a memory.db."""

    uri: str
    """A file or folder of Markdown, a memory.db, or the folder of the other agent."""
    agent: Agent | None = None
    """Whose files they are: transcripts become searchable, decisions are proposed."""


class ProposalPageParams(Params, frozen=True):
    limit: Positive = 100
    """Return at most this many."""
    offset: Count = 0
    """Skip this many first."""


class DecideProposalsParams(Params, frozen=True):
    """`ids`, or `all` that wait."""

    ids: tuple[str, ...] = ()
    """Ids of proposals, as they are listed."""
    all: bool = False
    """All that are waiting."""


class AgentImportResult(Wire, frozen=True):
    """`count` messages are searchable from now on; `proposals` are new and wait to be accepted."""

    count: int
    files: int
    unchanged: int
    proposals: int
    problems: list[str]


class ImportedProposalView(Wire, frozen=True):
    """What becomes a memory when it is accepted; `times` says how often it was found."""

    id: str
    category: str
    title: str
    evidence: str
    times: int


class ImportedProposalPage(Wire, frozen=True):
    proposals: list[ImportedProposalView]
    total: int


class ConsolidationProposalView(Wire, frozen=True):
    """One thing that consolidation would do: archive `ids` (`keep` stays), or write `text` as the page `slug` or the role.

    `titles` are those of `ids`, then of `keep`. `stale`: it was not applied, since what it is about changed."""

    id: str
    state: Literal["open", "applied", "dismissed", "stale"]
    kind: str
    titles: list[str]
    ids: list[str]
    reason: str
    keep: str | None
    slug: str | None
    text: str | None


class ConsolidationResult(Wire, frozen=True):
    """What was proposed and, where `applied`, what was archived and written; `digest` says it in a few lines. `not_applied`: ids of
    what was to be applied and is not, since what it is about changed."""

    proposals: list[ConsolidationProposalView]
    archived: list[MemoryView]
    pages: list[MemoryView]
    applied: bool
    digest: str
    not_applied: list[str]
    at: str | None


class ExportedMemories(Wire, frozen=True):
    """How many memories were written, and where; `left_out` counts those of all projects where `scope` named no store."""

    count: int
    uri: str
    left_out: int = 0


class ImportedMemories(Wire, frozen=True):
    """How many entries there were and what became of them; `problems` names each file that was left out and why."""

    count: int
    created: int
    updated: int
    unchanged: int
    duplicates: int
    problems: list[str]


class DecidedProposals(Wire, frozen=True):
    """`memories` are the new ones, `duplicates` how many were known; `left` wait. `notes` name what the new ones replaced or contradict."""

    memories: list[MemoryView]
    duplicates: int
    rejected: int
    left: int
    notes: tuple[str, ...] = ()


class AnchorView(Wire, frozen=True):
    """What a memory is about."""

    path: str
    symbol: str
    range: LspRange | None
    state: Literal["fresh", "moved", "stale"]


class MemoryView(Wire, frozen=True):
    """A memory as the wire shows it. `score` and `why` only come with recalled ones."""

    id: str
    scope: Scope
    category: str
    title: str
    body: str
    tags: list[str]
    pinned: bool
    source: str
    state: str
    strength: float
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
    use_count: int
    supersedes: str | None
    superseded_by: str | None
    anchors: list[AnchorView]
    session_id: str | None
    origin: str | None
    shared: str | None
    author: str | None
    score: float | UnsetType = UNSET
    why: str | UnsetType = UNSET

    @classmethod
    def from_memory(cls, memory: models.Memory) -> MemoryView:
        """The wire form of a stored memory."""
        same = {name: getattr(memory, name) for name in SAME}
        anchors = [AnchorView(a.path, a.symbol, lsp_range(a.range), a.state) for a in memory.anchors]
        return cls(
            **same, tags=list(memory.tags), anchors=anchors,
            score=UNSET if memory.score is None else memory.score,
            why=UNSET if memory.why is None else memory.why,
        )  # fmt: skip


SAME = (
    "id", "scope", "category", "title", "body", "pinned", "source", "state", "strength", "created_at", "updated_at",
    "last_used_at", "use_count", "supersedes", "superseded_by", "session_id", "origin", "shared", "author",
)  # fmt: skip


def lsp_range(span: models.TextRange | None) -> LspRange | None:
    """A stored range as LSP writes it."""
    if span is None:
        return None
    return LspRange(
        LspPosition(span.start_line, span.start_character), LspPosition(span.end_line, span.end_character)
    )


class RememberResult(Wire, frozen=True):
    """`replaced` is the memory that the new one superseded, `alike` up to three live ones that contradict it in the other scope or
    differ from it in one thing only: mazu.memory.supersede replaces one of the same scope, if that was meant."""

    memory: MemoryView
    outcome: Literal["created", "duplicate", "superseded"]
    replaced: MemoryView | None = None
    alike: tuple[MemoryView, ...] = ()


class RecallResult(Wire, frozen=True):
    """Best first. `only_nearest`: nothing was found by words or meaning, and these are merely the nearest there is.

    `waiting`: where nothing was found, how many proposals wait to be accepted; one of them may be what is asked for. `said`: what past
    conversations hold of it then, and where a memory is only close in meaning. `main_worktree`: where nothing was found in a linked git worktree, the folder of the main one, which
    has a memory of its own. `unaccepted`: as in MemoryPage. `notice`: why memories are not found as they are set up to be, such as by a model that does not answer.
    """

    memories: list[MemoryView]
    only_nearest: bool = False
    waiting: int = 0
    said: tuple[PastWords, ...] = ()
    main_worktree: str | None = None
    notice: str = ""
    unaccepted: tuple[str, ...] = ()


class MemoryPage(Wire, frozen=True):
    """`total` counts all that match, beyond this page too. `unaccepted`: ids of those whose file in `.mazu/shared` says something
    else that was not accepted yet."""

    memories: list[MemoryView]
    total: int
    unaccepted: tuple[str, ...] = ()


class MemoryResult(Wire, frozen=True):
    memory: MemoryView


class ForgetResult(Wire, frozen=True):
    forgotten: MemoryView
