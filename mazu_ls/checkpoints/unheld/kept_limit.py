"""How much is kept of files that no checkpoint holds: where the store is too large, the oldest goes first, and an undo says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.recorded_writes import ROLLBACK
from mazu_ls.checkpoints.models import PathReason
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.unheld.kept_files import DROPPED, NOT_IMPORTED
from mazu_ls.checkpoints.unheld.unheld_edits import delete_unused_refs
from mazu_ls.state.store import select

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import apsw

    from mazu_ls.checkpoints.context import CheckpointContext

SHARE = 4
"""Of a store that is too large, this part (a quarter) may be what is kept of such files."""
_SMALL = 64
"""A content of less than this part (a 64th) of what is to be freed is small."""
_KEPT_APART = (
    "the agent's change stays: what this file held before was kept apart, as no checkpoint holds it, and"
)
LOST = {
    DROPPED: f"{_KEPT_APART} was dropped since the store was too large (checkpoints.max_bytes)",
    NOT_IMPORTED: f"{_KEPT_APART} the import of the state did not bring it",
}
"""Why a file does not come back, by what stands in place of its entry."""
REMOVED = "it does not come back: it was too large for the checkpoint, and was removed before the agent's tools wrote it again"
REPLACED = "its earlier content does not come back: it was too large for the checkpoint, and was changed before the agent's tools edited it"


def drop_oldest(
    project: CheckpointContext, db: apsw.Connection, most: int, named: Collection[str] = ()
) -> bool:
    """Drop what was kept first, until all of it has at most so many bytes on disk; return whether anything went.

    What the last turn needs stays, and what undoing the last turn of each session does: to the checkpoints `named`. Contents that
    are small beside what is to be freed go after the larger ones, and not at all if they are little together.
    """
    query = "SELECT id, entry FROM checkpoint_unheld WHERE entry NOT IN ('', ?, ?) ORDER BY id"
    rows = [(id, entry.rpartition(" ")[2]) for id, entry in select(db, query, (DROPPED, NOT_IMPORTED))]
    if not rows:
        return False
    sizes = dict.fromkeys((oid for _, oid in rows), 0)
    sizes |= _sizes(project, sizes)
    needed = _needed(db, named)
    staying = {oid for id, oid in rows if id in needed}
    by_last_use = list(dict.fromkeys(oid for _, oid in reversed(rows) if oid not in staying))[::-1]
    over = sum(sizes.values()) - most
    least = over / _SMALL
    small = [oid for oid in by_last_use if sizes[oid] < least]
    order = [oid for oid in by_last_use if sizes[oid] >= least]
    if sum(sizes[oid] for oid in small) >= least:
        order += small
    gone: set[str] = set()
    for oid in order:
        if over <= 0:
            break
        gone.add(oid)
        over -= sizes[oid]
    with db:
        dropped = [(DROPPED, id) for id, oid in rows if oid in gone]
        db.executemany("UPDATE checkpoint_unheld SET entry = ? WHERE id = ?", dropped)
    delete_unused_refs(project, db)
    return bool(gone)


def _sizes(
    project: CheckpointContext, oids: Collection[str], kind: str = "objectsize:disk"
) -> dict[str, int]:
    """Return how many bytes each content has, on disk or (`kind`) in itself; one that is not there is left out."""
    said = project.repository.run(
        "cat-file",
        f"--batch-check=%(objectname) %({kind})",
        input="".join(f"{oid}\n" for oid in oids).encode(),
    )
    fields = (line.split() for line in said.decode().split("\n"))
    return {one[0]: int(one[1]) for one in fields if len(one) == 2 and one[1].isdigit()}


def _needed(db: apsw.Connection, named: Collection[str]) -> set[int]:
    """Return the rows that the last turn needs, and those that undoing its session's edits since each checkpoint `named` does: the
    first row since of each of their files."""
    since: dict[str, list[int]] = {}
    for one in schema.newest(db, -1):
        if one.id in named and one.session_id is not None:
            since.setdefault(one.session_id, []).append(schema.checkpoint_number(one.id))
    query = "SELECT id, number, place, session FROM checkpoint_unheld ORDER BY id"
    rows = [(id, number, bytes(place), session) for id, number, place, session in select(db, query)]
    wanted = {
        (place, start)
        for _, number, place, session in rows
        for start in since.get(session, ())
        if start <= number
    }
    waiting: dict[bytes, list[int]] = {}
    for place, start in sorted(wanted, reverse=True):
        waiting.setdefault(place, []).append(start)  # the earliest comes last
    query = "SELECT coalesce(max(number), 0) FROM checkpoint WHERE kind = 'baseline'"
    last_turn = select(db, query)[0][0]
    found: set[int] = set()
    for id, number, place, _ in rows:
        left = waiting.get(place, [])
        if number >= last_turn or (left and left[-1] <= number):
            found.add(id)
        while left and left[-1] <= number:
            left.pop()
    return found


def lost_since(
    project: CheckpointContext,
    db: apsw.Connection,
    number: int,
    session: str | None,
    concerns: Callable[[bytes], bool],
) -> list[PathReason]:
    """Return the files that agents (or that of a session) edited after checkpoint `number`, and of which what was there at that
    checkpoint is dropped, or was gone before the edit.

    `concerns`: which places are asked about.
    """
    query = "SELECT place, session, entry FROM checkpoint_unheld WHERE number >= ? ORDER BY id"
    first: dict[bytes, str | None] = {}
    edited: set[bytes] = set()
    for place, writer, entry in select(db, query, (number,)):
        first.setdefault(bytes(place), entry)
        if writer == session or (session is None and writer.partition(":")[0] != ROLLBACK):
            edited.add(bytes(place))
    asked = {
        at: entry
        for at, entry in sorted(first.items())
        if entry is not None and at in edited and concerns(at)
    }
    lost = [(project.shown(at), LOST[entry]) for at, entry in asked.items() if entry in LOST]
    return [PathReason(shown, reason) for shown, reason in lost if shown] + _replaced_before(
        project, db, number, asked
    )


def _replaced_before(
    project: CheckpointContext, db: apsw.Connection, number: int, first: Mapping[bytes, str]
) -> list[PathReason]:
    """Return those of these files that were too large for checkpoint `number` and were removed, or had another size, before the
    first edit: a command or somebody did that. `first`: what is kept of each place."""
    rows = select(db, "SELECT skipped FROM checkpoint WHERE number = ?", (number,))
    then = {one["path"]: one["bytes"] for (skipped,) in rows for one in json.loads(skipped)}
    large = {at: entry.rpartition(" ")[2] for at, entry in first.items() if then.get(project.shown(at))}
    sizes = _sizes(project, {*large.values()} - {"", *LOST}, "objectsize") if large else {}
    return [
        PathReason(project.shown(at), REPLACED if oid else REMOVED)
        for at, oid in large.items()
        if oid not in LOST and sizes.get(oid) != then[project.shown(at)]
    ]
