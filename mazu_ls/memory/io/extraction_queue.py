"""Sessions whose memories were not extracted yet, and storing what a model found in one."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.io.extract import Extraction
from mazu_ls.memory.models import MemoryAnchor, MemoryEntry, RememberOutcome, micros, now
from mazu_ls.memory.store import upsert
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStore, MemoryStores
from mazu_ls.memory.store.traits_and_summaries import put_summary, summary
from mazu_ls.state.store import select

MAX_ITEMS = 20
MAX_ATTEMPTS = 5
CLAIM_SECONDS = 600.0
"""After this a session that a process took and did not finish, because it was killed, may be examined by another."""


class ExtractionClaim(Struct, frozen=True):
    """One process examines this session. `until` and `before`, in microseconds: when others may, and since when it waited."""

    session_id: str
    until: int
    before: int


class PendingExtraction(Struct, frozen=True):
    """A session whose memories were not extracted yet; `problem` is why the last attempt failed."""

    session_id: str
    attempts: int = 0
    problem: str = ""


class ExtractionResult(Struct, frozen=True):
    """The result of an extraction. `problems` names each item that could not be stored."""

    memories: tuple[RememberOutcome, ...] = ()
    problems: tuple[str, ...] = ()


class ExtractionQueue:
    """The pending sessions, stored in the database, so that none is lost when the editor disconnects."""

    def __init__(self, shelves: MemoryStores) -> None:
        self._shelves = shelves

    async def note(self, session_id: str) -> None:
        """The session has new messages: it is pending, from its first turn on."""
        await self._shelf.write(lambda rows: _set(rows, session_id, "waiting", attempts=0))

    async def waiting(self, seconds: float = 0) -> list[PendingExtraction]:
        """Return the sessions pending for at least so long that failed fewer than five times, oldest first."""
        sql = (
            "SELECT session_id, attempts, problem FROM memory_extraction"
            " WHERE state = 'waiting' AND attempts < ? AND at <= ? ORDER BY at"
        )
        values = (MAX_ATTEMPTS, micros(now()) - round(seconds * 1e6))
        return await self._shelf.read(
            lambda rows: [PendingExtraction(*row) for row in select(rows.db, sql, values)]
        )

    async def unfinished(self) -> list[str]:
        """Return all sessions that nothing was extracted from yet, those included that are examined now or later."""
        sql = "SELECT session_id FROM memory_extraction WHERE state = 'waiting' AND attempts < ? ORDER BY at"
        return await self._shelf.read(lambda rows: [row[0] for row in select(rows.db, sql, (MAX_ATTEMPTS,))])

    async def claim(self, session_id: str) -> ExtractionClaim | None:
        """Take a pending session, so that nobody else examines it; None if it does not wait, or somebody has taken it.

        It takes no lock: who continues the session meanwhile is not hindered, and makes it pending again.
        """
        time = micros(now())
        until = time + round(CLAIM_SECONDS * 1e6)

        def work(rows: EntryTable) -> ExtractionClaim | None:
            sql = "SELECT at FROM memory_extraction WHERE session_id = ? AND state = 'waiting' AND attempts < ? AND at <= ?"
            found = select(rows.db, sql, (session_id, MAX_ATTEMPTS, time))
            if not found:
                return None
            rows.db.execute("UPDATE memory_extraction SET at = ? WHERE session_id = ?", (until, session_id))
            return ExtractionClaim(session_id, until, found[0][0])

        return await self._shelf.write(work)

    async def release(self, claim: ExtractionClaim) -> None:
        """Give back a session that was not finished; does nothing if it was, or has a new message."""
        sql = "UPDATE memory_extraction SET at = ? WHERE session_id = ? AND state = 'waiting' AND at = ?"
        values = (claim.before, claim.session_id, claim.until)
        await self._shelf.write(lambda rows: rows.db.execute(sql, values) and None)

    async def failed(self, session_id: str, problem: str) -> PendingExtraction:
        """Record a failed attempt; the session stays pending."""

        def work(rows: EntryTable) -> PendingExtraction:
            _set(rows, session_id, "waiting", problem=validation.validate(problem, "problem")[:500])
            rows.db.execute(
                "UPDATE memory_extraction SET attempts = attempts + 1 WHERE session_id = ?", (session_id,)
            )
            sql = "SELECT session_id, attempts, problem FROM memory_extraction WHERE session_id = ?"
            return PendingExtraction(*select(rows.db, sql, (session_id,))[0])

        return await self._shelf.write(work)

    async def postpone(self, session_id: str, seconds: float) -> None:
        """Do not process this session for so many seconds, unless it ends again."""
        at = micros(now()) + round(seconds * 1e6)
        sql = "UPDATE memory_extraction SET at = ? WHERE session_id = ? AND state = 'waiting'"
        await self._shelf.write(lambda rows: rows.db.execute(sql, (at, session_id)) and None)

    async def skip(self, claim: ExtractionClaim) -> None:
        """Drop a session from which nothing is to be extracted: too short, or deleted."""
        await self._shelf.write(lambda rows: _finish(rows, claim))

    async def merge(self, claim: ExtractionClaim, found: Extraction) -> ExtractionResult:
        """Store what a model found, each item through deduplication, and the summary; the session is done, unless it has
        a new message.

        One transaction for the project and one for global memory. Idempotent.
        """
        session_id = claim.session_id
        project, common, problems = _entries(session_id, found, self._shelves.project is not None)
        try:
            short = summary(session_id, found.summary.title, found.summary.text)
        except InvalidArguments as error:
            short = None
            problems.append(f"summary: {error}")

        def store(rows: EntryTable, entries: list[MemoryEntry], *, last: bool) -> list[RememberOutcome]:
            done = [_remember(rows, entry) for entry in entries]
            if last:
                if short is not None:
                    put_summary(rows, short)
                _finish(rows, claim)
            return done

        stored: list[RememberOutcome] = []
        if self._shelves.project is not None and common:
            stored += await self._shelves.common.write(lambda rows: store(rows, common, last=False))
        stored += await self._shelf.write(lambda rows: store(rows, project or common, last=True))
        return ExtractionResult(tuple(stored), tuple(problems))

    @property
    def _shelf(self) -> MemoryStore:
        return self._shelves.store(self._shelves.default_store)


def _entries(
    session_id: str, found: Extraction, has_project: bool
) -> tuple[list[MemoryEntry], list[MemoryEntry], list[str]]:
    """Return the entries for the project and for global memory, and the problems of those that are invalid."""
    project: list[MemoryEntry] = []
    common: list[MemoryEntry] = []
    problems: list[str] = []
    for at, item in enumerate(found.memories[:MAX_ITEMS]):
        try:
            entry = MemoryEntry(
                category=item.category,
                title=validation.title(item.title),
                body=validation.body(item.body),
                tags=validation.tags(item.tags[:5]),
                source="extracted",
                origin=validation.title(item.untrusted_source, "untrusted_source")
                if item.untrusted_source.strip()
                else None,
                session_id=session_id,
                anchors=tuple(MemoryAnchor(validation.path(path)) for path in item.files[:5]),
            )
        except InvalidArguments as error:
            problems.append(f"memory {at + 1}: {error}")
            continue
        # Preferences, too: only the user decides what applies to every project.
        (project if has_project else common).append(entry)
    if len(found.memories) > MAX_ITEMS:
        problems.append(f"{len(found.memories) - MAX_ITEMS} more than {MAX_ITEMS} memories were left out")
    return project, common, problems


def _remember(rows: EntryTable, entry: MemoryEntry) -> RememberOutcome:
    if rows.scope == "global":
        entry = replace(entry, anchors=())
    return upsert.find_existing(rows, entry)


def _finish(rows: EntryTable, claim: ExtractionClaim) -> None:
    sql = "UPDATE memory_extraction SET state = 'done', problem = '' WHERE session_id = ? AND at = ?"
    rows.db.execute(sql, (claim.session_id, claim.until))


def _set(
    rows: EntryTable, session_id: str, state: str, *, problem: str = "", attempts: int | None = None
) -> None:
    if not session_id or len(session_id) > 200:
        raise MazuError(Kind.INTERNAL, f"{session_id[:40]!r} is not a session id.")
    rows.db.execute(
        "INSERT INTO memory_extraction (session_id, state, attempts, problem, at) VALUES (?1, ?2, 0, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET state = ?2, problem = ?3, attempts = coalesce(?5, attempts), at = ?4",
        (session_id, state, problem, micros(now()), attempts),
    )
