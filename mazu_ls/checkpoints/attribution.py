"""Who changed what between checkpoints: what the agent and rollbacks wrote is recorded, everything else is the user's.

An edit is recorded before it is made, with the text before and after; a command with the state of the folders right
before and right after it. When a checkpoint is taken, each changed file is followed through these records: a content that
no record explains was made by the user.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
"""The session under which is recorded what a rollback wrote; one session's undo: with its id, see `rollback_of`."""
State = str | None
"""What stood at a place: None for no file, `t<hash>` for a text, `e<mode> <oid>` for a file."""
MAX_NUMBER = (1 << 63) - 1
Owner = Literal["agent", "user", "both"]


def rollback_of(session: str | None) -> str:
    """The session under which is recorded what undoing turns of a session wrote; None: a rollback of all sessions."""
    return f"{ROLLBACK}:{session}" if session else ROLLBACK


def text_state(text: str | None) -> State:
    """The state of a place that holds this text. Line ends do not count, nor does the last one: editors add it themselves."""
    if text is None:
        return None
    data = text.replace("\r\n", "\n").removesuffix("\n").encode("utf-8", "surrogatepass")
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
    commanded: tuple[Shown, Shown | None, frozenset[bytes] | None] | None = None
    process: str = ""
    until: int = 0
    """The last record that was made before a command ended."""


@dataclass
class Change:
    """Who changed one place: the sessions of agents, and whether the user did."""

    sessions: set[str] = field(default_factory=set)
    user: bool = False

    @property
    def is_rollback(self) -> bool:
        """Whether nothing but rollbacks wrote it."""
        names = {name.partition(":")[0] for name in self.sessions}
        return names == {ROLLBACK} and not self.user

    def owner(self, session: str | None = None) -> Owner:
        """Whose change it is. With a session only its agent counts, and what other agents did is like the user's."""
        if session is None:
            agent, other = bool(self.sessions), self.user
        else:
            agent = session in self.sessions
            other = self.user or bool(self.sessions - {session, rollback_of(session)})
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

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._found)

    def only_agents(self, place: bytes) -> bool:
        """Whether agents and rollbacks alone changed a place, as far as is known."""
        found = self._found.get(place)
        return found is not None and not found.user

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


def record_command(project: CheckpointContext, db: apsw.Connection, session: str, before: Shown) -> int:
    """A command is about to run, and counts as running from now on; returns the number to close it with."""
    project.commands.show_alive()
    data = json.dumps({**before.dump(), "process": project.commands.token})
    db.execute("INSERT INTO checkpoint_write (session, before) VALUES (?, ?)", (session, data))
    id = db.last_insert_rowid()
    project.commands.add(id)
    return id


def close_command(
    project: CheckpointContext, db: apsw.Connection, id: int, after: Shown, saved: frozenset[Path] | None
) -> None:
    """The command has ended; `saved` is what the user saved while it ran, None for more than is known."""
    places = located(project, saved)
    hexed = None if places is None else sorted(place.hex() for place in places)
    ((until,),) = select(db, "SELECT max(id) FROM checkpoint_write")
    data = json.dumps({**after.dump(), "saved": hexed, "until": until})
    db.execute("UPDATE checkpoint_write SET after = ? WHERE id = ?", (data, id))


def drop_command(db: apsw.Connection, id: int) -> None:
    """A command that was recorded did not run."""
    db.execute("DELETE FROM checkpoint_write WHERE id = ?", (id,))


def located(project: CheckpointContext, paths: frozenset[Path] | None) -> frozenset[bytes] | None:
    """The places of files; links are followed on disk."""
    if paths is None:
        return None
    found = (project.locate(path) for path in paths)
    return frozenset(one[0].prefix + b"/" + one[1] for one in found if one is not None)


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
        saved: frozenset[bytes] | None = frozenset()
        if ended:
            listed = ended["saved"]
            saved = None if listed is None else frozenset(bytes.fromhex(one) for one in listed)
        commanded = (Shown.load(began), Shown.load(ended) if ended else None, saved)
        until = ended.get("until", id) if ended else id
        process = began.get("process", "")
        found.append(Write(id, session, None, commanded=commanded, process=process, until=until))
    return found


