"""The texts of the agent's edits of a file between which the user changed it: they divide that interval into one author's each."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from mazu_ls.checkpoints.attribution.owners import Change
from mazu_ls.checkpoints.attribution.recorded_writes import ROLLBACK, record_edit
from mazu_ls.checkpoints.attribution.restored_places import ensure_stored
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import BLOB, LINK_MODE, TreeEntry, object_id
from mazu_ls.checkpoints.scan.file_state import text_state
from mazu_ls.checkpoints.scan.unsaved_buffers import (
    BufferView,
    UnsavedText,
    encode_like,
    place_of,
    shown_text,
)
from mazu_ls.state.store import select

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

MAX_CHARACTERS = 1 << 20
"""An edit of a longer text is recorded without its texts."""


class AgentEdit(Struct, frozen=True):
    """One edit of an agent: the texts before and after it, None for no file."""

    session: str
    before: str | None
    after: str | None


def pack_texts(before: str | None, after: str | None) -> bytes | None:
    """Return both texts as they are stored; None if they are too long."""
    if len(before or "") + len(after or "") > MAX_CHARACTERS:
        return None
    texts = [None if text is None else text.encode("utf-8", "surrogatepass") for text in (before, after)]
    return zlib.compress(msgspec.msgpack.encode(texts), 1)


def record_texts(
    project: CheckpointContext,
    db: apsw.Connection,
    session: str,
    path: Path,
    texts: tuple[str | None, str | None],
) -> None:
    """Record that an agent is about to change a file of the project, with its texts before and after; None for no file."""
    if (place := project.place(path)) is not None:
        states = map(project.text_states.note, texts)
        record_edit(db, session, place, *states, texts=pack_texts(*texts))


def keep_edits(db: apsw.Connection, number: int, changes: Mapping[bytes, Change]) -> None:
    """Keep the edits of places that the user changed, too, in the interval that ends with checkpoint `number`.

    Called before the records are deleted.
    """
    for place, change in changes.items():
        if _divides(db, place, change):
            db.execute(
                "INSERT OR REPLACE INTO checkpoint_edit SELECT ?, place, id, session, texts FROM checkpoint_write"
                " WHERE place = ? AND texts IS NOT NULL",
                (number, place),
            )


def edits_of(db: apsw.Connection, place: bytes, change: Change, number: int | None) -> list[AgentEdit]:
    """Return the edits of a place in the interval that ends with a checkpoint (None: in the present one), the oldest first.

    None of them if they do not account for all that agents did there.
    """
    if number is None:
        query = (
            "SELECT session, texts FROM checkpoint_write WHERE place = ? AND texts IS NOT NULL ORDER BY id"
        )
        rows = select(db, query, (place,)) if _divides(db, place, change) else []
    else:
        query = "SELECT session, texts FROM checkpoint_edit WHERE place = ? AND number = ? ORDER BY id"
        rows = select(db, query, (place, number))
    return [AgentEdit(session, *_unpack(bytes(texts))) for session, texts in rows]


def _divides(db: apsw.Connection, place: bytes, change: Change) -> bool:
    """Return whether the recorded edits account for all that agents changed at a place that the user changed, too."""
    if not change.user or not change.sessions or change.uncertain:
        return False
    rows = select(
        db,
        "SELECT session, texts IS NULL, place IS NULL FROM checkpoint_write WHERE place = ? OR place IS NULL",
        (place,),
    )
    agents = [row for row in rows if row[0].partition(":")[0] != ROLLBACK]
    return bool(agents) and not any(is_unknown or is_command for _, is_unknown, is_command in agents)


def _unpack(texts: bytes) -> list[str | None]:
    found = msgspec.msgpack.decode(zlib.decompress(texts), type=list[bytes | None])
    return [None if text is None else text.decode("utf-8", "surrogatepass") for text in found]


def divide_interval(
    project: CheckpointContext,
    place: bytes,
    ends: tuple[BufferView, BufferView],
    edits: Sequence[AgentEdit],
) -> list[tuple[BufferView, BufferView, Change]]:
    """Return what happened to a place between two views: the agent's edits, and between them what the user changed.

    A file that changed beneath an unsaved text was saved by the user, or written by another program: that comes first, as the
    user's change of the file alone, since its content meanwhile is not known.
    """
    last, after = ends
    found: list[tuple[BufferView, BufferView, Change]] = []
    if (
        _is_unsaved(project, place, ends)
        and _entries(project, place, ends)[0] != _entries(project, place, ends)[1]
    ):
        saved = BufferView(after.tree, last.unsaved)
        if not any(place_of(project, held) == place for held in last.unsaved):
            text = shown_text(project, last, place)
            saved = BufferView(
                after.tree, [*last.unsaved, UnsavedText("", project.path_of(place), text or "")]
            )
        found.append((last, saved, Change(user=True)))
        last = saved
    view_of = _views(project, place, (last, after))
    if view_of is None:
        return []
    for edit in edits:
        before = view_of(edit.before)
        if _differ(project, place, last, before):
            found.append((last, before, Change(user=True)))
            last = before
        found.append((last, view_of(edit.after), Change({edit.session})))
        last = found[-1][1]
    if _differ(project, place, last, after):
        found.append((last, after, Change(user=True)))
    elif found:
        found[-1] = (found[-1][0], after, found[-1][2])
    return found


def _differ(project: CheckpointContext, place: bytes, one: BufferView, other: BufferView) -> bool:
    """Return whether the text differs, or the file's permission bits: an edit leaves these as they are."""
    if text_state(shown_text(project, one, place)) != text_state(shown_text(project, other, place)):
        return True
    return project.bits_at(one.tree, place) != project.bits_at(other.tree, place)


def _entries(
    project: CheckpointContext, place: bytes, ends: tuple[BufferView, BufferView]
) -> list[TreeEntry | None]:
    return [project.trees.at(view.tree, place) for view in ends]


def _is_unsaved(project: CheckpointContext, place: bytes, ends: tuple[BufferView, BufferView]) -> bool:
    return any(place_of(project, held) == place for view in ends for held in view.unsaved)


def _views(
    project: CheckpointContext, place: bytes, ends: tuple[BufferView, BufferView]
) -> Callable[[str | None], BufferView] | None:
    """Return how a text of a place looks between two views: as an unsaved text if it was edited in an editor, else as a file."""
    before = ends[0]
    others = [held for held in before.unsaved if place_of(project, held) != place]
    entries = _entries(project, place, ends)
    if _is_unsaved(project, place, ends):
        path = project.path_of(place)
        return lambda text: BufferView(before.tree, [*others, UnsavedText("", path, text or "")])
    like = next((entry for entry in entries if entry is not None and not entry.is_folder), None)
    if like is None or like.mode == LINK_MODE:
        return None
    bits = project.modes(before.tree).unusual_bits(place)

    def as_file(text: str | None) -> BufferView:
        entry = None
        if text is not None:
            data = encode_like(project.repository.read(like.oid), text)
            entry = TreeEntry(like.mode, object_id(BLOB, data))
            ensure_stored(project, entry.oid, data)
        return BufferView(project.hold(place, entry, bits, before.tree), others)

    return as_file
