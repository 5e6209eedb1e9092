"""Whose the changes of a file are: an agent's, the user's, or both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.checkpoints.attribution.recorded_writes import IMPORTED, ROLLBACK, USER, rollback_of, writes
from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.store import schema
from mazu_ls.errors import MazuError
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

MAX_NUMBER = (1 << 63) - 1
PERHAPS = 2
BENEATH = 4
Owner = Literal["agent", "user", "both"]


class Change(Struct):
    """Who changed one place: the sessions of agents, and whether the user did.

    `uncertain`: a command was killed, and whether it or the user changed the place is not known; both are named then.
    `beneath`: the file on disk was changed beneath an unsaved text, by nobody who recorded it: that is the user's, whoever
    wrote the text.
    """

    sessions: set[str] = field(default_factory=set)
    user: bool = False
    uncertain: bool = False
    beneath: bool = False

    @property
    def stored_user(self) -> int:
        """Whether the user changed it, as the table has it: 0 no, 1 yes, 2 perhaps; 4 more for the file beneath a text."""
        return (PERHAPS if self.uncertain else int(self.user)) | (BENEATH if self.beneath else 0)

    def add(self, sessions: Iterable[str], stored_user: int) -> None:
        """One more interval, as the table has it."""
        self.sessions.update(session for session in sessions if session)
        known = stored_user & ~BENEATH
        self.user |= bool(known)
        self.uncertain |= known == PERHAPS
        self.beneath |= bool(stored_user & BENEATH)

    @property
    def rollbacks(self) -> set[str]:
        """Those of the sessions under which is recorded what rollbacks wrote."""
        return {session for session in self.sessions if session.partition(":")[0] == ROLLBACK}

    @property
    def is_rollback(self) -> bool:
        """Whether nothing but rollbacks wrote it."""
        return bool(self.sessions) and self.sessions == self.rollbacks and not (self.user or self.beneath)

    @property
    def is_missing(self) -> bool:
        """Whether nobody deleted the file: it was missing where the state was taken in."""
        return self.sessions == {IMPORTED} and not self.user

    def split(self) -> tuple[Change, Change]:
        """What the rollback did, and what was done to the place after it."""
        later = replace(self, sessions=self.sessions - self.rollbacks)
        return Change(self.rollbacks), later

    def owner(self, session: str | None = None) -> Owner:
        """Whose change it is. With a session only its agent counts, and what other agents did is like the user's.

        A file that nobody deleted, and that is missing where the state was taken in, comes back as the agent's do.
        """
        if session is None:
            agent, other = bool(self.sessions), self.user
        else:
            agent = not self.sessions.isdisjoint((session, IMPORTED))
            other = self.user or bool(self.sessions - {session, rollback_of(session), IMPORTED})
        if agent:
            return "both" if other else "agent"
        return "user"

    def file_owner(self, session: str | None = None) -> Owner:
        """Whose the change of the file on disk is, of which an editor may show an unsaved text."""
        return "user" if self.beneath else self.owner(session)


class AttributedChanges:
    """Who changed each place since a checkpoint. Where it is `unknown`, everybody may have."""

    def __init__(self) -> None:
        self._found: dict[bytes, Change] = {}
        self.unknown = False

    def add(self, place: bytes, sessions: Iterable[str], *, user: int) -> None:
        """One more interval in which a place was changed; `user` as in `Change.stored_user`."""
        self._found.setdefault(place, Change()).add(sessions, user)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._found)

    def only_agents(self, place: bytes) -> bool:
        """Whether agents and rollbacks alone changed a place, as far as is known."""
        found = self._found.get(place)
        return found is not None and not (found.user or found.beneath)

    def was_missing(self, place: bytes) -> bool:
        """Whether a place was found missing where the state was taken in."""
        found = self._found.get(place)
        return found is not None and IMPORTED in found.sessions

    def rolled_back(self, place: bytes) -> bool:
        """Whether a rollback wrote a place, so that more than who changed it counts."""
        found = self._found.get(place)
        return found is not None and bool(found.rollbacks)

    def uncertain(self, place: bytes) -> bool:
        """Whether it is not known who changed a place, because a command was killed."""
        return self.unknown or (place in self._found and self._found[place].uncertain)

    def beneath(self, place: bytes) -> bool:
        """Whether the user changed a file on disk beneath an unsaved text of it."""
        return place in self._found and self._found[place].beneath

    def owner(self, place: bytes, session: str | None = None) -> Owner:
        """Whose the changes of a place are; what nobody is known to have changed is the user's."""
        found = self._found.get(place)
        if found is None:
            return "both" if self.unknown else "user"
        return found.owner(session)


def changes_since(
    project: CheckpointContext, db: apsw.Connection, number: int, until: int = MAX_NUMBER
) -> AttributedChanges:
    """Who changed what between a checkpoint and another one, or the newest.

    Of checkpoints that say nothing of it (of an earlier version, or listed again from the store) the kind tells.
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
    """Who changed which file between two checkpoints, by path as reports show it.

    The last one None: until now, with the edits of agents that no checkpoint holds yet. `session`: see `Change.owner`.
    """
    since, until = ends
    last = MAX_NUMBER if until is None else schema.checkpoint_number(until)
    found = changes_since(project, db, schema.checkpoint_number(since), last)
    for write in writes(db) if until is None else ():
        if write.place is not None and write.session != USER:
            found.add(write.place, [write.session], user=False)
    return {project.shown(place): found.owner(place, session) for place in found}