class Attribution:
    """Follows places from one state of the folders to another through what was recorded in between.

    What a command of this process that still runs changed is the agent's. Of one that another process left open, or
    whose end could not be recorded, it cannot be known: what changed since counts as everybody's.
    """

    def __init__(self, project: CheckpointContext, recorded: Sequence[Write]) -> None:
        self._project = project
        self._recorded = recorded
        self._running = {
            write.id: located(project, project.commands.saved(write.id))
            for write in recorded
            if write.commanded and write.process == project.commands.token and write.id in project.commands
        }
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
            around = [one for one in self._commands if one.id < write.id <= self._until(one)]
            if write.commanded is None:
                self._explain(write.before, possible, place, around, change)
                change.sessions.add(write.session)
                possible = [write.before, write.after]
            elif write.commanded[1] is None and write.id not in self._running:
                self._explain(self._state(write.commanded[0], place), possible, place, around, change)
                possible, doubt = [self._state(write.commanded[0], place)], True
            else:
                self._explain(self._state(write.commanded[0], place), possible, place, around, change)
                possible = [self._through(write, place, new, change)]
            # What ran around it may have gone on.
            possible += [self._state(one.commanded[1] or new, place) for one in around if one.commanded]
        if not self._among(self._state(new, place), possible):
            change.user = True
            if doubt:
                change.sessions.add(
                    next(w.session for w in self._commands if w.commanded and not w.commanded[1])
                )
        return change

    def _until(self, command: Write) -> float:
        return math.inf if command.id in self._running else command.until

    def _explain(
        self, state: State, possible: list[State], place: bytes, around: list[Write], change: Change
    ) -> None:
        """What a record found at a place: as left by what is recorded before, made by commands that ran, or the user's."""
        if self._among(state, possible):
            return
        change.sessions.update(command.session for command in around)
        change.user |= not around or any(self._saved_in(command, place) for command in around)

    def _saved_in(self, command: Write, place: bytes) -> bool:
        """Whether the user saved a place while a command ran, as far as is known."""
        assert command.commanded
        saved = self._running[command.id] if command.id in self._running else command.commanded[2]
        return saved is None or place in saved

    def _through(self, write: Write, place: bytes, new: Shown, change: Change) -> State:
        """What a command did to a place; one that still runs did what happened until now."""
        assert write.commanded
        before, ended, _ = write.commanded
        after = ended or new
        was, now = self._state(before, place), self._state(after, place)
        try:
            files = [self._project.trees.at(shown.tree, place) for shown in (before, after)]
        except MazuError:  # the tree is not in the store any more
            change.user = True
            change.sessions.add(write.session)
            return now
        if entry_state(files[0]) != entry_state(files[1]):
            change.sessions.add(write.session)
            change.user |= self._saved_in(write, place)
        elif not self._among(now, [was]):
            change.user = True
        return now

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
) -> None:
    """Store who changed what in the interval that ends with checkpoint `number`, and start the next one."""
    recorded = writes(db)
    old, new = ends
    found = Attribution(project, recorded).changes(old, new)
    db.executemany(
        "INSERT INTO checkpoint_change VALUES (?, ?, ?, ?)",
        [
            (number, place, session, change.user)
            for place, change in found.items()
            for session in (change.sessions or {""})
        ],
    )
    for write in recorded:
        is_open = write.commanded is not None and write.commanded[1] is None
        if is_open and project.commands.is_open(write.id, write.process):
            data = json.dumps({**new.dump(), "process": write.process})
            db.execute("UPDATE checkpoint_write SET before = ? WHERE id = ?", (data, write.id))
        else:
            db.execute("DELETE FROM checkpoint_write WHERE id = ?", (write.id,))


def changes_since(
    project: CheckpointContext, db: apsw.Connection, number: int, until: int = MAX_NUMBER
) -> AttributedChanges:
    """Who changed what between a checkpoint and another one, or the newest.

    Of checkpoints that say nothing of it (of an earlier version, or listed again from the store) the kind tells.
    """
    found = AttributedChanges()
    for place, session, user in select(
        db,
        "SELECT place, session, max(user) FROM checkpoint_change WHERE number > ? AND number <= ? GROUP BY place, session",
        (number, until),
    ):
        found.add(bytes(place), [session], user=bool(user))
    silent = select(
        db,
        "SELECT number, kind, session_id, tree_id FROM checkpoint WHERE number > ? AND number <= ? AND NOT attributed",
        (number, until),
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
