"""How much is kept of files that no checkpoint holds: where the store is too large, the oldest goes first, and an undo says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.recorded_writes import ROLLBACK
from mazu_ls.checkpoints.models import PathReason
from mazu_ls.checkpoints.unheld.kept_files import DROPPED
from mazu_ls.checkpoints.unheld.unheld_edits import delete_unused_refs
from mazu_ls.state.store import select

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from mazu_ls.checkpoints.context import CheckpointContext

SHARE = 4
"""Of a store that is too large, this part (a quarter) may be what is kept of such files."""
LOST = (
    "the agent's change stays: what this file held before was kept apart, as no checkpoint holds it, and was dropped"
    " since the store was too large (checkpoints.max_bytes)"
)


def drop_oldest(project: CheckpointContext, db: apsw.Connection, most: int) -> bool:
    """Drop what was kept first, until all of it has at most so many bytes on disk; return whether anything went.

    What the last turn needs stays.
    """
    query = "SELECT id, entry FROM checkpoint_unheld WHERE entry NOT IN ('', ?) ORDER BY id"
    rows = [(id, entry.rpartition(" ")[2]) for id, entry in select(db, query, (DROPPED,))]
    if not rows:
        return False
    listed = "\n".join(dict.fromkeys(oid for _, oid in rows))
    said = project.repository.run(
        "cat-file", "--batch-check=%(objectname) %(objectsize:disk)", input=listed.encode() + b"\n"
    )
    fields = (line.split() for line in said.decode().split("\n"))
    sizes = {one[0]: int(one[1]) for one in fields if len(one) == 2 and one[1].isdigit()}
    total = sum(sizes.values())
    query = "SELECT min(id) FROM checkpoint_unheld WHERE number >= (SELECT max(number) FROM checkpoint WHERE kind = 'baseline')"
    newest = select(db, query)[0][0]
    gone: list[int] = []
    for at, (id, oid) in enumerate(rows):
        if total <= most or (newest is not None and id >= newest):
            break
        gone.append(id)
        if all(oid != other for _, other in rows[at + 1 :]):
            total -= sizes.get(oid, 0)
    with db:
        db.executemany("UPDATE checkpoint_unheld SET entry = ? WHERE id = ?", [(DROPPED, id) for id in gone])
    delete_unused_refs(project, db)
    return bool(gone)


def lost_since(
    project: CheckpointContext,
    db: apsw.Connection,
    number: int,
    session: str | None,
    concerns: Callable[[bytes], bool],
) -> list[PathReason]:
    """Return the files that agents (or that of a session) edited after checkpoint `number`, and of which what was there is dropped.

    `concerns`: which places are asked about.
    """
    query = "SELECT place, session, entry FROM checkpoint_unheld WHERE number >= ? ORDER BY id"
    first: dict[bytes, str | None] = {}
    edited: set[bytes] = set()
    for place, writer, entry in select(db, query, (number,)):
        first.setdefault(bytes(place), entry)
        if writer == session or (session is None and writer.partition(":")[0] != ROLLBACK):
            edited.add(bytes(place))
    places = sorted(at for at, entry in first.items() if entry == DROPPED and at in edited and concerns(at))
    return [PathReason(shown, LOST) for place in places if (shown := project.shown(place))]
