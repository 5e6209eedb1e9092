"""Why a rollback leaves a file as it is, in words for the user, and which files a command only moved here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
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

    Not those whose first content another place held before, or that have the name or the suffix of a file which the steps bring
    back: these were renamed, and their content is not lost.
    """
    found: set[bytes] = set()
    for step in steps:
        if step.now is None and step.was is not None:
            born = birth_time(step.mount.full(step.path))
            if born is not None and born < target.created_at.timestamp() - _SLACK:
                found.add(step.place)
    gone = [step for step in steps if step.was is None and step.now is not None] if found else []
    return {
        place
        for place in found
        if not any(_looks_renamed(step.place, place) for step in gone)
        and not _was_renamed(project, db, target, now, place)
    }


def _looks_renamed(gone: bytes, place: bytes) -> bool:
    """Return whether a file of the target that is missing may be this one under another name, edited since."""
    was, now = PurePosixPath(os.fsdecode(gone)), PurePosixPath(os.fsdecode(place))
    return was.name == now.name or (was.suffix != "" and was.suffix.lower() == now.suffix.lower())


def _was_renamed(
    project: CheckpointContext, db: apsw.Connection, target: Checkpoint, now: bytes | None, place: bytes
) -> bool:
    """Return whether the state before the one in which a place appeared held its content anywhere."""
    before = bytes.fromhex(target.tree)
    for tree in _trees_since(db, target, now):
        if (entry := project.trees.at(tree, place)) is not None:
            folders = (project.trees.folder(before, mount.prefix) for mount in project.mounts)
            return any(held.oid == entry.oid for folder in folders for _, held in project.trees.files(folder))
        before = tree
    return False


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
