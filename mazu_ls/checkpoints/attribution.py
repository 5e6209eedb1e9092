"""Who changed what between checkpoints: what the agent and rollbacks wrote is recorded, everything else is the user's.

An edit is recorded before it is made, with the text before and after; a command with the state of the folders right
before and right after it. When a checkpoint is taken, each changed file is followed through these records: a content that
no record explains was made by the user.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.scan.unsaved_buffers import BufferView, place_of
from mazu_ls.errors import MazuError
from mazu_ls.store import select
from mazu_ls.workspace.text import NotText, decode

if TYPE_CHECKING:
    import apsw

ROLLBACK = "rollback"
"""The session under which is recorded what a rollback wrote."""
State = str | None
"""What stood at a place: None for no file, `t<hash>` for a text, `e<mode> <oid>` for a file."""
Owner = Literal["agent", "user", "both"]


def text_state(text: str | None) -> State:
    """The state of a place that holds this text; line ends do not count."""
    if text is None:
        return None
    data = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    return "t" + hashlib.sha1(data, usedforsecurity=False).hexdigest()


def entry_state(entry: TreeEntry | None) -> State:
    """The state of a place that holds this file; a folder counts as none."""
    return None if entry is None or entry.is_folder else f"e{entry.mode.decode()} {entry.oid.hex()}"


@dataclass(frozen=True)
class Shown:
    """The files as their user saw them at one moment: a tree, and the states of the texts that were not saved."""

    tree: bytes | None
    texts: Mapping[bytes, State] = field(default_factory=dict)

    @classmethod
    def from_view(cls, project: CheckpointContext, view: BufferView) -> Shown:
        """Of a tree and the texts that were not saved in it."""
        places = ((place_of(project, held), held.text) for held in view.unsaved)
        return cls(view.tree, {place: text_state(text) for place, text in places if place is not None})

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "tree": self.tree.hex() if self.tree else None,
            "texts": {place.hex(): state for place, state in self.texts.items()},
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Shown:
        """From what `dump` gave."""
        tree = bytes.fromhex(data["tree"]) if data["tree"] else None
        return cls(tree, {bytes.fromhex(place): state for place, state in data["texts"].items()})


@dataclass(frozen=True)
class Write:
    """One record: an edit or a rollback's file (`place` set), or a command (`commanded`; `after` None: it has not ended)."""

    id: int
    session: str
    place: bytes | None
    before: State = None
    after: State = None
    commanded: tuple[Shown, Shown | None, frozenset[bytes]] | None = None
    pid: int = 0


@dataclass
class Change:
    """Who changed one place: the sessions of agents, and whether the user did."""

    sessions: set[str] = field(default_factory=set)
    user: bool = False

    def owner(self, session: str | None = None) -> Owner:
        """Whose change it is. With a session only its agent counts, and what other agents did is like the user's."""
        if session is None:
            agent, other = bool(self.sessions), self.user
        else:
            agent = session in self.sessions
            other = self.user or bool(self.sessions - {session, ROLLBACK})
        if agent:
            return "both" if other else "agent"
        return "user"


class AttributedChanges:
    """Who changed each place since a checkpoint. Where it is `unknown`, everybody may have."""

    def __init__(self) -> None:
        self._found: dict[bytes, Change] = {}
        self.unknown = False

    def add(self, place: bytes, sessions: Iterable[str], *, user: bool) -> None:
        """One more interval in which a place was changed."""
        change = self._found.setdefault(place, Change())
        change.sessions.update(session for session in sessions if session)
        change.user |= user

    def owner(self, place: bytes, session: str | None = None) -> Owner:
        """Whose the changes of a place are; what nobody is known to have changed is the user's."""
        found = self._found.get(place)
        if found is None:
            return "both" if self.unknown else "user"
        return found.owner(session)


