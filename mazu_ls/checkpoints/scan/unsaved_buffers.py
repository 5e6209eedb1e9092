"""Unsaved text in a checkpoint: what it holds of it, and the files as the user saw them, with that text in them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from mazu_ls.checkpoints.context import BUFFERS, CheckpointContext
from mazu_ls.checkpoints.git.objects import BLOB, FILE_MODE, LINK_MODE, TreeEntry, object_id
from mazu_ls.checkpoints.scan.roots import CODE, CheckpointRoot
from mazu_ls.errors import MazuError
from mazu_ls.host import Buffer
from mazu_ls.workspace.file_names import parse_name
from mazu_ls.workspace.text import DecodedText, NotText, decode, decode_like

Add = Callable[[str, bytes, bytes], object]


class UnsavedText(Struct, frozen=True):
    """The unsaved text of one document; `path` is None for an untitled one."""

    uri: str
    path: Path | None
    text: str


class BufferView(Struct, frozen=True):
    """A tree, and the unsaved texts of documents in it. `outgrown`: the files that it leaves out for their size, as reports
    show them, with their sizes in bytes, where that is asked for. `unknown`: those of which an editor of another process holds
    unsaved text that is not known."""

    tree: bytes | None
    unsaved: Sequence[UnsavedText]
    outgrown: Mapping[str, int] = MappingProxyType({})
    unknown: frozenset[str] = frozenset()


def held_texts(project: CheckpointContext, tree: bytes | None) -> list[UnsavedText]:
    """Return the unsaved texts of a checkpoint's tree."""
    entries = project.trees.read(project.trees.folder(tree, BUFFERS))
    if b"index.json" not in entries:
        return []
    listed = json.loads(project.repository.read(entries[b"index.json"].oid))
    return [
        UnsavedText(
            item["uri"],
            Path(item["path"]) if item["path"] is not None else None,
            project.repository.read(entries[item["text"].encode()].oid).decode("utf-8", "surrogatepass"),
        )
        for item in listed
    ]


def carried_buffers(project: CheckpointContext, tree: bytes | None, places: Container[bytes]) -> list[Buffer]:
    """Return the unsaved texts that a checkpoint's tree holds of these places, as documents."""
    return [
        Buffer(held.uri, held.path, 0, "", held.text, True)
        for held in held_texts(project, tree)
        if (place := place_of(project, held)) is not None and place in places
    ]


def open_texts(buffers: Sequence[Buffer]) -> list[UnsavedText]:
    """Return those of the documents that are open now."""
    return [UnsavedText(buffer.uri, buffer.path, buffer.text) for buffer in buffers if buffer.dirty]


