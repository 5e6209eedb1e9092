"""Views with the files that no checkpoint holds in them, as far as they are kept: for the diff of a question about one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.unheld.unheld_edits import edits_since

if TYPE_CHECKING:
    import apsw


def with_unheld(
    project: CheckpointContext,
    db: apsw.Connection,
    id: str,
    views: tuple[BufferView, BufferView],
    shown: Collection[str],
) -> tuple[BufferView, BufferView]:
    """Return the views of a checkpoint and of the present with these files (as reports show them) as they were kept, and as they are.

    Their trees are written to the store, and named by no checkpoint.
    """
    found = {
        place: file
        for place, file in edits_since(project, db, schema.checkpoint_number(id)).items()
        if file.shown in shown
    }
    if not found:
        return views
    then: dict[bytes, TreeEntry | None] = {place: file.now for place, file in found.items()}
    present: dict[bytes, TreeEntry | None] = {place: file.was for place, file in found.items()}
    writer = project.repository.writer()
    try:
        old, new = (
            replace(view, tree=project.trees.update(view.tree, _missing(project, view, files), writer.add))
            for view, files in zip(views, (then, present), strict=True)
        )
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    return old, new


def _missing(
    project: CheckpointContext, view: BufferView, files: dict[bytes, TreeEntry | None]
) -> dict[bytes, TreeEntry | None]:
    return {
        at: file for at, file in files.items() if file is not None and project.trees.at(view.tree, at) is None
    }
