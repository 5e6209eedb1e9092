"""Accepted hunks, remembered for a while: an undo in the editor restores the earlier text, and with it the proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mazu_ls.agent.proposals.proposal_store import LocatedHunk, ProposedHunk

KEPT = 20
"""Maximum number of acceptances per file that can be undone."""


class AcceptedBatch(Struct, frozen=True):
    """Hunks that were accepted together, and the lines of the file before that."""

    before: list[str]
    hunks: tuple[ProposedHunk, ...]


class AcceptHistory:
    """The last acceptances, by file. Kept in this process only, as is the editor's undo history."""

    def __init__(self) -> None:
        self._of: dict[str, list[AcceptedBatch]] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, path: str, lines: Sequence[str], seen: Sequence[LocatedHunk]) -> list[str]:
        """Record that these hunks were found accepted in the file's current lines; return the lines before that."""
        edits = [one for one in seen if one.proposed.hunk.kind == "edit"]
        before = lines_before(lines, edits)
        if edits:
            kept = self._of.setdefault(path, [])
            kept.append(AcceptedBatch(before, tuple(one.proposed for one in edits)))
            del kept[:-KEPT]
        return before

    def take_undone(self, path: str, lines: Sequence[str] | None) -> tuple[ProposedHunk, ...]:
        """Return the hunks of an acceptance that was undone: the file is, line by line, what it was before it. They
        count as open again."""
        kept = self._of.get(path, [])
        for number in range(len(kept) - 1, -1, -1):
            if kept[number].before == lines:
                found = [hunk for one in kept[number:] for hunk in one.hunks]
                del kept[number:]
                if not kept:
                    del self._of[path]
                return tuple(found)
        return ()


def lines_before(lines: Sequence[str], accepted: Sequence[LocatedHunk]) -> list[str]:
    """Return the lines of a file before these hunks were accepted in it."""
    before = list(lines)
    edits = [one for one in accepted if one.proposed.hunk.kind == "edit"]
    for one in sorted(edits, key=lambda one: one.standing.line, reverse=True):
        at, hunk = one.standing.line, one.proposed.hunk
        before[at : at + len(hunk.new)] = hunk.old
    return before
