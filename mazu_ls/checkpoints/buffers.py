"""Open documents in a checkpoint: the unsaved text that it holds, and what a rollback asks of the editor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mazu_ls.checkpoints.objects import LINK_MODE
from mazu_ls.checkpoints.project import BUFFERS, Project
from mazu_ls.checkpoints.records import Checkpoint
from mazu_ls.checkpoints.steps import Selection, Step
from mazu_ls.host import Buffer
from mazu_ls.workspace.text import NotText, decode


@dataclass(frozen=True)
class BufferChange:
    """One open document, and the text it shall have."""

    buffer: Buffer
    text: str


def held_texts(project: Project, target: Checkpoint) -> dict[str, str]:
    """Unsaved texts of a checkpoint by URI."""
    tree = project.trees.folder(bytes.fromhex(target.tree), BUFFERS)
    entries = project.trees.read(tree)
    if b"index.json" not in entries:
        return {}
    listed = json.loads(project.repository.read(entries[b"index.json"].oid))
    texts = {name: entry.oid for name, entry in entries.items()}
    return {
        item["uri"]: project.repository.read(texts[item["text"].encode()]).decode("utf-8", "surrogatepass")
        for item in listed
    }


def buffer_changes(
    project: Project,
    target: Checkpoint,
    steps: Sequence[Step],
    buffers: Sequence[Buffer],
    selection: Selection,
) -> list[BufferChange]:
    """Documents whose text is not what it was at the checkpoint.

    One that was unsaved then gets its unsaved text; every other one the text of its file in the checkpoint. A
    document whose file is deleted keeps its text: closing it is the user's business.
    """
    held, changes = held_texts(project, target), []
    by_place = {step.place: step for step in steps}
    for buffer in buffers:
        text = held.get(buffer.uri)
        found = project.locate(buffer.path) if buffer.path is not None else None
        if found is not None and not selection.names(found[0].shown(found[1])):
            continue
        if text is None and found is not None:
            place = found[0].prefix + b"/" + found[1]
            if not buffer.dirty and place not in by_place:
                continue
            text = _file_text(project, target, place)
        if text is not None and text != buffer.text:
            changes.append(BufferChange(buffer, text))
    return changes


def _file_text(project: Project, target: Checkpoint, place: bytes) -> str | None:
    entry = project.trees.at(bytes.fromhex(target.tree), place)
    if entry is None or entry.is_folder or entry.mode == LINK_MODE:
        return None
    try:
        return decode(project.repository.read(entry.oid)).text
    except NotText:
        return None
