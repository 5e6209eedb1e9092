"""The owner of a file's changes: an agent, the user, or both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.recorded_writes import (
    AUTOMATIC,
    IMPORTED,
    ROLLBACK,
    USER,
    rollback_of,
    writes,
)
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import MazuError
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

MAX_NUMBER = (1 << 63) - 1
PERHAPS = 2
BENEATH = 4
MOVED = 8
_KNOWN = 3
Owner = Literal["agent", "user", "both"]


class Change(Struct):
    """Who changed one place: sessions of agents, and whether the user did.

    `uncertain`: a command was killed, and it is not known whether it or the user changed the place; then both are
    named. `beneath`: the file on disk was changed beneath an unsaved text without a record: that change is the user's,
    whoever wrote the text. `moved`: git changed it when HEAD moved while a command ran; that counts as the user's.
    """

    sessions: set[str] = field(default_factory=set)
    user: bool = False
    uncertain: bool = False
    beneath: bool = False
    moved: bool = False

    @property
    def stored_user(self) -> int:
        """The user's part as stored in the table: 0 no, 1 yes, 2 perhaps; plus 4 for a file changed beneath an unsaved
        text, plus 8 for one that git changed when HEAD moved."""
        known = PERHAPS if self.uncertain else int(self.user)
        return known | (BENEATH if self.beneath else 0) | (MOVED if self.moved else 0)

    def add(self, sessions: Iterable[str], stored_user: int) -> None:
        """Add one more interval, in the form of the table."""
        self.sessions.update(session for session in sessions if session)
        known = stored_user & _KNOWN
        self.user |= bool(known)
        self.uncertain |= known == PERHAPS
        self.beneath |= bool(stored_user & BENEATH)
        self.moved |= bool(stored_user & MOVED)

    @property
    def rollbacks(self) -> set[str]:
        """The sessions under which writes of rollbacks are recorded."""
        return {session for session in self.sessions if session.partition(":")[0] == ROLLBACK}

    @property
    def is_rollback(self) -> bool:
        """Whether only rollbacks wrote it."""
        return bool(self.sessions) and self.sessions == self.rollbacks and not (self.user or self.beneath)

    @property
    def is_missing(self) -> bool:
        """Whether nobody deleted the file: it was missing when the state was imported."""
        return self.sessions == {IMPORTED} and not self.user

    def split(self) -> tuple[Change, Change]:
        """Return the rollback's change, and what was done to the place after it."""
        later = replace(self, sessions=self.sessions - self.rollbacks)
        return Change(self.rollbacks), later

    def owner(self, session: str | None = None) -> Owner:
        """Return the owner of the change. With a session only its agent counts, other agents count like the user.

        A file that was already missing when the state was imported is restored like the agent's changes.
        """
        sessions = self.sessions - {AUTOMATIC}
        if not (sessions or self.user):
            return "agent" if self.sessions else "user"
        if session is None:
            agent, other = bool(sessions), self.user
        else:
            agent = not sessions.isdisjoint((session, IMPORTED))
            other = self.user or bool(sessions - {session, rollback_of(session), IMPORTED})
        if agent:
            return "both" if other else "agent"
        return "user"

    def file_owner(self, session: str | None = None) -> Owner:
        """Return the owner of the change of the file on disk, of which an editor may show an unsaved text."""
        return "user" if self.beneath else self.owner(session)


def changes_by(rows: Mapping[bytes, set[str]]) -> dict[bytes, Change]:
    """Return the changes of a part's rows, whose writers are known."""
    return {place: Change(writers - {USER}, user=USER in writers) for place, writers in rows.items()}


class AttributedChanges:
    """Who changed each place since a checkpoint. If `unknown`, any place may have been changed by anybody."""

    def __init__(self) -> None:
        self._found: dict[bytes, Change] = {}
        self.unknown = False

    def add(self, place: bytes, sessions: Iterable[str], *, user: int) -> None:
        """Add one more interval in which a place changed; `user` as in `Change.stored_user`."""
        self._found.setdefault(place, Change()).add(sessions, user)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._found)

    def __contains__(self, place: bytes) -> bool:
        return place in self._found

    def only_agents(self, place: bytes) -> bool:
        """Return whether, as far as is known, only agents and rollbacks changed a place."""
        found = self._found.get(place)
        return found is not None and not (found.user or found.beneath)

    def was_missing(self, place: bytes) -> bool:
        """Return whether a place was missing when the state was imported."""
        found = self._found.get(place)
        return found is not None and IMPORTED in found.sessions

    def is_automatic(self, place: bytes) -> bool:
        """Return whether nobody changed a place: a memory whose code changed, or that has faded."""
        found = self._found.get(place)
        return found is not None and not found.user and found.sessions == {AUTOMATIC}

    def rolled_back(self, place: bytes) -> bool:
        """Return whether a rollback wrote a place, so that the owners alone do not decide."""
        found = self._found.get(place)
        return found is not None and bool(found.rollbacks)

    def uncertain(self, place: bytes) -> bool:
        """Return whether it is unknown who changed a place because a command was killed."""
        return self.unknown or (place in self._found and self._found[place].uncertain)

    def beneath(self, place: bytes) -> bool:
        """Return whether the user changed a file on disk beneath an unsaved text of it."""
        return place in self._found and self._found[place].beneath

    def moved(self, place: bytes) -> bool:
        """Return whether git changed a place when HEAD moved while a command ran."""
        return place in self._found and self._found[place].moved

    def owner(self, place: bytes, session: str | None = None) -> Owner:
        """Return the owner of a place's changes; without any record it is the user."""
        found = self._found.get(place)
        if found is None:
            return "both" if self.unknown else "user"
        return found.owner(session)


def changes_since(
    project: CheckpointContext, db: apsw.Connection, number: int, until: int = MAX_NUMBER
) -> AttributedChanges:
    """Return who changed what between a checkpoint and another one, or the newest.

    For checkpoints without a record (of an earlier version, or rebuilt from the store) the kind of checkpoint decides.
    """
    found = AttributedChanges()
    for place, session, user in select(
        db,
        "SELECT DISTINCT place, session, user FROM checkpoint_change WHERE number > ? AND number <= ?",
        (number, until),
    ):
        found.add(bytes(place), [session], user=user)
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
            old = bytes.fromhex(before[0][0]) if before else None
            for place in project.differing(old, bytes.fromhex(tree)):
                found.add(place, agents, user=not agents)
        except MazuError:
            found.unknown = True
    return found


def owners_between(
    project: CheckpointContext, db: apsw.Connection, ends: tuple[str, str | None], session: str | None
) -> dict[str, Owner]:
    """Return who changed which file between two checkpoints, by path as reports show it.

    A last one of None means until now, with edits of agents that no checkpoint holds yet. `session`: see
    `Change.owner`.
    """
    since, until = ends
    last = MAX_NUMBER if until is None else schema.checkpoint_number(until)
    found = changes_since(project, db, schema.checkpoint_number(since), last)
    for write in writes(db) if until is None else ():
        if write.place is not None and write.session != USER:
            found.add(write.place, [write.session], user=False)
    owners: dict[str, Owner] = {project.shown(place): found.owner(place, session) for place in found}
    owners.pop("", None)  # a memory, or a file of a folder that is not open
    return owners
