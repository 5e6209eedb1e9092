"""The record of what agents, rollbacks and commands wrote since the last checkpoint, and of what the user saved
meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.scan.file_state import State, text_state
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, held_buffers, open_texts, place_of
from mazu_ls.checkpoints.store import schema
from mazu_ls.checkpoints.unheld import renamed_files
from mazu_ls.errors import MazuError
from mazu_ls.host import Buffer
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

ROLLBACK = "rollback"
"""The session under which writes of a rollback are recorded; for one session's undo with its id, see `rollback_of`."""
IMPORTED = "imported"
"""The session under which files are recorded that were missing when the state was imported: nobody here deleted them."""
AUTOMATIC = "automatic"
"""The session under which changes of memory are recorded that nobody made; they count only if nobody else changed the entry."""
USER = ""
"""The session under which the user's saves during a command are recorded."""
UNKNOWN = "?"
"""The state of a place whose content is unknown."""
HeadAt = Literal["before", "after"] | None
"""When HEAD is read: right before the files or right after them, so that a move meanwhile is seen; None for not at all."""


def rollback_of(session: str | None) -> str:
    """Return the session name for writes of an undo in one session; None: of a rollback of all sessions."""
    return f"{ROLLBACK}:{session}" if session else ROLLBACK


def read_heads(project: CheckpointContext) -> dict[bytes, str]:
    """Return the commit of the user's HEAD by folder prefix, for folders in a repository with a commit."""
    users = ((prefix, user) for prefix, user in project.users.items() if user is not None)
    commits = ((prefix, user.state().commit) for prefix, user in users)
    return {prefix: commit for prefix, commit in commits if commit is not None}


