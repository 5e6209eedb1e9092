"""Unsaved texts of a checkpoint that the user saved since: they belong to the file now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.checkpoints.attribution.restored_places import restored_entries
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_texts, place_of
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import MazuError
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw


def texts_saved_since(
    project: CheckpointContext, db: apsw.Connection, target: Checkpoint, now: BufferView
) -> dict[bytes, str]:
    """Return the texts that were unsaved at the checkpoint, by place, where no unsaved text is left and the file was written.

    To restore the file as it was would take from it what the user saved. A file that is still as a rollback left it, which
    put the unsaved text away, was not saved.
    """
    unsaved = {place_of(project, held) for held in now.unsaved}
    found: dict[bytes, str] = {}
    for held in held_texts(project, bytes.fromhex(target.tree)):
        place = place_of(project, held)
        if place is None or held.path is None or place in unsaved:
            continue
        if not _is_left_by_rollback(project, db, schema.checkpoint_number(target.id), place, now):
            found[place] = held.text
    return found


def _is_left_by_rollback(
    project: CheckpointContext, db: apsw.Connection, since: int, place: bytes, now: BufferView
) -> bool:
    """Return whether the last rollback after checkpoint `since` left the file as it is."""
    rows = select(db, "SELECT safety_id FROM checkpoint_rollback ORDER BY id DESC LIMIT 1")
    if not rows or (safety := schema.checkpoint_number(rows[0][0])) < since:
        return False
    ((number,),) = select(db, "SELECT min(number) FROM checkpoint WHERE number > ?", (safety,))
    is_newest, state = number is None, project.state_at(now.tree, place)
    number = schema.next_number(db) if is_newest else number
    left = restored_entries(db, number)
    if place in left:
        return left[place] == state
    try:
        # A place that a rollback left is in the next checkpoint; one that it did not touch is in its safety checkpoint, too.
        id = schema.checkpoint_id(safety if is_newest else number)
        return project.state_at(bytes.fromhex(schema.get(db, id).tree), place) == state
    except MazuError:
        return False
