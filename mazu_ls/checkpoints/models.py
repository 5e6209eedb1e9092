"""The records that the checkpoint engine returns. Plain data; `server/wire/checkpoints.py` puts them on the wire."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from mazu_ls.workspace.file_names import compose

CheckpointKind = Literal["manual", "step", "baseline", "safety", "compaction"]
Section = Literal["code", "memory", "conversation", "skills"]
OnConflict = Literal["ask", "overwrite", "keep", "merge", "agents", "spare"]
"""How a rollback treats the user's own work since the checkpoint.

`overwrite`: it is reverted, everything becomes as it was. `keep`: it stays, also in files that the agent changed too,
where it is merged; if a merge is not possible the file stays as it is. `merge`: like `keep`, but as a default: what
cannot be merged is still reported as a conflict. `agents`: what only the user changed stays, files that both changed
become as they were. `spare`: like `agents`, but files that both changed stay. `ask`: nothing is done if there is any.
"""


UNSAVED_ELSEWHERE = "another editor holds unsaved text of it, which this checkpoint does not include"
"""The reason for a file whose content on disk is included: a rollback restores it."""


OWN_CHANGES = "your changes before a command"
"""The label of a step in the middle of a turn that holds the user's changes, not the agent's."""


class UnsavedElsewhere(Struct, frozen=True):
    """The unsaved text of a document in an editor of another process, and its hash; no text if it is too long to be shared.

    `at`: when that process shared it, in seconds since the epoch.
    """

    uri: str
    hash: str
    text: str | None = None
    at: float = 0.0


class SkippedFile(Struct, frozen=True):
    """A file that the checkpoint does not hold, and that no rollback to it changes."""

    path: str
    reason: str
    bytes: int = 0


class FileCounts(Struct, frozen=True):
    """How a checkpoint's files, with their unsaved text, differ from those of the state before it."""

    added: int = 0
    modified: int = 0
    deleted: int = 0


class MemoryCounts(Struct, frozen=True):
    """How a checkpoint's memories differ from those of the state before it."""

    added: int = 0
    changed: int = 0
    removed: int = 0


class Checkpoint(Struct, frozen=True):
    """One restorable state. `commit` is a commit of the checkpoint store, `bytes` what taking it added there.

    `title`: the request in the user's words, never an id. `complete`: every file was scanned, or a file watcher knew
    what changed; otherwise changes from outside may be missing. `attributed`: who changed what before it is recorded.
    """

    id: str
    parent_id: str | None
    created_at: datetime
    label: str
    kind: CheckpointKind
    session_id: str | None
    turn_id: str | None
    commit: str
    tree: str
    files: FileCounts
    memories: MemoryCounts
    bytes: int
    skipped: tuple[SkippedFile, ...] = ()
    pinned: bool = False
    title: str = ""
    complete: bool = True
    attributed: bool = False

    @property
    def labelled(self) -> bool:
        """True if the user took it and gave it a name."""
        return self.kind == "manual" and bool(self.label.strip())

    @property
    def partial(self) -> bool:
        """True if some file could not be captured."""
        return bool(self.skipped)


class PathReason(Struct, frozen=True):
    """A path, and why it is kept, in conflict or a problem."""

    path: str
    reason: str


class PlanFiles(Struct):
    """What a rollback writes, deletes and keeps. Paths are relative to the folder, `folder/path` with several.

    `write`, `delete`: files. `buffers`: URIs of open documents whose text changes. `keep`: left as they are, with the
    reason, including what only the user changed. `set_aside`: of those that are written, what is there now and no checkpoint could
    hold, with why, and where it is afterwards. `conflicts`: files that the user changed on top of the agent's change,
    and that are not decided. No file is in two of these, except one that changes, and of which some lines or the text on disk are
    kept. `users`: the files that hold the user's own work since the
    checkpoint, `agents`: those that only agents changed. `own_memories`: which of the names are those of memories
    that the user changed, and of no file. `automatic_memories`: how many of `memories` nobody changed.
    """

    write: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    buffers: list[str] = field(default_factory=list)
    keep: list[PathReason] = field(default_factory=list)
    set_aside: list[PathReason] = field(default_factory=list)
    conflicts: list[PathReason] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    own_memories: list[str] = field(default_factory=list)
    memories: MemoryCounts = field(default_factory=MemoryCounts)
    automatic_memories: int = 0
    conversation: bool = False


class RollbackReport(Struct):
    """What a rollback would do (`applied` False) or did. `verified` means every file was re-hashed and is right.

    `safety` is the checkpoint that was taken just before: rolling back to it reverts this rollback.
    """

    checkpoint: Checkpoint
    safety: Checkpoint | None
    plan: PlanFiles
    applied: bool = False
    verified: bool = False
    verified_files: int = 0
    problems: list[PathReason] = field(default_factory=list)
    undecided: bool = False
    """Nothing was done, because the user first has to decide about their own work."""
    unheld: Set[str] = frozenset()
    """The files that no checkpoint holds, and of which it is kept what they were at the checkpoint."""


FileStatus = Literal["added", "modified", "deleted"]


class FileDiff(Struct, frozen=True):
    """One changed file: lines added and removed; None for both if the file is binary."""

    path: str
    status: FileStatus
    added: int | None
    removed: int | None


class CountedFile(Struct, frozen=True):
    """A file that a turn changed. `agent_alone`: nobody else did."""

    file: FileDiff
    agent_alone: bool


class MemoryDiff(Struct, frozen=True):
    """Memories that differ: ids, or for entries without one their name below `memory/`."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class CheckpointDiff(Struct, frozen=True):
    """From one checkpoint to another, or to the present. `patch` is a git patch over files and memories. `unheld`: which of the files
    are too large at both ends, or missing at one, so that no rollback changes them."""

    files: tuple[FileDiff, ...]
    memories: MemoryDiff
    patch: str
    truncated: bool = False
    unheld: frozenset[str] = frozenset()


class PruneResult(Struct, frozen=True):
    """Ids that were deleted, and by how many bytes the store shrank.

    `shed`: how many of them were deleted for the size cap alone, although undo might have needed them.
    """

    removed: tuple[str, ...]
    bytes_freed: int
    shed: int = 0


class StoreStats(Struct, frozen=True):
    """Counts and sizes: checkpoints, bytes on disk, the cap, quarantined files, and files in `rescue/`."""

    count: int
    bytes: int
    max_bytes: int
    current: str | None
    damaged: tuple[str, ...] = ()
    rescued: tuple[str, ...] = ()


def is_selected(shown: str, paths: Sequence[str]) -> bool:
    """Return whether one of the paths is this file or a folder above it, or no path is named. Composed and decomposed letters are
    alike."""
    if paths and not shown.isascii():
        shown, paths = compose(shown), [compose(path) for path in paths]
    return not paths or any(shown == path or shown.startswith(f"{path.rstrip('/')}/") for path in paths)


def readable_size(count: int) -> str:
    """Return a number of bytes for people: "512 bytes", "1.5 MiB", "10 MiB"."""
    units = ("bytes", "KiB", "MiB", "GiB")
    step = min((max(count, 1).bit_length() - 1) // 10, len(units) - 1)
    return f"{count / 1024**step:.1f}".removesuffix(".0") + f" {units[step]}"
