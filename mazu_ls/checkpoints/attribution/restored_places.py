"""What a rollback left at a place that somebody changed again before the next checkpoint: no tree holds that state."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.place_records import RestoredRow
from mazu_ls.checkpoints.attribution.recorded_writes import rollback_of, writes
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import BLOB, TreeEntry
from mazu_ls.checkpoints.scan.file_state import entry_state
from mazu_ls.checkpoints.scan.roots import FOLDERS
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, UnsavedText, place_of
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import MazuError
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw


@dataclass(frozen=True)
class RestoredPlace:
    """The file that a rollback left at a place, and the text that an open document then showed; None for neither.

    `data`: the file's content if no checkpoint holds it, such as that of a merge.
    """

    place: bytes
    entry: TreeEntry | None
    data: bytes | None = None
    text: str | None = None
    bits: int | None = None
    """The file's permission bits, if they are unusual."""


def record_restored(db: apsw.Connection, number: int, places: Iterable[RestoredPlace]) -> None:
    """Store these places, within the rollback's transaction. `number`: of the next checkpoint, which ends the interval."""
    db.executemany(
        "INSERT OR REPLACE INTO checkpoint_restored VALUES (?, ?, ?, ?, ?)",
        [
            (
                number,
                one.place,
                (entry_state(one.entry, one.bits) or "")[1:] or None,
                one.data,
                None if one.text is None else one.text.encode("utf-8", "surrogatepass"),
            )
            for one in places
        ],
    )


def restored_entries(db: apsw.Connection, number: int) -> dict[bytes, str | None]:
    """Return, as states, the files that rollbacks left in the interval that ends with a checkpoint."""
    rows = select(db, "SELECT place, entry FROM checkpoint_restored WHERE number = ?", (number,))
    return {bytes(place): None if entry is None else f"e{entry}" for place, entry in rows}


def keep_restored(
    db: apsw.Connection, number: int, mixed: Collection[bytes], later: Collection[bytes]
) -> None:
    """Keep only what the new checkpoint does not hold: places that were changed again after the rollback.

    `mixed`: the places that somebody else changed, too; `later`: those that only the next checkpoint attributes.
    """
    for (found,) in select(db, "SELECT place FROM checkpoint_restored WHERE number = ?", (number,)):
        place = bytes(found)
        if place in later:
            db.execute(
                "UPDATE OR REPLACE checkpoint_restored SET number = ? WHERE number = ? AND place = ?",
                (number + 1, number, place),
            )
        elif place not in mixed:
            db.execute("DELETE FROM checkpoint_restored WHERE number = ? AND place = ?", (number, place))


def restored_view(
    project: CheckpointContext,
    db: apsw.Connection,
    at: tuple[int, bytes],
    before: BufferView,
    row: RestoredRow,
) -> BufferView | None:
    """Return one place as a rollback left it in the interval that ends with a checkpoint: a tree that holds nothing
    else.

    `at`: the checkpoint's number and the place. `before`: the files when that interval began. `row`: its record. None if the store does not hold the file any more.
    """
    (_, place), (entry, has_more) = at, row
    data = text = None
    if has_more:
        question = "SELECT data, text FROM checkpoint_restored WHERE number = ? AND place = ?"
        ((data, text),) = select(db, question, at)
    found, bits = None, ""
    if entry is not None:
        mode, _, oid = entry.partition(" ")
        mode, _, bits = mode.partition(":")
        found = TreeEntry(mode.encode(), bytes.fromhex(oid))
        if not ensure_stored(project, found.oid, data):
            return None
    tree = project.hold(place, found, int(bits, 8) if bits else None, before.tree)
    others = [held for held in before.unsaved if place_of(project, held) != place]
    shown: list[UnsavedText] = []
    if text is not None:
        words = bytes(text).decode("utf-8", "surrogatepass")
        shown.append(UnsavedText("", project.path_of(place), words))
    return BufferView(tree, [*others, *shown])


def ensure_stored(project: CheckpointContext, oid: bytes, data: bytes | None) -> bool:
    """Return whether the store has a file's content, adding `data` to it if it has not."""
    if oid in project.stored:
        return True
    try:
        project.repository.read(oid)
        project.stored.add(oid)
        return True
    except MazuError:
        if data is None:
            return False
    writer = project.repository.writer()
    writer.add(BLOB, bytes(data), oid)
    writer.finish()
    return True


def places_restored(
    project: CheckpointContext, db: apsw.Connection, rollback: schema.PastRollback
) -> frozenset[bytes] | None:
    """Return the files and rows that a rollback changed, and nobody's before or after it; None if that was not recorded.

    Each rollback takes a checkpoint first, so that the interval after it holds the writes of one rollback alone; those in a workspace
    folder that was not open at the next checkpoint are found in a later one, or are still recorded.
    """
    if rollback.conversations is None:
        return None
    writer = rollback_of(rollback.session)
    since = schema.checkpoint_number(rollback.safety)
    later = select(
        db, "SELECT number, attributed FROM checkpoint WHERE number > ? ORDER BY number LIMIT 1", (since,)
    )
    if later:
        number, attributed = later[0]
        rows = select(
            db,
            "SELECT place FROM checkpoint_change WHERE session = ? AND (number = ? OR number > ? AND substr(place, 1, ?) = ?)",
            (writer, number, number, len(FOLDERS), FOLDERS),
        )
        found = {bytes(place) for (place,) in rows}
        found |= {
            it.place
            for it in writes(db)
            if it.session == writer and it.place and it.place.startswith(FOLDERS)
        }
        return frozenset(found) if attributed else None
    written = {write.place for write in writes(db) if write.session == writer and write.place is not None}
    return frozenset(
        written | {place for place, writers in project.row_writers(db).items() if writer in writers}
    )