def held_buffers(project: CheckpointContext, buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """Return the documents that a checkpoint holds: none in `.mazu` or `.git` of the project. Follows links on disk."""
    roots = [mount.directory for mount in project.mounts if mount.scanned]
    return tuple(
        buffer
        for buffer in buffers
        if buffer.path is None
        or project.locate(buffer.path) is not None
        or not any(buffer.path.is_relative_to(root) for root in roots)
    )


def file_text(project: CheckpointContext, tree: str, shown: str) -> tuple[str | None, bool, bool]:
    """Return a file of a checkpoint's tree (its id) by the name that reports show: its text, whether it is binary, whether it
    existed."""
    for mount, inside in _named(project, shown):
        for held in held_texts(project, bytes.fromhex(tree)):
            if held.path is not None and project.locate(held.path) == (mount, inside):
                return held.text, False, True
        entry = project.trees.at(bytes.fromhex(tree), mount.prefix + b"/" + inside)
        if entry is not None and not entry.is_folder:
            decoded = _decoded(project, entry)
            return (decoded.shown, False, True) if decoded else (None, True, True)
    return None, False, False


def saved_bytes(project: CheckpointContext, tree: str, shown: str) -> bytes | None:
    """Return the bytes of a file of a checkpoint's tree (its id) by the name that reports show; None for no file."""
    found = (
        file_bytes(project, bytes.fromhex(tree), mount.prefix + b"/" + inside)
        for mount, inside in _named(project, shown)
    )
    return next((data for data in found if data is not None), None)


def _named(project: CheckpointContext, shown: str) -> Iterator[tuple[CheckpointRoot, bytes]]:
    """Yield where a file may be that reports show by this name."""
    for mount in reversed(project.mounts):
        if shown.startswith(mount.label):
            yield mount, os.fsencode(parse_name(shown.removeprefix(mount.label)))


def shown_text(project: CheckpointContext, view: BufferView, place: bytes) -> str | None:
    """Return the text of a place as the user saw it; None for no file and for one that is no text."""
    for held in view.unsaved:
        if place_of(project, held) == place:
            return held.text
    data = file_bytes(project, view.tree, place)
    try:
        return None if data is None else decode(data).text
    except NotText:
        return None


def file_bytes(project: CheckpointContext, tree: bytes | None, place: bytes) -> bytes | None:
    """Return the bytes of a file in a tree; None for no file and for a link."""
    entry = project.trees.at(tree, place)
    if entry is None or entry.is_folder or entry.mode == LINK_MODE:
        return None
    return project.repository.read(entry.oid)


def text_digest(text: str) -> str:
    """Return the hash by which processes compare unsaved texts."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def same_lines(one: str | None, other: str) -> bool:
    """Return whether two texts are equal apart from line ends."""
    return one is not None and one.replace("\r\n", "\n") == other.replace("\r\n", "\n")


def shown_trees(
    project: CheckpointContext, old: BufferView, new: BufferView, add: Add, fresh: Container[bytes] = ()
) -> tuple[bytes | None, bytes | None]:
    """Return both trees with the unsaved texts in place of the files, so that saving a text is no change.

    If a file changed on disk below one and the same unsaved text, the file's content counts. New objects are passed to
    `add`; those in `fresh` are not in the store yet.
    """
    if not old.unsaved and not new.unsaved:
        return old.tree, new.tree
    before, after = (_typed(project, view, add, fresh) for view in (old, new))
    for place in before.keys() & after.keys():
        if before[place] == after[place] and _at(project, old, place) != _at(project, new, place):
            del before[place], after[place]
    return project.trees.update(old.tree, before, add), project.trees.update(new.tree, after, add)


def _typed(
    project: CheckpointContext, view: BufferView, add: Add, fresh: Container[bytes]
) -> dict[bytes, TreeEntry | None]:
    """Return the unsaved texts as files, by place, if they differ from the files."""
    found: dict[bytes, TreeEntry | None] = {}
    for held in view.unsaved:
        if (place := place_of(project, held)) is None:
            continue
        entry = _at(project, view, place)
        if entry is None and _is_ignored(project, held):
            continue
        if entry is not None and (entry.is_folder or entry.mode == LINK_MODE):
            continue
        saved = _decoded(project, entry, held.text) if entry is not None and entry.oid not in fresh else None
        if entry is None or not same_lines(saved.shown if saved else None, held.text):
            data = _encoded(saved or DecodedText(""), held.text)
            oid = object_id(BLOB, data)
            add(BLOB, data, oid)
            found[place] = TreeEntry(entry.mode if entry is not None else FILE_MODE, oid)
    return found


def place_of(project: CheckpointContext, held: UnsavedText | Buffer) -> bytes | None:
    """Return the place of a document; of an untitled one a file named by its URI. None if it is not the project's."""
    if held.path is not None:
        return project.place(held.path)
    if not held.uri.startswith("untitled:"):
        return None
    return b"/".join((CODE, *(part for part in held.uri.encode().split(b"/") if part)))


def _at(project: CheckpointContext, view: BufferView, place: bytes) -> TreeEntry | None:
    return project.trees.at(view.tree, place)


def _is_ignored(project: CheckpointContext, held: UnsavedText) -> bool:
    located = project.locate(held.path) if held.path is not None else None
    return located is not None and bool(project.scanners[located[0].prefix].ignored([located[1]]))


def _decoded(project: CheckpointContext, entry: TreeEntry, shown: str | None = None) -> DecodedText | None:
    """Return a file's text; `shown` is a text that an editor has of it, and so reveals the encoding it uses."""
    try:
        data = project.repository.read(entry.oid)
        return decode(data) if shown is None else decode_like(data, shown)
    except NotText:
        return None


def encode_like(data: bytes, text: str) -> bytes:
    """Return a text as the content of a file that now has the content `data`: in its encoding, with its line ends."""
    try:
        like = decode(data)
    except NotText:
        like = DecodedText("")
    if "\r\n" in like.text and "\r\n" not in text:
        text = text.replace("\n", "\r\n")
    return _encoded(like, text)


def _encoded(like: DecodedText, text: str) -> bytes:
    try:
        return like.encode(text)
    except (MazuError, UnicodeError):
        return text.encode("utf-8", "surrogatepass")
