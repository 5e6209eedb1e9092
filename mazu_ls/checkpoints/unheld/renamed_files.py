"""Which new names are those of files that were there before, and which names these files had.

A file is known by its device and number (inode). Another file may get the number of one that is gone: so a file is the one that a
scan saw under another name only if it was created before the last change that the scan saw there.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls.checkpoints.context import CheckpointContext, base_checkpoint
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.scan.read_files import Inode, inode_of
from mazu_ls.checkpoints.scan.scan_result import ScanResult
from mazu_ls.checkpoints.store import schema
from mazu_ls.platform.birth_time import birth_time
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

_EXACT = 1e-6
"""Seconds: more than what a time loses as a floating-point number."""
_MOST = (1 << 63) - 1


def note(project: CheckpointContext, db: apsw.Connection, seen: ScanResult) -> None:
    """Record which files, older than the last checkpoint, a scan found under names that this checkpoint does not hold."""
    if (base := base_checkpoint(db)) is None:
        return
    tree, taken = bytes.fromhex(base.tree), base.created_at.timestamp()
    new: list[tuple[bytes, bytes, Inode, int, float]] = []
    for mount in project.mounts:
        prefix = mount.prefix + b"/"
        for place, entry in seen.changes.items():
            if entry is None or not place.startswith(prefix) or (file := seen.captured.get(place)) is None:
                continue
            full = mount.full(place[len(prefix) :])
            born = birth_time(full)
            if born is not None and born < taken and project.trees.at(tree, place) is None:
                new.append((place, full, inode_of(file.seen), file.seen[3] & _MOST, born))
    if new:
        _record(project, db, base, new)


def _record(
    project: CheckpointContext,
    db: apsw.Connection,
    base: Checkpoint,
    new: Collection[tuple[bytes, bytes, Inode, int, float]],
) -> None:
    wanted = {inode for _, _, inode, _, _ in new}
    names = _names(project, wanted)
    tree, number = bytes.fromhex(base.tree), schema.next_number(db) - 1
    listed = select(db, "SELECT place, inode, born FROM checkpoint_renamed WHERE number = ?", (number,))
    known = {(bytes(place), inode, born) for place, inode, born in listed}
    rows: list[tuple[int, bytes, int, float, bytes | None]] = []
    for place, full, inode, whole, born in new:
        before = [at for at, changed in names.get(inode, ()) if at != full and born <= changed / 1e9 + _EXACT]
        places = [one for at in before if (one := project.place(Path(os.fsdecode(at)))) is not None]
        held = (one for one in places if project.trees.at(tree, one) is not None)
        if (place, whole, born) not in known:
            rows.append((number, place, whole, born, next(held, next(iter(places), None))))
    with db:
        columns = "number, place, inode, born, source"
        db.executemany(f"INSERT INTO checkpoint_renamed ({columns}) VALUES (?, ?, ?, ?, ?)", rows)


def _names(project: CheckpointContext, wanted: Collection[Inode]) -> dict[Inode, list[tuple[bytes, int]]]:
    """Return the absolute paths under which scans saw these files, with the times (ctime, ns) that they had there."""
    found: dict[Inode, list[tuple[bytes, int]]] = {}

    def add(seen: Iterable[tuple[Inode, bytes, int]]) -> None:
        for inode, full, changed in seen:
            if inode in wanted:
                found.setdefault(inode, []).append((full, changed))

    add(project.capture.inodes())
    for scanner in project.scanners.values():
        add(scanner.inodes())
    return found


class FirstName(NamedTuple):
    """Under which name a scan saw a file before it got its first new one since a checkpoint; None: under none, so that no checkpoint
    held it, or this process had not read it."""

    place: bytes | None


def first_name(
    project: CheckpointContext, db: apsw.Connection, number: int, place: bytes
) -> FirstName | None:
    """Return the first name since checkpoint `number` of the file that has this name now; None if it has no new one."""
    path = project.path_of(place)
    born = birth_time(os.fsencode(path)) if path is not None else None
    if path is None or born is None:
        return None
    query = "SELECT source FROM checkpoint_renamed WHERE number >= ? AND inode = ? AND born = ? ORDER BY id LIMIT 1"
    with suppress(OSError):
        for (source,) in select(db, query, (number, path.lstat().st_ino & _MOST, born)):
            return FirstName(None if source is None else bytes(source))
    return None


def held_before(
    project: CheckpointContext, db: apsw.Connection, target: Checkpoint, places: Iterable[bytes]
) -> set[bytes]:
    """Return those places whose file the target holds under another name."""
    number, tree = schema.checkpoint_number(target.id), bytes.fromhex(target.tree)
    firsts = ((place, first_name(project, db, number, place)) for place in places)
    return {
        place
        for place, first in firsts
        if first is not None and first.place is not None and project.trees.at(tree, first.place) is not None
    }


def drop_unneeded(db: apsw.Connection) -> None:
    """Drop what no checkpoint is there for any more."""
    db.execute(
        "DELETE FROM checkpoint_renamed WHERE number < (SELECT coalesce(min(number), number + 1) FROM checkpoint)"
    )
