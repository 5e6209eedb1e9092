"""Why a rollback leaves a file as it is, in words for the user, and which files a command only moved here."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.models import OWN_CHANGES, Checkpoint
from mazu_ls.checkpoints.store import schema
from mazu_ls.platform.birth_time import birth_time
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

    from mazu_ls.checkpoints.context import CheckpointContext
    from mazu_ls.checkpoints.restore.restore_steps import RestoreStep

ONLY_YOURS = "only you changed it"
BOTH = "you changed it on top of the agent's change"
ONLY_ANOTHERS = "only another session changed it"
ANOTHER_ON_TOP = "another session changed it on top of the agent's change"
GITS_WORK = "git changed it, since HEAD moved while a command of the agent ran"
YOUR_FILE = "the file on disk: you saved or changed it while the editor held the agent's change unsaved"
SAME_LINES = "your text stays in the lines that both you and the agent changed"
KEPT = "left as it is, with the agent's change in it: your change on top of that cannot be separated from it"
UNCERTAIN = "a command was interrupted, and it is not known whether it or you changed this file"
KEPT_UNCERTAIN = f"left as it is: {UNCERTAIN}"
MOVED_IN = "it was moved here from where no checkpoint holds files (git ignores them there, or it is outside): it stays"
LOOKED_AT, FEW_LINES, PIECE, MOST_COMPARED = 1 << 20, 40, 5, 200
"""Bytes of a file that are compared, lines up to which texts are compared by pieces, their bytes, and how many files are compared."""
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

    Not those whose first content another place held before, or that are much like a file which the steps bring back and no place
    holds now: these were renamed, and their content is not lost.
    """
    found: set[bytes] = set()
    for step in steps:
        if step.now is None and step.was is not None:
            born = birth_time(step.mount.full(step.path))
            if born is not None and born < target.created_at.timestamp() - _SLACK:
                found.add(step.place)
    if not found:
        return found
    read = project.repository.read
    held = {step.was.oid for step in steps if step.was is not None}
    gone = [
        step.now for step in steps if step.was is None and step.now is not None and step.now.oid not in held
    ]
    missing = MissingFiles([pieces_of(read(entry.oid)) for entry in gone[:MOST_COMPARED]])

    @cache
    def contents(tree: bytes) -> frozenset[bytes]:
        folders = [project.trees.folder(tree, mount.prefix) for mount in project.mounts]
        return frozenset(entry.oid for folder in folders for _, entry in project.trees.files(folder))

    places = [step for step in steps if step.place in found and step.was is not None]
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

    def __init__(self, pieces: Sequence[frozenset[bytes]]) -> None:
        self._sizes = dict(enumerate(map(len, pieces)))
        self._holders: defaultdict[bytes, list[int]] = defaultdict(list)
        for number, one in enumerate(pieces):
            for piece in one:
                self._holders[piece].append(number)

    def take_alike(self, pieces: frozenset[bytes]) -> bool:
        """Return whether one of them has three quarters of its pieces in common with these; it is missing no more: one file became
        one other. Where that is wrong a file of the user's is deleted, where it is not seen one of the agent's stays: so not half.
        """
        common = Counter(number for piece in pieces for number in self._holders.get(piece, ()))
        for number, count in common.most_common():
            if number in self._sizes and 4 * count >= 3 * max(self._sizes[number], len(pieces)):
                del self._sizes[number]
                return True
        return False


def pieces_of(text: bytes) -> frozenset[bytes]:
    """Return what two files have in common if one is the other, edited: lines, or pieces of a text of few lines."""
    lines = text[:LOOKED_AT].split(b"\n")
    if len(lines) > FEW_LINES:
        return frozenset(lines)
    start = text[:4096]
    size = PIECE if len(start) > 200 else 3  # one edit spoils most long pieces of a short text
    return frozenset(start[at : at + size] for at in range(max(1, len(start) - size + 1)))


def _trees_since(db: apsw.Connection, target: Checkpoint, now: bytes | None) -> Iterator[bytes]:
    number = schema.checkpoint_number(target.id)
    for (tree,) in select(db, "SELECT tree_id FROM checkpoint WHERE number > ? ORDER BY number", (number,)):
        yield bytes.fromhex(tree)
    if now is not None:
        yield now


def changed_since_outgrown(
    db: apsw.Connection, target: Checkpoint, steps: Sequence[RestoreStep]
) -> set[bytes]:
    """Return the places to be set aside whose file the user changed after it had become too large for checkpoints.

    No checkpoint holds that change. It shows in the file's size at the checkpoints since the target, and in its time now: that of a
    file which only a step of an agent's turn changed is not later than this step.
    """
    aside = [step for step in steps if step.aside is not None]
    if not aside:
        return set()
    number = schema.checkpoint_number(target.id)
    rows = select(
        db,
        "SELECT kind, label, created_at, skipped FROM checkpoint WHERE number > ? ORDER BY number",
        (number,),
    )
    moments = [
        (
            datetime.fromisoformat(at).timestamp() if kind == "step" and label != OWN_CHANGES else None,
            {one["path"]: one["bytes"] for one in json.loads(skipped)},
        )
        for kind, label, at, skipped in rows
    ]
    return {step.place for step in aside if _is_users(step, moments)}


def _is_users(step: RestoreStep, moments: Sequence[tuple[float | None, dict[str, int]]]) -> bool:
    """Return whether the user changed an outgrown file. `moments`: when an agent's step ended, else None, and sizes."""
    assert step.aside is not None
    size: int | None = None
    ended: float | None = None
    for at, sizes in moments:
        now = sizes.get(step.shown)
        if now is not None and now != size:
            if at is None and size is not None:
                return True
            ended = at
        size = now
    return size is not None and (step.aside[2] != size or (ended is not None and step.aside[0] / 1e9 > ended))
