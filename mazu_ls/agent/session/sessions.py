"""The sessions of a project: finds, opens, lists and deletes them."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec.structs import replace

from mazu_ls.agent.session.deleted_sessions import DeletedSession, DeletedSessions
from mazu_ls.agent.session.ids import new_id
from mazu_ls.agent.session.journal_cache import JournalSummaries, JournalTail
from mazu_ls.agent.session.journal_views import SessionInfo, describe, last_started
from mazu_ls.agent.session.recovery import interrupted_turn, recover
from mazu_ls.agent.session.session_fork import fork_point, write_fork
from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.journal.damage import describe_damage
from mazu_ls.journal.latest_events import read_latest

if TYPE_CHECKING:
    from datetime import datetime

    from mazu_ls.agent.project.services import ProjectServices
    from mazu_ls.agent.session.session import Session

log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_HELD = 32
"""Journals that are held open at once, besides those of sessions that are at work: each is a file descriptor."""
keeps_current: ContextVar[bool] = ContextVar("keeps current session", default=False)
"""Set while a command of another process runs: this process's current session is neither used nor changed."""


@dataclass(frozen=True)
class Snapshot(Generic[T]):
    """A session at one moment: all its events in order of writing, its head, its last event, and the result of `now`."""

    session_id: str
    head: int
    last: int
    events: builtins.list[journal.Event]
    beside: T