def record_edit(db: apsw.Connection, session: str, place: bytes, before: State, after: State) -> None:
    """An edit is about to be made."""
    db.execute(
        "INSERT INTO checkpoint_write (session, place, before, after) VALUES (?, ?, ?, ?)",
        (session, place, before, after),
    )


def record_command(db: apsw.Connection, session: str, before: Shown) -> int:
    """A command is about to run; returns the number to close it with."""
    data = json.dumps({**before.dump(), "pid": os.getpid()})
    db.execute("INSERT INTO checkpoint_write (session, before) VALUES (?, ?)", (session, data))
    return db.last_insert_rowid()


def close_command(db: apsw.Connection, id: int, after: Shown, saved: Collection[bytes]) -> None:
    """The command has ended; `saved` are places that the user saved while it ran."""
    data = json.dumps({**after.dump(), "saved": [place.hex() for place in saved]})
    db.execute("UPDATE checkpoint_write SET after = ? WHERE id = ?", (data, id))


def writes(db: apsw.Connection) -> list[Write]:
    """What was recorded since the last checkpoint, in order."""
    found = []
    for id, session, place, before, after in select(
        db, "SELECT id, session, place, before, after FROM checkpoint_write ORDER BY id"
    ):
        if place is not None:
            found.append(Write(id, session, bytes(place), before, after))
            continue
        began, ended = json.loads(before), json.loads(after) if after else None
        saved = frozenset(bytes.fromhex(one) for one in ended["saved"]) if ended else frozenset[bytes]()
        commanded = (Shown.load(began), Shown.load(ended) if ended else None, saved)
        found.append(Write(id, session, None, commanded=commanded, pid=began.get("pid", 0)))
    return found


class Attribution:
    """Follows places from one state of the folders to another through what was recorded in between.

    `running`: commands of this process that have not ended, whose changes are the agent's. Of one that another process
    left open it cannot be known: what changed since counts as everybody's.
    """

    def __init__(
        self, project: CheckpointContext, recorded: Sequence[Write], running: Collection[int] = ()
    ) -> None:
        self._project = project
        self._recorded = recorded
        self._running = running
        self._texts: dict[str, State] = {}
        self._edits: dict[bytes, list[Write]] = {}
        for write in recorded:
            if write.place is not None:
                self._edits.setdefault(write.place, []).append(write)
        self._commands = [write for write in recorded if write.commanded]

    def changes(self, old: Shown, new: Shown) -> dict[bytes, Change]:
        """Every place that differs, and who changed it. A text that was merely saved is nobody's change."""
        places = {*old.texts, *new.texts}
        for mount in self._project.mounts:
            folders = (self._project.trees.folder(shown.tree, mount.prefix) for shown in (old, new))
            places |= {mount.prefix + b"/" + path for path, _, _ in self._project.trees.diff(*folders)}
        found = {place: self._follow(place, old, new) for place in places}
        return {place: change for place, change in found.items() if change.user or change.sessions}

    def _follow(self, place: bytes, old: Shown, new: Shown) -> Change:
        change, possible, doubt = Change(), [self._state(old, place)], False
        records = sorted([*self._edits.get(place, ()), *self._commands], key=lambda write: write.id)
        for write in records:
            if write.commanded is None:
                change.user |= not self._among(write.before, possible)
                change.sessions.add(write.session)
                possible = [write.before, write.after]
            elif write.commanded[1] is None and write.id not in self._running:
                change.user |= not self._among(self._state(write.commanded[0], place), possible)
                possible, doubt = [self._state(write.commanded[0], place)], True
            else:
                possible = self._through(write, place, possible, new, change)
        if not self._among(self._state(new, place), possible):
            change.user = True
            if doubt:
                change.sessions.add(
                    next(w.session for w in self._commands if w.commanded and not w.commanded[1])
                )
        return change

    def _through(
        self, write: Write, place: bytes, possible: list[State], new: Shown, change: Change
    ) -> list[State]:
        """What a command did to a place; one that still runs did what happened until now."""
        assert write.commanded
        before, ended, saved = write.commanded
        after = ended or new
        was, now = self._state(before, place), self._state(after, place)
        change.user |= not self._among(was, possible)
        try:
            files = [self._project.trees.at(shown.tree, place) for shown in (before, after)]
        except MazuError:  # the tree is not in the store any more
            change.user = True
            change.sessions.add(write.session)
            return [now]
        if entry_state(files[0]) != entry_state(files[1]):
            change.sessions.add(write.session)
            change.user |= place in saved
        elif not self._among(now, [was]):
            change.user = True
        return [now]

    def _state(self, shown: Shown, place: bytes) -> State:
        if place in shown.texts:
            return shown.texts[place]
        try:
            return entry_state(self._project.trees.at(shown.tree, place))
        except MazuError:
            return "?"

    def _among(self, state: State, states: Iterable[State]) -> bool:
        return any(self._same(state, other) for other in states)

    def _same(self, one: State, other: State) -> bool:
        if one == other:
            return True
        if one is None or other is None or one[0] == other[0]:
            return False
        return self._text(one) == self._text(other)

    def _text(self, state: str) -> State:
        """The state as that of a text, where it is one."""
        if not state.startswith("e"):
            return state
        if state not in self._texts:
            oid = bytes.fromhex(state.rpartition(" ")[2])
            try:
                self._texts[state] = text_state(decode(self._project.repository.read(oid)).text)
            except (NotText, MazuError):
                self._texts[state] = state
        return self._texts[state]


