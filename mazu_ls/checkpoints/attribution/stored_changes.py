"""The table of who changed what in the interval that each checkpoint ends."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.agent_edits import keep_edits
from mazu_ls.checkpoints.attribution.attribution import Attribution
from mazu_ls.checkpoints.attribution.owners import Change, changes_by
from mazu_ls.checkpoints.attribution.recorded_writes import Shown, read_heads, writes
from mazu_ls.checkpoints.attribution.restored_places import keep_restored, restored_entries
from mazu_ls.checkpoints.attribution.saved_texts import saved_places
from mazu_ls.checkpoints.context import CheckpointContext, base_checkpoint
from mazu_ls.checkpoints.scan.roots import is_closed
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_texts
from mazu_ls.checkpoints.store import schema

if TYPE_CHECKING:
    import apsw


def follows_own_work(project: CheckpointContext, db: apsw.Connection, command: int) -> bool:
    """Return whether the user changed files between the last checkpoint and the start of a command.

    Only a checkpoint taken now keeps what that was: the command may change or remove the same files.
    """
    base = base_checkpoint(db)
    recorded = writes(db)
    started = next((write.commanded for write in recorded if write.id == command), None)
    if base is None or started is None:
        return False
    tree = bytes.fromhex(base.tree)
    old = Shown.from_view(project, BufferView(tree, held_texts(project, tree)))
    earlier = [write for write in recorded if write.id < command]
    restored = restored_entries(db, schema.next_number(db))
    return any(
        change.user for change in Attribution(project, earlier, restored).changes(old, started[0]).values()
    )


def attribute(
    project: CheckpointContext,
    db: apsw.Connection,
    number: int,
    ends: tuple[Shown, Shown],
    *,
    rows: Mapping[bytes, set[str]],
    open_places: Collection[bytes] = (),
    typed: Collection[bytes] = (),
) -> None:
    """Store who changed what in the interval that ends with checkpoint `number`, and start the next one.

    `rows`: the writers of each changed row of the parts.

    `open_places` are not attributed yet: their records remain. So do those of folders that are not open in this process. `typed`: what the user typed in editors of other processes.
    """
    recorded = writes(db)
    old, new = ends
    restored = restored_entries(db, number)
    closed = {at for at in (*restored, *(write.place for write in recorded)) if is_closed(project.mounts, at)}
    open_places = {*open_places, *filter(None, closed)}
    found = Attribution(project, recorded, restored).changes(old, new)
    found.update(changes_by(rows))
    found.update({place: Change(user=True) for place in typed})
    db.executemany(
        "INSERT INTO checkpoint_change VALUES (?, ?, ?, ?)",
        [
            (number, place, session, change.stored_user)
            for place, change in found.items()
            if place not in open_places
            for session in (change.sessions or {""})
        ],
    )
    mixed = {place for place, change in found.items() if change.rollbacks and not change.is_rollback}
    # An unsaved text that was saved after the rollback is nobody's change, and not the file that the rollback left.
    mixed |= {at for at, left in restored.items() if left != project.state_at(new.tree, at)}
    saved = saved_places(project, recorded, restored, ends)
    db.executemany("INSERT INTO checkpoint_saved VALUES (?, ?)", [(number, place) for place in saved])
    keep_restored(db, number, mixed, open_places)
    keep_edits(db, number, {place: change for place, change in found.items() if place not in open_places})
    for write in recorded:
        if write.place in open_places:
            continue
        is_open = write.commanded is not None and write.commanded[1] is None
        if is_open and project.commands.is_open(write.id, write.process):
            assert write.commanded
            heads = read_heads(project) if write.commanded[0].heads else {}
            data = json.dumps({**replace(new, heads=heads, at=time.time()).dump(), "process": write.process})
            db.execute("UPDATE checkpoint_write SET before = ? WHERE id = ?", (data, write.id))
        else:
            db.execute("DELETE FROM checkpoint_write WHERE id = ?", (write.id,))
            if is_open:
                project.commands.forget(write.process)
