"""Which files a command only moved here from where no checkpoint holds them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from heapq import nsmallest
from itertools import pairwise
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.unheld import renamed_files
from mazu_ls.platform.birth_time import birth_time
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

    from mazu_ls.checkpoints.context import CheckpointContext
    from mazu_ls.checkpoints.restore.restore_steps import RestoreStep

LOOKED_AT, FEW_LINES, PIECE, MOST_COMPARED = 1 << 20, 40, 5, 200
"""Bytes of a file that are compared, lines up to which texts are compared by pieces, their bytes, and how many files are compared."""
MOST_PIECES = 1_000
"""Pieces of a file that are kept: all lines of 200 files took gigabytes."""
_SLACK = 0.1
"""Seconds by which the file system's clock may be behind ours."""


def moved_in(
    project: CheckpointContext,
    db: apsw.Connection,
    target: Checkpoint,
    now: bytes | None,
    steps: Sequence[RestoreStep],
) -> set[bytes]:
    """Return the places that the steps empty and whose file is older than the target, which does not hold it.

    Not those that are a file of the target under another name, as the scans since saw. Nor those whose first content another place held before, or that are much like a file which the steps bring back and no place
    holds now: these were renamed, and their content is not lost.
    """
    found: set[bytes] = set()
    for step in steps:
        if step.now is None and step.was is not None:
            born = birth_time(step.mount.full(step.path))
            if born is not None and born < target.created_at.timestamp() - _SLACK:
                found.add(step.place)
    found -= renamed_files.held_before(project, db, target, found)
    if not found:
        return found
    read = project.repository.read
    held = {step.was.oid for step in steps if step.was is not None}
    gone = [
        step.now for step in steps if step.was is None and step.now is not None and step.now.oid not in held
    ]

    @cache
    def contents(tree: bytes) -> frozenset[bytes]:
        folders = [project.trees.folder(tree, mount.prefix) for mount in project.mounts]
        return frozenset(entry.oid for folder in folders for _, entry in project.trees.files(folder))

    places = [step for step in steps if step.place in found and step.was is not None]
    sizes = [len(read(step.was.oid)) for step in places[:MOST_COMPARED] if step.was is not None]
    missing = MissingFiles(
        [
            pieces_of(text)
            for text in (read(entry.oid) for entry in gone[:MOST_COMPARED])
            if any(_alike_in_size(len(text), size) for size in sizes)
        ]
    )
    trees = [bytes.fromhex(target.tree), *_trees_since(db, target, now)]
    for number, step in enumerate(places):
        before = next(
            (
                (old, entry)
                for old, tree in pairwise(trees)
                if (entry := project.trees.at(tree, step.place)) is not None
            ),
            None,
        )
        if (before is not None and before[1].oid in contents(before[0])) or (
            number < MOST_COMPARED
            and step.was is not None
            and missing.take_alike(pieces_of(read(step.was.oid)))
        ):
            found.discard(step.place)
    return found


class MissingFiles:
    """The pieces of files that are missing, found by what they have in common with another: in linear time, whatever they hold."""

    def __init__(self, pieces: Sequence[array[int]]) -> None:
        self._pieces = dict(enumerate(pieces))

    def take_alike(self, pieces: array[int]) -> bool:
        """Return whether one of them has three quarters of its pieces in common with these; it is missing no more: one file became
        one other. Where that is wrong a file of the user's is deleted, where it is not seen one of the agent's stays: so not half.
        """
        wanted = frozenset(pieces)
        common = Counter({number: len(wanted.intersection(one)) for number, one in self._pieces.items()})
        for number, count in common.most_common():
            one = self._pieces[number]
            last = min((some[-1] for some in (one, pieces) if len(some) == MOST_PIECES), default=None)
            sizes = [len(some) if last is None else bisect_right(some, last) for some in (one, pieces)]
            if 4 * count >= 3 * max(sizes):
                del self._pieces[number]
                return True
        return False


def pieces_of(text: bytes) -> array[int]:
    """Return what two files have in common if one is the other, edited: lines, or pieces of a text of few lines.

    They are hashes of this process in ascending order, and the smallest of a text of many: up to the last that two texts have, an
    even choice of the lines of both.
    """
    lines = text[:LOOKED_AT].split(b"\n")
    if len(lines) > FEW_LINES:
        found = frozenset(lines)
    else:
        start = text[:4096]
        size = PIECE if len(start) > 200 else 3  # one edit spoils most long pieces of a short text
        found = frozenset(start[at : at + size] for at in range(max(1, len(start) - size + 1)))
    return array("q", nsmallest(MOST_PIECES, set(map(hash, found))))


def _alike_in_size(one: int, other: int) -> bool:
    return 2 * min(one, other) >= max(one, other)


def _trees_since(db: apsw.Connection, target: Checkpoint, now: bytes | None) -> Iterator[bytes]:
    number = schema.checkpoint_number(target.id)
    for (tree,) in select(db, "SELECT tree_id FROM checkpoint WHERE number > ? ORDER BY number", (number,)):
        yield bytes.fromhex(tree)
    if now is not None:
        yield now
