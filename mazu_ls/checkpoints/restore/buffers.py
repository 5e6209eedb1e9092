"""Open documents in a rollback: the unsaved text that a checkpoint holds, and the changes requested from the editor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import LINK_MODE, TreeEntry
from mazu_ls.checkpoints.models import Checkpoint, PathReason, PlanFiles
from mazu_ls.checkpoints.restore.restore_steps import PROTECTED, RestoreStep
from mazu_ls.checkpoints.restore_selection import RestoreSelection
from mazu_ls.checkpoints.scan.unsaved_buffers import held_texts, place_of, same_lines
from mazu_ls.host import Buffer
from mazu_ls.state.paths import PROJECT_FOLDER
from mazu_ls.workspace.ipynb import canonical, separate_cells
from mazu_ls.workspace.text import NotText, decode_like

CELLS_STAY = (
    "open as a notebook with unsaved changes, and cells would have to come, go or move: what the editor shows stays; close it there "
    "without saving to get the file that was restored"
)
OUTPUTS_STAY = "open as a notebook with unsaved changes: the text of its cells is restored, its outputs and metadata stay as the editor has them"


class BufferChange(Struct, frozen=True):
    """One open document, and the text it should get. `place`: its place in the tree, None outside the project; then
    `last` is what the last checkpoint holds of it, None for nothing."""

    buffer: Buffer
    text: str
    shown: str
    place: bytes | None = None
    last: str | None = None

    @property
    def users(self) -> bool:
        """Whether, in a document outside the project, the user typed since the last checkpoint."""
        return self.last is not None and not same_lines(self.buffer.text, self.last)


def buffer_changes(
    project: CheckpointContext,
    target: Checkpoint,
    last: bytes | None,
    *,
    steps: Sequence[RestoreStep],
    buffers: Sequence[Buffer],
    selection: RestoreSelection,
) -> list[BufferChange]:
    """Return documents whose text is not what it was at the checkpoint. `last` is the tree of the last checkpoint.

    A document that was unsaved then gets its unsaved text; every other one the text of its file in the checkpoint. A
    document whose file is deleted keeps its text: closing it is left to the user.
    """
    tree, changes = bytes.fromhex(target.tree), []
    held = {held.uri: held.text for held in held_texts(project, tree)}
    before = {held.uri: held.text for held in held_texts(project, last)}
    by_place = {step.place: step for step in steps}
    for buffer in buffers:
        if is_protected(project, buffer):
            continue
        text, place, shown = held.get(buffer.uri), place_of(project, buffer), name_of(project, buffer)
        if buffer.path is not None and place is not None and not selection.names(shown):
            continue
        if text is None and place is not None:
            if not buffer.dirty and place not in by_place:
                continue
            step = by_place.get(place)
            entry = step.now if step and step.unheld else project.trees.at(tree, place)
            text = _file_text(project, entry, buffer.text)
        if text is not None and text != buffer.text and not _is_same_notebook(buffer, text):
            changes.append(BufferChange(buffer, text, shown, place, before.get(buffer.uri)))
    return changes


def protected_buffers(
    project: CheckpointContext, target: Checkpoint, buffers: Sequence[Buffer]
) -> list[PathReason]:
    """Return the open documents whose text the checkpoint's tree holds but that must not be changed."""
    held = {held.uri: held.text for held in held_texts(project, bytes.fromhex(target.tree))}
    return [
        PathReason(name_of(project, buffer), PROTECTED)
        for buffer in buffers
        if held.get(buffer.uri, buffer.text) != buffer.text and is_protected(project, buffer)
    ]


def _is_same_notebook(buffer: Buffer, text: str) -> bool:
    return buffer.is_notebook and canonical(text) == canonical(buffer.text)


def leave_cells(changes: list[BufferChange], plan: PlanFiles) -> list[PathReason]:
    """Remove from both the notebooks with unsaved text of which an edit cannot make what they should be; return what stays in which.

    One without unsaved text the editor loads again, whatever changes in its file.
    """
    problems: list[PathReason] = []
    for change in [one for one in changes if one.buffer.is_notebook and one.buffer.dirty]:
        found = separate_cells(change.buffer.text, change.text)
        if found is None:
            changes.remove(change)
            problems.append(PathReason(change.shown, CELLS_STAY))
        elif not found[1]:
            problems.append(PathReason(change.shown, OUTPUTS_STAY))
    plan.buffers = [change.buffer.uri for change in changes]
    return problems


def is_protected(project: CheckpointContext, buffer: Buffer) -> bool:
    """Return whether a document is a file of git or of mazu-ls, in the project or elsewhere. Follows links on disk."""
    if buffer.path is None:
        return False
    return any(
        project.locate(path) is None and any(part.lower() in (".git", PROJECT_FOLDER) for part in path.parts)
        for path in (buffer.path, Path(os.path.realpath(buffer.path)))
    )


def name_of(project: CheckpointContext, buffer: Buffer) -> str:
    """Return a document's name as reports show it, which is never a URI."""
    if buffer.path is None:
        return buffer.uri.partition(":")[2].lstrip("/") or buffer.uri
    found = project.locate(buffer.path)
    return found[0].shown(found[1]) if found is not None else str(buffer.path)


def _file_text(project: CheckpointContext, entry: TreeEntry | None, now: str) -> str | None:
    """Return a file's text as an editor that shows the text `now` would show it (in the same encoding)."""
    if entry is None or entry.is_folder or entry.mode == LINK_MODE:
        return None
    try:
        return decode_like(project.repository.read(entry.oid), now).shown
    except NotText:
        return None
