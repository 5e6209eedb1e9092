"""Traits of the user as key and value, and one summary for each session that ended."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory import validation
from mazu_ls.memory.models import Memory, MemoryEntry, micros, now
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStores
from mazu_ls.memory.store.writers import writer_of

MAX_TRAIT = 2000


class Traits:
    """Facts about the user that every prompt includes: global, unless a project has its own value."""

    def __init__(self, shelves: MemoryStores) -> None:
        self._shelves = shelves

    async def set(
        self, key: str, value: str, *, pinned: bool | None = None, scope: str = "global", source: str = "user"
    ) -> Memory:
        """Set a trait; `pinned` None leaves the pin as it is. Raises InvalidArguments."""
        name = validation.slug(key, "key")
        text = validation.body(value, "value", MAX_TRAIT).strip()
        if not text:
            raise InvalidArguments(f"The value of {name!r} is empty; delete the trait instead.", "value")

        def work(rows: EntryTable) -> Memory:
            known = rows.keyed("trait", name)
            if known is None or known.n is None:
                new = MemoryEntry(
                    kind="trait",
                    key=name,
                    category="trait",
                    title=name,
                    body=text,
                    pinned=bool(pinned),
                    source=source,
                )
                return rows.memory(rows.insert(new))
            pin = known.pinned if pinned is None else pinned
            if (known.body, known.pinned) != (text, pin):
                rows.put(replace(known, body=text, pinned=pin, source=source, updated_at=micros(now())))
            return rows.memory(known.n)

        return await self._shelves.store(scope).write(work)

    async def delete(self, key: str, scope: str = "global") -> Memory:
        """Remove a trait and return what it was. Raises MazuError(not_found)."""
        return await _delete(self._shelves, "trait", validation.slug(key, "key"), scope)

    async def list(self, scope: str | None = None) -> list[Memory]:
        """Return all traits, pinned first, then by name."""

        def work(rows: EntryTable) -> list[Memory]:
            return rows.memories(rows.entries("kind = 'trait'", (), "ORDER BY pinned DESC, key"))

        return [trait for shelf in self._shelves.for_id(scope) for trait in await shelf.read(work)]


class Summaries:
    """One text for each session, found by recall and included in new sessions, newest first."""

    def __init__(self, shelves: MemoryStores) -> None:
        self._shelves = shelves

    async def put(self, session_id: str, title: str, text: str, *, at: datetime | None = None) -> Memory:
        """Store or replace the summary of a session; `at` is when it took place."""
        shelf = self._shelves.store(self._shelves.default_store)
        entry = summary(session_id, title, text, at)
        return await shelf.write(lambda rows: rows.memory(put_summary(rows, entry)))

    async def list(self, limit: int = 50) -> list[Memory]:
        """Return the newest summaries first."""
        most = validation.limit(limit)

        def work(rows: EntryTable) -> list[Memory]:
            return rows.memories(
                rows.entries("kind = 'summary'", (), f"ORDER BY created_at DESC LIMIT {most}")
            )

        found = [memory for shelf in self._shelves for memory in await shelf.read(work)]
        return sorted(found, key=lambda memory: memory.created_at, reverse=True)[:most]

    async def delete(self, session_id: str) -> Memory:
        """Remove the summary of a session. Raises MazuError(not_found)."""
        return await _delete(self._shelves, "summary", session_id, self._shelves.default_store)


def summary(session_id: str, title: str, text: str, at: datetime | None = None) -> MemoryEntry:
    """Return the entry of a session's summary. Raises InvalidArguments."""
    stamp = micros(at or now())
    return MemoryEntry(
        kind="summary", key=validation.session(session_id), category="summary", title=validation.title(title), body=validation.body(text),
        source="extracted", session_id=session_id, created_at=stamp, updated_at=stamp,
    )  # fmt: skip


def put_summary(rows: EntryTable, entry: MemoryEntry) -> int:
    """Insert or replace a summary; return its number."""
    rows.writer = writer_of(entry.source, entry.session_id)
    known = rows.keyed("summary", entry.key or "")
    if known is None or known.n is None:
        return rows.insert(entry)
    rows.put(replace(entry, n=known.n, created_at=min(known.created_at, entry.created_at)))
    return known.n


async def _delete(shelves: MemoryStores, kind: str, key: str, scope: str) -> Memory:
    def work(rows: EntryTable) -> Memory:
        entry = rows.keyed(kind, key)
        if entry is None or entry.n is None:
            raise MazuError(
                Kind.NOT_FOUND, f"There is no {kind} {key[:60]!r}.", "List them to see the existing ones."
            )
        (memory,) = rows.memories([entry])
        rows.delete(entry.n)
        return memory

    return await shelves.store(scope).write(work)