def attribute(
    project: CheckpointContext,
    db: apsw.Connection,
    number: int,
    ends: tuple[Shown, Shown],
    running: Collection[int],
) -> None:
    """Store who changed what in the interval that ends with checkpoint `number`, and start the next one."""
    recorded = writes(db)
    old, new = ends
    found = Attribution(project, recorded, running).changes(old, new)
    db.executemany(
        "INSERT INTO checkpoint_change VALUES (?, ?, ?, ?)",
        [
            (number, place, session, change.user)
            for place, change in found.items()
            for session in (change.sessions or {""})
        ],
    )
    for write in recorded:
        if write.commanded and write.commanded[1] is None and _is_alive(write.pid):
            data = json.dumps({**new.dump(), "pid": write.pid})
            db.execute("UPDATE checkpoint_write SET before = ? WHERE id = ?", (data, write.id))
        else:
            db.execute("DELETE FROM checkpoint_write WHERE id = ?", (write.id,))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def changes_since(project: CheckpointContext, db: apsw.Connection, number: int) -> AttributedChanges:
    """Who changed what between a checkpoint and the newest one.

    Of checkpoints that say nothing of it (of an earlier version, or listed again from the store) the kind tells.
    """
    found = AttributedChanges()
    for place, session, user in select(
        db,
        "SELECT place, session, max(user) FROM checkpoint_change WHERE number > ? GROUP BY place, session",
        (number,),
    ):
        found.add(bytes(place), [session], user=bool(user))
    silent = select(
        db,
        "SELECT number, kind, session_id, tree_id FROM checkpoint WHERE number > ? AND NOT attributed",
        (number,),
    )
    for later, kind, session, tree in silent:
        before = select(
            db, "SELECT tree_id FROM checkpoint WHERE number < ? ORDER BY number DESC LIMIT 1", (later,)
        )
        agents = [session or ROLLBACK] if kind in ("step", "compaction") else []
        try:
            for place in _differing(project, before[0][0] if before else None, tree):
                found.add(place, agents, user=not agents)
        except MazuError:
            found.unknown = True
    return found


def _differing(project: CheckpointContext, old: str | None, new: str) -> Iterable[bytes]:
    for mount in project.mounts:
        folders = (project.trees.folder(bytes.fromhex(t) if t else None, mount.prefix) for t in (old, new))
        yield from (mount.prefix + b"/" + path for path, _, _ in project.trees.diff(*folders))
