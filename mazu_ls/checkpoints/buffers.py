"""Open documents in a checkpoint: the unsaved text that it holds, and what a rollback asks of the editor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Held:
    """The unsaved text of one document in a checkpoint; `path` is None for an untitled one."""

    uri: str
    path: Path | None
    text: str


def held_texts(project: Project, tree: bytes | None) -> list[Held]:
    """Unsaved texts of a checkpoint's tree."""
    entries = project.trees.read(project.trees.folder(tree, BUFFERS))
    if b"index.json" not in entries:
        return []
    listed = json.loads(project.repository.read(entries[b"index.json"].oid))
    return [
        Held(
            item["uri"],
            Path(item["path"]) if item["path"] is not None else None,
            project.repository.read(entries[item["text"].encode()].oid).decode("utf-8", "surrogatepass"),
        )
        for item in listed
    ]


def only_saved(project: Project, last: bytes | None, now: bytes | None) -> set[bytes]:
    """Places whose file in the tree `now` says what the tree `last` held as unsaved text."""
    found: set[bytes] = set()
    for held in held_texts(project, last):
        located = project.locate(held.path) if held.path is not None else None
        if located is None:
            continue
        place = located[0].prefix + b"/" + located[1]
        if _same_lines(_file_text(project, now, place), held.text):
            found.add(place)
    return found


def _same_lines(one: str | None, other: str) -> bool:
    return one is not None and one.replace("\r\n", "\n") == other.replace("\r\n", "\n")


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
    tree, changes = bytes.fromhex(target.tree), []
    held = {held.uri: held.text for held in held_texts(project, tree)}
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
            text = _file_text(project, tree, place)
        if text is not None and text != buffer.text:
            changes.append(BufferChange(buffer, text))
    return changes


def _file_text(project: Project, tree: bytes | None, place: bytes) -> str | None:
    entry = project.trees.at(tree, place)
    if entry is None or entry.is_folder or entry.mode == LINK_MODE:
        return None
    try:
        return decode(project.repository.read(entry.oid)).text
    except NotText:
        return None