class Sessions:
    """Opens each session once; the last one used is the current one, used when none is named.

    The journals of the sessions used last are held; an older one is released, with what the session has in memory kept.
    """

    def __init__(self, project: ProjectServices, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._deleted = DeletedSessions(folder)
        self._open: dict[str, Session] = {}
        self._summaries = JournalSummaries(folder, _summarise)
        self._opening = asyncio.Lock()
        self._tail = JournalTail()
        self.current: str | None = None

    async def get(self, session_id: str | None = None, *, create: bool = True) -> Session:
        """Return the named session, or the last one used; a new one if there is none and `create`.

        Without `create` the last one used counts wherever it is open: MazuError(busy) if another process has it.
        """
        async with self._opening:
            session_id = session_id or self._current() or await self._last(anywhere=not create)
            if session_id is None:
                if not create:
                    raise MazuError(Kind.NOT_FOUND, "There is no session yet.", "Start one with mazu.chat.")
                return await self._open_session(new_id("s"), new=True)
            return await self._open_session(session_id, new=False)

    async def new(self, name: str = "") -> Session:
        """Start a session and make it the current one."""
        async with self._opening:
            return await self._open_session(new_id("s"), new=True, name=name)

    async def new_background_session(self, name: str) -> Session:
        """Return a session for one background job; the current session stays the same."""
        async with self._opening:
            current = self.current
            session = await self._open_session(new_id("s"), new=True, name=name, aside=True)
            self.current = current
            return session

    async def read_events(self, session_id: str) -> Session:
        """Return the named session for reading; the current session stays the same. Raises MazuError(busy) like `get`."""
        async with self._opening:
            current = self.current
            session = await self._open_session(session_id, new=False)
            self.current = current
            return session

    async def events(
        self, session_id: str, is_later: Callable[[str], bool] | None = None
    ) -> builtins.list[journal.Event]:
        """Return the conversation of a session, also of one that another process holds; with `is_later` the events after the last one
        whose time is not. Raises MazuError(not_found)."""
        session, path = self.find(session_id), self._existing(session_id)
        events = await asyncio.to_thread(
            lambda: read_latest(path, is_later) if is_later else [*journal.read(path)]
        )
        last = max((event.seq for event in events), default=0)
        head = session.journal.head if session else await self._project.conversation_head(session_id, last)
        return journal.branch_events(events, head)

    async def last_started(self, session_id: str) -> datetime | None:
        """Return when the last turn of a session's conversation began; None if there is none, or no such session."""
        try:
            return last_started(await self.events(session_id))
        except MazuError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None

    async def snapshot(self, session_id: str | None = None, *, now: Callable[[str], T]) -> Snapshot[T]:
        """Return all events of a session and its head without opening it.

        `now` is called with its id at the moment that the snapshot shows. Raises MazuError(not_found).
        """
        session_id = session_id or self._current() or await self._last(anywhere=keeps_current.get())
        if session_id is None:
            raise MazuError(Kind.NOT_FOUND, "There is no session yet.", "Start one with mazu.chat.")
        path = self._existing(session_id)
        if session := self.find(session_id):
            await session.refresh()
            head, last, beside = session.journal.head, session.journal.last, now(session_id)
            events = await asyncio.to_thread(self._events_until, path, last)
            return Snapshot(session_id, head, last, events, beside)
        beside = now(session_id)
        events = await asyncio.to_thread(self._tail.events, path)
        last = max((event.seq for event in events), default=0)
        return Snapshot(
            session_id, await self._project.conversation_head(session_id, last), last, events, beside
        )

    async def fork(self, session_id: str | None, turn_id: str | None, name: str, with_turn: bool) -> Session:
        """Return a new session with the conversation of another one up to before `turn_id`, or to its end; it becomes the current one."""
        seen = await self.snapshot(session_id, now=lambda session: None)
        head = seen.head if turn_id is None else fork_point(seen.events, turn_id, with_turn)
        events = journal.branch_events(seen.events, head)
        if not name:
            name = f"{(await self.info(seen.session_id)).name} (branch)".lstrip()
        new = new_id("s")
        await asyncio.to_thread(write_fork, self._path(new), events, name)
        return await self.get(new)

    async def list(self) -> list[SessionInfo]:
        """Return all sessions, the last used first."""
        infos = await asyncio.to_thread(self._describe_all, await self._project.moved_heads())
        return [self._live(info) for info in infos]

    async def info(self, session_id: str) -> SessionInfo:
        """Return what lists show of one session, also of one that another process holds. Raises MazuError(not_found)."""
        path, moved = self._existing(session_id), await self._project.moved_heads()
        return self._live(await asyncio.to_thread(self._describe, path, moved.get(session_id)))

    async def interrupted_session(self) -> Session | None:
        """Return the session used last if mazu-ls ended during its last turn and the user has not decided on that yet.

        This closes that turn.
        """
        # one that this process is just opening is locked, but not by another process
        async with self._opening:
            path = await asyncio.to_thread(self._newest_free)
        if path is None:
            return None
        if interrupted_turn(await self.events(path.stem)) is None:
            return None
        session = await self.get(path.stem)
        return session if session.interrupted and not session.running else None

    async def last_interrupted(self) -> SessionInfo | None:
        """Return the session that was written last if its last turn was interrupted. Opens nothing."""
        async with self._opening:  # see `interrupted_session`
            path = await asyncio.to_thread(self._newest_free)
        if path is None:
            return None
        info = await self.info(path.stem)
        return info if info.interrupted else None

    async def delete(self, session_id: str, *, for_good: bool = False) -> bool:
        """Delete a session; unless `for_good` it can be restored for some days. Its cost stays counted.

        Returns whether it can be restored: one in which nothing was said cannot.
        """
        session = await self.get(session_id)
        if session.running:
            raise MazuError(Kind.BUSY, "A turn is running in this session.", "Stop it first.")
        await session.close()
        self._open.pop(session_id, None)
        if self.current == session_id:
            self.current = None
        kept = await asyncio.to_thread(self._deleted.put, session.journal.path)
        if self._project.proposals:
            await self._project.proposals.keep_turns(session_id, ())
        if for_good:
            deleted = await asyncio.to_thread(self._deleted.list)
            await self._remove([one for one in deleted if one.session_id == session_id])
            await asyncio.to_thread(self._summaries.save)
        return kept and not for_good

    async def restore(self, session_id: str | None = None) -> SessionInfo:
        """Undo a deletion, the last one if no session is named. Raises MazuError(not_found), MazuError(conflict)."""
        return await self.info(await asyncio.to_thread(self._deleted.restore, session_id))

    async def deleted(self) -> builtins.list[SessionInfo]:
        """The sessions that can be restored, the last deleted first."""

        def describe_all() -> builtins.list[SessionInfo]:
            return [
                replace(self._describe(one.path, None), id=one.session_id) for one in self._deleted.list()
            ]

        return await asyncio.to_thread(describe_all)

    async def remove_expired(self) -> None:
        """Remove for good what was deleted long ago."""
        try:
            await self._remove(await asyncio.to_thread(self._deleted.expired))
        except (MazuError, OSError) as error:
            log.warning("deleted conversations stay on the disk: %s", error)

    async def _remove(self, sessions: Sequence[DeletedSession]) -> None:
        for one in sessions:
            await asyncio.to_thread(self._remove_one, one)

    def _remove_one(self, one: DeletedSession) -> None:
        with self._deleted.removing(one) as spent:
            for model, usage in spent.by_model.items() if spent else ():
                purpose = f"deleted session {one.session_id}"
                self._project.record_usage(journal.UsageRecorded(model, usage, purpose), once=True)

    def find(self, session_id: str) -> Session | None:
        """Return the session if this process has it open and holds its journal."""
        session = self._open.get(session_id)
        return session if session and session.journal.held else None

    def opened(self) -> builtins.list[Session]:
        """Return the sessions that this process has opened, those included whose journal is not held now."""
        return list(self._open.values())

    def has_opened(self, session_id: str) -> bool:
        """Whether this process has opened the session, also if its journal is not held now."""
        return session_id in self._open

    def holds(self, session_id: str) -> bool:
        """Whether this process holds the journal of the session, so that no other process can continue it."""
        return self.find(session_id) is not None

    async def close(self) -> None:
        """Stop all turns and release all journals."""
        await asyncio.gather(*(session.close() for session in self.opened()))
        self._open.clear()

    async def _open_session(
        self, session_id: str, *, new: bool, name: str = "", aside: bool = False
    ) -> Session:
        session = self._open.get(session_id)
        if session is not None and session.journal.held:
            await session.refresh()
        else:
            await self._release_oldest()
            if session is None:
                session_type = await asyncio.to_thread(_import_session)
                path = self._path(session_id) if new else self._existing(session_id)
                session = session_type(self._project, path)
            else:
                self._existing(session_id)
                session.journal.hold()
            try:
                await session.load()
                if new:
                    session.append(journal.SessionStarted(name, aside))
                    session.name = name
                else:
                    await self.report_damage(session_id, session.name)
                    await recover(session)
            except BaseException:  # cancelled, or damaged: nobody else could open it otherwise
                session.journal.release()
                raise
        self._open.pop(session_id, None)
        self._open[session_id] = session  # the one used last comes last
        if not keeps_current.get():
            self.current = session_id
        return session

    async def _release_oldest(self) -> None:
        """Release the journals of the sessions used longest ago of which nothing runs, until one more may be held."""
        held = [one for one in self._open.values() if one.journal.held]
        surplus = len(held) - MOST_HELD + 1
        for session in held:
            if surplus > 0 and session.id != self.current and await session.release():
                surplus -= 1

    def _current(self) -> str | None:
        return None if keeps_current.get() else self.current

    async def report_damage(self, session_id: str, name: str = "") -> bool:
        """Report what of a session cannot be read, if anything; its file stays as it is, and new events are appended."""
        path = self._existing(session_id)
        if what := await asyncio.to_thread(describe_damage, path):
            await self._project.warn_once(
                f"The conversation “{name or session_id}” is damaged: {what}. The file is kept: {path}."
            )
        return bool(what)

    def _events_until(self, path: Path, last: int) -> builtins.list[journal.Event]:
        return [event for event in self._tail.events(path) if event.seq <= last]

    def _existing(self, session_id: str) -> Path:
        path = self._path(session_id)
        if not path.is_file():
            raise MazuError(Kind.NOT_FOUND, f"There is no session {session_id}.", "See mazu.session.list.")
        return path

    def _path(self, session_id: str) -> Path:
        if not session_id.replace("_", "").isalnum():
            raise MazuError(
                Kind.NOT_FOUND, f"{session_id!r} is not the id of a session.", "See mazu.session.list."
            )
        return self._folder / f"{session_id}.jsonl"

    async def continued(self) -> str | None:
        """Return the id of the session that a message which names none goes to, or None if it begins one."""
        return self._current() or await self._last()

    async def last_used(self) -> str:
        """Return the id of the current session, wherever it is open. Raises MazuError(not_found)."""
        session_id = self._current() or await self._last(anywhere=True)
        if session_id is None:
            raise MazuError(Kind.NOT_FOUND, "There is no session yet.", "Start one with mazu.chat.")
        return session_id

    async def _last(self, *, anywhere: bool = False) -> str | None:
        """Return the session used last that has not ended and that no other process holds, unless `anywhere`."""
        for info in await asyncio.to_thread(self._describe_all, await self._project.moved_heads()):
            if info.aside or info.state == "ended":
                continue
            if anywhere or not await asyncio.to_thread(self._held_elsewhere, info.id):
                return info.id
        return None

    def _held_elsewhere(self, session_id: str) -> bool:
        if self.find(session_id):
            return False
        return journal.is_locked(self._path(session_id))

    def _describe(self, path: Path, moved: tuple[int, int] | None) -> SessionInfo:
        found = self._summaries.summary(path, moved)
        if found.interrupted and not self.find(path.stem) and journal.is_locked(path):
            return replace(found, interrupted=False)  # it runs in another process
        return found

    def _describe_all(self, moved: Mapping[str, tuple[int, int]]) -> builtins.list[SessionInfo]:
        void = {session.id for session in self.opened() if session.start.is_void}
        paths = [path for path in self._folder.glob("s_*.jsonl") if path.stem not in void]
        infos = [self._describe(path, moved.get(path.stem)) for path in paths]
        self._summaries.save()
        return sorted(infos, key=lambda info: info.updated_at, reverse=True)

    def _newest_free(self) -> Path | None:
        """Return the journal that was written last if this process or nobody holds it."""
        paths = sorted(self._folder.glob("s_*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        if not paths or (not self.find(paths[-1].stem) and journal.is_locked(paths[-1])):
            return None
        return paths[-1]

    def _live(self, info: SessionInfo) -> SessionInfo:
        session = self.find(info.id)
        if session is None or session.state == "idle":
            return info
        return replace(info, state=session.state, interrupted=info.interrupted and not session.running)


def _summarise(path: Path, moved: tuple[int, int] | None) -> SessionInfo:
    events = list(journal.read(path))
    last = max((event.seq for event in events), default=0)
    head = moved[0] if moved and moved[1] == last else last
    is_interrupted = interrupted_turn(journal.branch_events(events, head)) is not None
    return replace(describe(events, path.stem, head), interrupted=is_interrupted)


def _import_session() -> type[Session]:
    """Import the class on first use: code that only lists or shows sessions needs neither it nor the turn's modules."""
    from mazu_ls.agent.session.session import Session

    return Session
