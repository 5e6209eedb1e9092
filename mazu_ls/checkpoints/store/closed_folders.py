"""Changes in folders that a checkpoint holds and that are not open now: a rollback here would leave them as they are."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.checkpoints.context import META, CheckpointContext
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.store.unseen_files import unseen_files
from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

NAMED = 3
_CHANGED = """
    SELECT place FROM checkpoint_change WHERE number > ?1 AND (?2 IS NULL OR session = ?2)
    UNION SELECT place FROM checkpoint_write WHERE place IS NOT NULL AND (?2 IS NULL OR session = ?2)
"""


def get_whole(
    project: CheckpointContext, db: apsw.Connection, id: str, selection: RestoreSelection
) -> Checkpoint:
    """Return the checkpoint `id`.

    Raises MazuError(not_found) if it was pruned, MazuError(conflict) if what is selected of it was changed since in a folder that is not
    open here: half of a step is not rolled back. A folder that is gone, and paths that the user names, are no reason.
    """
    target = schema.get(db, id)
    if selection.has("code") and not selection.paths and (closed := _closed(project, target)):
        rows = select(db, _CHANGED, (schema.checkpoint_number(id), selection.owner))
        changed = {shown for (place,) in rows if (shown := _shown(bytes(place), closed)) is not None}
        # What a rollback wrote there, and no checkpoint has seen yet, differs from what the newest one holds.
        unseen = (path for path in unseen_files(db) if any(map(path.is_relative_to, closed.values())))
        if changed := sorted({*changed, *map(str, unseen)}):
            raise MazuError(Kind.CONFLICT, _sentence(changed, id), _hint(project, closed, id))
    return target


def _closed(project: CheckpointContext, target: Checkpoint) -> dict[bytes, str]:
    """Return the folders of a checkpoint that are there and not open, by their place in the tree."""
    entry = project.trees.read(bytes.fromhex(target.tree)).get(META)
    held = json.loads(project.repository.read(entry.oid))["folders"] if entry is not None else {}
    mounted = {mount.prefix for mount in project.mounts}
    folders = {os.fsencode(prefix): folder for prefix, folder in held.items()}
    return {
        prefix: folder
        for prefix, folder in folders.items()
        if prefix not in mounted and Path(folder).is_dir()
    }


def _shown(place: bytes, closed: dict[bytes, str]) -> str | None:
    for prefix, folder in closed.items():
        if place.startswith(prefix + b"/"):
            return f"{folder}/{place[len(prefix) + 1 :].decode('utf-8', 'backslashreplace')}"
    return None


def _sentence(changed: list[str], id: str) -> str:
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return f"{', '.join(changed[:NAMED])}{more} changed since {id} too, in a folder that is not open here: nothing was rolled back."


def _hint(project: CheckpointContext, closed: dict[bytes, str], id: str) -> str:
    folders = [str(project.mounts[0].directory), *sorted(closed.values())]
    named = " ".join(f"--folder {shlex.quote(folder)}" for folder in folders)
    return f"Open all of them, as the editor had them (in a terminal: {named}), or name files: mazu-ls rollback {id} --path FILE"
