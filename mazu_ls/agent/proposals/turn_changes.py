"""What one turn changed, file by file and hunk by hunk, and reverting some of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mazu_ls.agent.proposals.hunks import (
    Hunk,
    HunkLocator,
    HunkStatus,
    apply_hunks,
    locate_hunk,
    match_sequentially,
    split_into_hunks,
)
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.checkpoints.attribution.owners import Owner
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import FileDiff


@dataclass(frozen=True)
class FileChange:
    """One file that a turn changed. `takes_back` are the hunks from its text after the turn to that before.

    Both texts are None if the file did not exist, or is binary. `shared`: the user changed it during the turn, too.
    """

    path: str
    status: Literal["added", "modified", "deleted"]
    added: int | None
    removed: int | None
    takes_back: tuple[Hunk, ...] = ()
    shared: bool = False

    def hunk_id(self, number: int) -> str:
        """Return the id of one hunk on the wire: its file and its number among that file's hunks."""
        return f"{self.path}#{number}"

    @property
    def partial(self) -> bool:
        """Whether it can be reverted hunk by hunk."""
        return self.status == "modified" and bool(self.takes_back)


@dataclass(frozen=True)
class TurnChanges:
    """A turn and the checkpoints before and after its changes; both None if it changed nothing."""

    turn_id: str
    before: str | None
    after: str | None
    files: tuple[FileChange, ...]


async def read_turn_changes(
    checkpoints: Checkpoints, events: Sequence[journal.Event], turn_id: str | None
) -> TurnChanges:
    """Return the changes of one turn of a conversation, the last one without an id. Raises MazuError(not_found).

    Files that only the user changed during the turn are left out.
    """
    starts = [event for event in events if isinstance(event.body, journal.TurnStarted)]
    start = next((one for one in reversed(starts) if turn_id in (None, one.turn)), None)
    if start is None or start.turn is None:
        raise MazuError(
            Kind.NOT_FOUND, "There is no such turn in this conversation.", "See mazu.session.events."
        )
    taken = [e.body for e in events if e.turn == start.turn and isinstance(e.body, journal.CheckpointTaken)]
    before = next((one.id for one in taken if one.kind == "baseline"), None)
    after = next((one.id for one in reversed(taken) if one.kind == "step"), None)
    if before is None or after is None:
        return TurnChanges(start.turn, before, after, ())
    files: list[FileChange] = []
    for file, owner in await changed_by_agent(checkpoints, before, after):
        hunks: tuple[Hunk, ...] = ()
        if file.status == "modified":
            was, _, _ = await checkpoints.file_text(before, file.path)
            now, _, _ = await checkpoints.file_text(after, file.path)
            hunks = tuple(split_into_hunks(now, was)) if was is not None and now is not None else ()
        files.append(FileChange(file.path, file.status, file.added, file.removed, hunks, owner == "both"))
    return TurnChanges(start.turn, before, after, tuple(files))


async def changed_by_agent(checkpoints: Checkpoints, before: str, after: str) -> list[tuple[FileDiff, Owner]]:
    """Return the differences between two checkpoints of a turn, without the files that only the user changed."""
    found = await checkpoints.diff(before, after, (), ())
    owners = await checkpoints.owners(before, after, (await checkpoints.get(before)).session_id)
    changed: list[tuple[FileDiff, Owner]] = []
    for file in found.files:
        owner: Owner = owners.get(file.path, "user")
        if owner != "user":
            changed.append((file, owner))
    return changed


def take_back(text: str, change: FileChange, wanted: Callable[[str], bool]) -> tuple[str, list[str]]:
    """Revert the wanted hunks of a turn in the current text; return it and the ids of those that could not be located."""
    lines = split_lines(text)
    found = match_sequentially(change.takes_back, lines) or _found(change.takes_back, lines)
    placed: list[Hunk] = []
    gone: list[str] = []
    for number, (hunk, place) in enumerate(zip(change.takes_back, found, strict=True), 1):
        if not wanted(change.hunk_id(number)):
            continue
        if place.fate == "open":
            placed.append(replace_line(hunk, place.line))
        elif place.fate == "stale":
            gone.append(change.hunk_id(number))
    return apply_hunks(text, placed) or "", gone


def _found(hunks: Sequence[Hunk], lines: Sequence[str]) -> list[HunkStatus]:
    others = sum(len(hunk.old) + len(hunk.new) for hunk in hunks)
    search = HunkLocator(lines)
    return [locate_hunk(hunk, search, others) for hunk in hunks]


def replace_line(hunk: Hunk, line: int) -> Hunk:
    """Return the hunk at another line."""
    from msgspec.structs import replace as at

    return at(hunk, line=line)