class Shown(Struct, frozen=True):
    """The files as the user saw them at one moment: a tree, and the states of unsaved texts."""

    tree: bytes | None
    texts: Mapping[bytes, State] = field(default_factory=dict)
    heads: Mapping[bytes, str] = field(default_factory=dict)
    """The commit of the user's HEAD by folder prefix; empty if a command itself may move it."""
    at: float = 0.0
    """When HEAD was read, in seconds since the epoch; 0 if it was not."""

    @classmethod
    def from_view(
        cls, project: CheckpointContext, view: BufferView, heads: Mapping[bytes, str] | None = None
    ) -> Shown:
        """Build it from a view: its tree and its unsaved texts."""
        places = ((place_of(project, held), held.text) for held in view.unsaved)
        texts = {place: text_state(text) for place, text in places if place is not None}
        return cls(view.tree, texts, heads or {}, time.time() if heads else 0.0)

    @classmethod
    def scan(
        cls,
        project: CheckpointContext,
        db: apsw.Connection,
        buffers: Sequence[Buffer],
        touched: Sequence[Path] | None,
        heads: HeadAt,
    ) -> Shown:
        """Scan the files, see `CheckpointContext.present`. `heads`: HEAD is read right before or after that, if at all."""
        first, began = read_heads(project) if heads == "before" else {}, time.time()
        seen, tree = project.present(db, touched)
        renamed_files.note(project, db, seen)
        view = BufferView(tree, open_texts(held_buffers(project, buffers)))
        found = cls.from_view(project, view, read_heads(project) if heads == "after" else first)
        return replace(found, at=began) if first else found

    def dump(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "tree": self.tree.hex() if self.tree else None,
            "texts": {place.hex(): state for place, state in self.texts.items()},
            "heads": {prefix.decode(): commit for prefix, commit in self.heads.items()},
            "at": self.at,
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Shown:
        """Rebuild it from the result of `dump`."""
        tree = bytes.fromhex(data["tree"]) if data["tree"] else None
        texts = {bytes.fromhex(place): state for place, state in data["texts"].items()}
        heads = data.get("heads", {})
        commits = {prefix.encode(): commit for prefix, commit in heads.items()}
        return cls(tree, texts, commits, data.get("at", 0.0))


class Write(Struct, frozen=True):
    """One record: an edit, a rollback's or a saved file (`place` set), or a command (`commanded`: the files before and
    after it, None while it has not ended)."""

    id: int
    session: str
    place: bytes | None
    before: State = None
    after: State = None
    commanded: tuple[Shown, Shown | None] | None = None
    process: str = ""
    until: int = 0
    """The id of the last record made before the command ended."""
    later: frozenset[bytes] = frozenset()
    """For a command whose process was killed: the places of which it is unknown whether they changed before or after
    that."""


def record_edit(
    db: apsw.Connection,
    session: str,
    place: bytes,
    before: State,
    after: State,
    *,
    texts: bytes | None = None,
) -> None:
    """Record an edit that is about to be made. `texts`: see `agent_edits.pack_texts`."""
    db.execute(
        "INSERT INTO checkpoint_write (session, place, before, after, texts) VALUES (?, ?, ?, ?, ?)",
        (session, place, before, after, texts),
    )


def record_command(project: CheckpointContext, db: apsw.Connection, session: str, before: Shown) -> int:
    """Record a command before it runs; it counts as running until it is closed. Return the number to close it with."""
    project.commands.show_alive()
    data = json.dumps({**before.dump(), "process": project.commands.token})
    db.execute("INSERT INTO checkpoint_write (session, before) VALUES (?, ?)", (session, data))
    id = db.last_insert_rowid()
    project.commands.add(id)
    return id


def close_command(db: apsw.Connection, id: int, after: Shown, later: Collection[bytes] = ()) -> None:
    """Record that the command has ended. `later`: see `Write`."""
    ((until,),) = select(db, "SELECT max(id) FROM checkpoint_write")
    data = json.dumps({**after.dump(), "until": until, "later": [place.hex() for place in later]})
    db.execute("UPDATE checkpoint_write SET after = ? WHERE id = ?", (data, id))


def record_save(db: apsw.Connection, place: bytes, before: State, after: State) -> None:
    """Record that the user saved a file in an editor whose text was `before` when it last agreed with the file.

    Only kept during a command: everything else without a record is the user's anyway.
    """
    if select(db, "SELECT 1 FROM checkpoint_write WHERE place IS NULL LIMIT 1"):
        record_edit(db, USER, place, before, after)


def record_missing(project: CheckpointContext, db: apsw.Connection) -> None:
    """Record the files that the imported state holds and the folders do not: nobody here deleted them.

    Only at the first scan: files that are missing later may have been deleted by the user.
    """
    if schema.state(db, "imported") is None:
        return
    missing: dict[bytes, State] = {}
    try:
        if (base := schema.state(db, "base")) is not None:
            held = bytes.fromhex(schema.get(db, base).tree)
            _, tree = project.present(db)
            for place in project.differing(held, tree):
                entry = project.trees.at(held, place)
                if entry is not None and project.trees.at(tree, place) is None:
                    missing[place] = project.state_at(held, place)
    except MazuError:
        schema.set_state(db, "imported", None)
        raise
    with db:
        schema.set_state(db, "imported", None)
        for place, state in missing.items():
            record_edit(db, IMPORTED, place, state, None)


def has_edits(db: apsw.Connection, place: bytes) -> bool:
    """Return whether an edit of a place is recorded that no checkpoint has attributed yet."""
    return bool(select(db, "SELECT 1 FROM checkpoint_write WHERE place = ? LIMIT 1", (place,)))


def drop_command(db: apsw.Connection, id: int) -> None:
    """Remove the record of a command that did not run."""
    db.execute("DELETE FROM checkpoint_write WHERE id = ?", (id,))


def writes(db: apsw.Connection) -> list[Write]:
    """Return what was recorded since the last checkpoint, in order."""
    found = []
    for id, session, place, before, after in select(
        db, "SELECT id, session, place, before, after FROM checkpoint_write ORDER BY id"
    ):
        if place is not None:
            found.append(Write(id, session, bytes(place), before, after))
            continue
        began, ended = json.loads(before), json.loads(after) if after else None
        commanded = (Shown.load(began), Shown.load(ended) if ended else None)
        until = ended.get("until", id) if ended else id
        later = frozenset(map(bytes.fromhex, ended.get("later", ()))) if ended else frozenset()
        process = began.get("process", "")
        found.append(Write(id, session, None, commanded=commanded, process=process, until=until, later=later))
    return found
