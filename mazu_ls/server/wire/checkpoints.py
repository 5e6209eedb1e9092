"""Checkpoints and rollback over the wire (docs/protocol.md, sections 2 and 3)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Count, Positive

if TYPE_CHECKING:
    from mazu_ls.checkpoints import models

OwnWork = Literal["ask", "keep", "overwrite", "leave"]
"""What happens to the user's own work: they are asked, it stays, it is reverted, or nothing is rolled back if there is any."""
PartName = Literal["code", "memory", "conversation", "skills"]


class CheckpointParams(Params, frozen=True):
    label: str = ""
    """A label by which to find it again."""


class ListCheckpointsParams(Params, frozen=True):
    limit: Positive = 50
    """Return at most this many."""
    session_id: str | None = None
    """An id of a session. The last one used if not given."""


class DiffParams(Params, frozen=True):
    """`against`: "now" or another checkpoint."""

    id: str
    """An id."""
    against: str = "now"
    """Another id; now if not given."""
    paths: tuple[str, ...] = ()
    """Only these files or folders."""


class PruneParams(Params, frozen=True):
    """`labelled`: those the user named, too. Pinned ones never go."""

    keep: Count | None = None
    """Keep this many."""
    older_than_days: Count | None = None
    """Delete only those older than this many days."""
    labelled: bool = False
    """Delete labelled ones, too."""


class CheckpointIdParams(Params, frozen=True):
    id: str
    """An id."""


class CheckpointFileParams(Params, frozen=True):
    """`path`: as diffs and plans show it."""

    id: str
    """An id."""
    path: str
    """As the diff shows it."""


class ContentsParams(Params, frozen=True):
    """`query`: only files whose path has this in it, in upper or lower case; at most `limit` of them."""

    id: str
    """An id."""
    query: str = ""
    """Only files with this in their path."""
    limit: Positive = 500
    """Return at most this many."""


class HeldMemoryView(Wire, frozen=True):
    """A memory as a checkpoint holds it."""

    id: str
    category: str
    title: str
    state: str


class CheckpointContentsView(Wire, frozen=True):
    """`total`: how many files have the query in their path. Memories are those of the project."""

    files: list[str]
    total: int
    memories: list[HeldMemoryView]


class FileText(Wire, frozen=True):
    """`text` is null for a binary file and where there was none. `data`: the bytes of a binary file in Base64, unless it is larger
    than 16 MiB."""

    text: str | None
    binary: bool
    exists: bool
    data: str | None = None


class RollbackParams(Params, frozen=True):
    """Without `id` the newest checkpoint that was taken by name, or before a turn, and differs from now; without `only` everything
    it holds."""

    id: str | None = None
    """An id or a label; if not given, the newest taken by name or before a turn that differs from now."""
    only: tuple[PartName, ...] = ()
    """Only these parts."""
    paths: tuple[str, ...] = ()
    """Only these files or folders."""
    preview: bool = False
    """Only show what would happen."""
    on_conflict: OwnWork | None = None
    """What happens to your own changes."""
    memories: tuple[str, ...] = ()
    """Only these memories, where memory is all that is restored."""


class FileCountsView(Wire, frozen=True):
    added: int
    modified: int
    deleted: int


class MemoryCountsView(Wire, frozen=True):
    added: int
    changed: int
    removed: int


class SkippedFileView(Wire, frozen=True):
    path: str
    reason: str
    bytes: int


class CheckpointView(Wire, frozen=True):
    """One restorable state; `skipped` are the files it does not hold, which no rollback to it touches.

    `title`: the user's words and what it is, never an id. `complete` false: what other programs changed may be missing.
    """

    id: str
    parent_id: str | None
    created_at: datetime
    label: str
    kind: Literal["manual", "step", "baseline", "safety", "compaction"]
    session_id: str | None
    turn_id: str | None
    commit: str
    files: FileCountsView
    memories: MemoryCountsView
    bytes: int
    skipped: list[SkippedFileView]
    pinned: bool
    complete: bool
    title: str

    @classmethod
    def from_checkpoint(cls, taken: models.Checkpoint) -> CheckpointView:
        """The wire form of a checkpoint."""
        return cls(
            taken.id, taken.parent_id, taken.created_at, taken.label, taken.kind, taken.session_id, taken.turn_id,
            taken.commit,
            FileCountsView(taken.files.added, taken.files.modified, taken.files.deleted),
            MemoryCountsView(taken.memories.added, taken.memories.changed, taken.memories.removed),
            taken.bytes,
            [SkippedFileView(file.path, file.reason, file.bytes) for file in taken.skipped],
            taken.pinned, taken.complete, taken.title or taken.label,
        )  # fmt: skip


class CheckpointList(Wire, frozen=True):
    """Newest first; `current` is the one whose state the project was last brought to or taken at."""

    checkpoints: list[CheckpointView]
    current: str | None


class PathReasonView(Wire, frozen=True):
    path: str
    reason: str


class PlanView(Wire, frozen=True):
    """What a rollback writes, deletes, keeps, and where it conflicts with the user's own work; no file is in two of these.

    `set_aside`: of the files in `write`, those that no checkpoint can hold as they are now (too large, for example): they are
    moved, and the reason says where to. `users` and `agents` say whose work each file holds since the checkpoint. `own_memories`: which of the names are those of
    memories that you changed, and of no file. `undecided`: there is something to be answered before anything is done.
    """

    write: list[str]
    delete: list[str]
    buffers: list[str]
    keep: list[PathReasonView]
    set_aside: list[PathReasonView]
    conflicts: list[PathReasonView]
    users: list[str]
    agents: list[str]
    own_memories: list[str]
    memories: MemoryCountsView
    conversation: bool
    undecided: bool


class RollbackResult(Wire, frozen=True):
    """`verified`: every file was hashed again and is right. Roll back to `safety` to undo."""

    checkpoint: CheckpointView
    safety: CheckpointView | None
    plan: PlanView
    applied: bool
    verified: bool
    problems: list[PathReasonView]

    @classmethod
    def from_report(cls, report: models.RollbackReport) -> RollbackResult:
        """The wire form of what a rollback did or would do."""
        plan = report.plan
        return cls(
            CheckpointView.from_checkpoint(report.checkpoint),
            CheckpointView.from_checkpoint(report.safety) if report.safety else None,
            PlanView(
                plan.write, plan.delete, plan.buffers, _reasoned(plan.keep), _reasoned(plan.set_aside),
                _reasoned(plan.conflicts), plan.users, plan.agents, plan.own_memories, MemoryCountsView(plan.memories.added, plan.memories.changed, plan.memories.removed),
                plan.conversation, report.undecided,
            ),
            report.applied, report.verified, _reasoned(report.problems),
        )  # fmt: skip


def _reasoned(found: list[models.PathReason]) -> list[PathReasonView]:
    return [PathReasonView(one.path, one.reason) for one in found]


class FileDiffView(Wire, frozen=True):
    """Lines added and removed; null where the file is binary."""

    path: str
    status: Literal["added", "modified", "deleted"]
    added: int | None
    removed: int | None


class DiffResult(Wire, frozen=True):
    """`memories` names what was added, changed and removed; `patch` is a git patch, cut where `truncated`."""

    files: list[FileDiffView]
    memories: dict[str, Any]
    patch: str
    truncated: bool


class PruneResultView(Wire, frozen=True):
    """`shed`: how many of them the size cap took although an undo might have needed them."""

    removed: list[str]
    bytes_freed: int
    shed: int
