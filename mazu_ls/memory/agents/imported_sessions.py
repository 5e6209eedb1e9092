"""Data imported from other agents: transcripts, searchable but never injected into a turn, and proposals of memories."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.agents.agent_files import find_files, read_file
from mazu_ls.memory.agents.agent_passage import AgentPassage, Role, printable
from mazu_ls.memory.agents.decision_candidates import CandidateFinder, DecisionCandidate
from mazu_ls.state.store import Migrations, Store, select

if TYPE_CHECKING:
    import apsw

FILE_NAME = "imported.db"
MIGRATIONS = Migrations(
    "imported",
    (
        """
CREATE TABLE imported_file (path TEXT PRIMARY KEY, agent TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL);
CREATE VIRTUAL TABLE imported_passage USING fts5 (
    text, agent UNINDEXED, session UNINDEXED, role UNINDEXED, at UNINDEXED, path UNINDEXED, line UNINDEXED,
    tokenize = "porter unicode61"
);
CREATE TABLE imported_proposal (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    category TEXT NOT NULL,
    title TEXT NOT NULL,
    evidence TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    times INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL DEFAULT 'open'
);
CREATE INDEX imported_proposal_state ON imported_proposal (state, n);
""",
        """
CREATE TABLE imported_range (path TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE INDEX imported_range_path ON imported_range (path);
""",
    ),
)
_BATCH = 500
_MAX_PROPOSALS = 1_000
"""Maximum number of proposals from one import; nobody reads more."""
_MAX_PROBLEMS, _MAX_OPEN = 100, 100_000
_EXCERPT_WORDS = 40
_WORD = re.compile(r"\w+")


class AgentImport(Struct):
    """The result of an import: `files` read, `unchanged` files skipped, how many messages are searchable, how many proposals are new."""

    files: int = 0
    unchanged: int = 0
    messages: int = 0
    proposals: int = 0
    problems: list[str] = field(default_factory=list)


class ImportedProposal(Struct, frozen=True):
    """A decision found in another agent's files; it becomes a memory when the user accepts it."""

    id: str
    category: str
    title: str
    evidence: str
    times: int


class ImportedMatch(Struct, frozen=True):
    """One message that holds words of a query."""

    agent: str
    session: str
    role: Role
    at: str
    text: str


class ImportedSessions:
    """The database of imports, next to the project's memory, opened on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: Store | None = None
        self._opening = asyncio.Lock()

    async def read_from(self, agent: str, source: Path) -> AgentImport:
        """Import the files of `agent` at `source`; those unchanged since the last import are skipped.

        Raises MazuError(not_found, storage). After an interruption the same import continues where it stopped.
        """
        result = AgentImport()
        store = await self._opened()
        files = find_files(agent, source)
        while (path := await asyncio.to_thread(next, files, None)) is not None:
            try:
                stat = await asyncio.to_thread(path.stat)
            except OSError as error:
                result.problems.append(printable(f"{path}: {error.strerror}."))
                continue
            known = (printable(str(path)), agent, stat.st_size, stat.st_mtime_ns)
            if await store.read(lambda db, k=known: bool(select(db, _KNOWN, k))):
                result.unchanged += 1
                continue
            await self._read_file(store, agent, path, source, result)
            await store.write(lambda db, k=known: db.execute(_NOTE_FILE, k) and None)
            result.files += 1
        return result

    async def _read_file(
        self, store: Store, agent: str, path: Path, source: Path, result: AgentImport
    ) -> None:
        name = printable(str(path))
        await store.write(lambda db: _forget_file(db, name))
        place = path.relative_to(source).as_posix() if source.is_dir() else path.name
        finder, passages = CandidateFinder(printable(place)), read_file(agent, path)
        while batch := await asyncio.to_thread(_next_batch, passages, finder):
            room = _MAX_PROPOSALS - result.proposals
            result.problems += batch.problems[: max(0, _MAX_PROBLEMS - len(result.problems))]
            result.messages += sum(row.role != "note" for row in batch.rows)
            result.proposals += await store.write(
                lambda db, b=batch, r=room: _store_batch(db, agent, name, b, r)
            )

    async def search(self, query: str, limit: int) -> list[ImportedMatch]:
        """Return messages that hold words of `query`, those with the rarest first."""
        from mazu_ls.memory.search.tokens import STOP_WORDS

        words = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))
        asked = [word for word in words if word not in STOP_WORDS] or words
        if not asked or not self._path.exists():
            return []
        match = " OR ".join(f'"{word}"' for word in asked[:32])
        store = await self._opened()
        rows = await store.read(lambda db: select(db, _SEARCH, (match, limit)))
        return [ImportedMatch(*row) for row in rows]

    async def proposals(self, limit: int = 100, offset: int = 0) -> tuple[list[ImportedProposal], int]:
        """Return the pending proposals, oldest first, and their total number."""
        if not self._path.exists():
            return [], 0
        store = await self._opened()
        rows = await store.read(lambda db: select(db, _OPEN, (limit, offset)))
        ((total,),) = await store.read(
            lambda db: select(db, "SELECT count(*) FROM imported_proposal WHERE state = 'open'")
        )
        return [ImportedProposal(f"i_{n:06d}", *rest) for n, *rest in rows], total

    async def find(self, ids: Sequence[str]) -> list[ImportedProposal]:
        """Return the open proposals with these ids, in their order. Raises MazuError(not_found) for another id."""
        waiting = {one.id: one for one in (await self.proposals(_MAX_OPEN))[0]}
        if unknown := [id for id in ids if id not in waiting]:
            raise MazuError(
                Kind.NOT_FOUND,
                f"No proposal waits that is called {', '.join(unknown[:5])}.",
                "mazu-ls memory proposals lists those that do.",
            )
        return [waiting[id] for id in dict.fromkeys(ids)]

    async def decide(self, ids: Sequence[str], state: str) -> None:
        """Mark proposals as "accepted" or "rejected"; neither is proposed again by a later import."""
        store = await self._opened()
        numbers = [(state, int(id.removeprefix("i_"))) for id in ids]
        await store.write(
            lambda db: db.executemany("UPDATE imported_proposal SET state = ? WHERE n = ?", numbers) and None
        )

    async def close(self) -> None:
        """Close the database if it was opened."""
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                self._store = await Store.open(self._path, [MIGRATIONS])
            return self._store


_KNOWN = "SELECT 1 FROM imported_file WHERE path = ? AND agent = ? AND size = ? AND modified = ?"
_NOTE_FILE = "INSERT OR REPLACE INTO imported_file VALUES (?, ?, ?, ?)"
_SEARCH = (
    f"SELECT agent, session, role, at, snippet(imported_passage, 0, '', '', '…', {_EXCERPT_WORDS}) FROM imported_passage"
    " WHERE imported_passage MATCH ? ORDER BY rank LIMIT ?"
)
_OPEN = "SELECT n, category, title, evidence, times FROM imported_proposal WHERE state = 'open' ORDER BY n LIMIT ? OFFSET ?"


class PassageBatch(Struct):
    rows: list[AgentPassage] = field(default_factory=list)
    candidates: list[DecisionCandidate] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _next_batch(passages: Iterator[AgentPassage | str], finder: CandidateFinder) -> PassageBatch | None:
    """Return the next passages, None at the end. Messages are redacted by their readers, notes are not stored. Reads the file: call it
    from a thread."""
    batch, some = PassageBatch(), list(islice(passages, _BATCH))
    for one in some:
        if isinstance(one, str):
            batch.problems.append(printable(one))
            continue
        passage = AgentPassage(one.role, one.text, one.line, printable(one.at), printable(one.session))
        batch.rows.append(passage)
        batch.candidates += finder.find(passage)
    return batch if some else None


def _forget_file(db: apsw.Connection, path: str) -> None:
    """Delete what was read from a file before, also by an interrupted import. Needs a transaction.

    Deletes by row number: the full-text table has no index of paths, and would be scanned for each file.
    """
    for first, last in select(db, "SELECT first, last FROM imported_range WHERE path = ?", (path,)):
        db.execute("DELETE FROM imported_passage WHERE rowid BETWEEN ? AND ?", (first, last))
    db.execute("DELETE FROM imported_range WHERE path = ?", (path,))


def _store_batch(db: apsw.Connection, agent: str, path: str, batch: PassageBatch, room: int) -> int:
    """Store passages and candidates; return how many proposals are new. Needs a transaction."""
    rows = [(p.text, agent, p.session, p.role, p.at, path, p.line) for p in batch.rows if p.role != "note"]
    if rows:
        db.executemany("INSERT INTO imported_passage VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        last = db.last_insert_rowid()
        db.execute("INSERT INTO imported_range VALUES (?, ?, ?)", (path, last - len(rows) + 1, last))
    new = 0
    for one in batch.candidates:
        folded = " ".join(_WORD.findall(one.title.casefold()))
        if select(db, "SELECT 1 FROM imported_proposal WHERE folded = ?", (folded,)):
            db.execute("UPDATE imported_proposal SET times = times + 1 WHERE folded = ?", (folded,))
        elif new < room:
            db.execute(
                "INSERT INTO imported_proposal (category, title, evidence, folded) VALUES (?, ?, ?, ?)",
                (one.category, one.title, one.evidence, folded),
            )
            new += 1
    return new
