"""Forgotten memories, kept for a while so that they can be restored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import msgspec
from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.models import Memory, MemoryEntry, identifier, micros, now
from mazu_ls.memory.search.decay import DAY
from mazu_ls.memory.store import upsert
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStores
from mazu_ls.state.store import select

KEPT_DAYS, KEPT_ENTRIES = 30, 200
"""Days, and maximum number of them; shared memories do not count."""

log = logging.getLogger(__name__)


def forget(rows: EntryTable, n: int, *, for_good: bool = False) -> Memory:
    """Forget an entry (`upsert.forget`) and keep it for `restore`, unless it is deleted for good. Needs a transaction."""
    entry, at = rows.entry(n), micros(now())
    was = upsert.forget(rows, n)
    if not for_good:
        rows.db.execute(
            "INSERT OR REPLACE INTO memory_forgotten VALUES (?, ?, ?)", (n, msgspec.json.encode(entry), at)
        )
    rows.db.execute("UPDATE memory_shared SET wish = 'forget' WHERE n = ?", (n,))
    delete_old(rows, at)
    return was


def delete_old(rows: EntryTable, at: int | None = None) -> None:
    """Delete for good what was kept longer than promised. Needs a transaction."""
    rows.db.execute(
        "DELETE FROM memory_forgotten WHERE at < ? OR n NOT IN (SELECT n FROM memory_shared WHERE n IS NOT NULL) AND n NOT IN"
        " (SELECT n FROM memory_forgotten WHERE n NOT IN (SELECT n FROM memory_shared WHERE n IS NOT NULL) ORDER BY at DESC LIMIT ?)",
        ((at or micros(now())) - KEPT_DAYS * DAY, KEPT_ENTRIES),
    )


async def delete_expired(stores: MemoryStores) -> None:
    """Do the same in all stores; writes nothing if nothing is old enough."""
    oldest = micros(now()) - KEPT_DAYS * DAY
    for store in stores:
        if await store.read(
            lambda rows: select(rows.db, "SELECT 1 FROM memory_forgotten WHERE at < ? LIMIT 1", (oldest,))
        ):
            await store.write(delete_old)


def restore(rows: EntryTable, n: int, check: Callable[[MemoryEntry, str], MemoryEntry]) -> Memory:
    """Restore a forgotten entry under its own number; it supersedes again what it had superseded, unless another entry
    does now.

    `check` validates the entry like every incoming one, given its id; it raises InvalidArguments. Needs a transaction.
    Raises MazuError(not_found), MazuError(conflict) if it exists already, MazuError(storage) if the kept entry is not
    valid.
    """
    name = identifier(rows.scope, n)
    delete_old(rows)
    kept = select(rows.db, "SELECT entry FROM memory_forgotten WHERE n = ?", (n,))
    if rows.find(n) is not None:
        raise MazuError(Kind.CONFLICT, f"{name} is not forgotten.", "`mazu.memory.list` shows it.")
    if not kept:
        hint = f"What was forgotten is kept for {KEPT_DAYS} days; a checkpoint may still hold it."
        raise MazuError(Kind.NOT_FOUND, f"There is no forgotten memory {name!r}.", hint)
    try:
        entry = replace(check(_decode(kept[0][0], name), name), n=n)
    except (InvalidArguments, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(name, error) from error
    if entry.key is not None and rows.keyed(entry.kind, entry.key) is not None:
        raise MazuError(
            Kind.CONFLICT, f"Another {entry.kind} is called {entry.key!r} now.", "Delete that one first."
        )
    old = None if entry.supersedes is None else rows.find(entry.supersedes)
    later = None if entry.superseded_by is None else rows.find(entry.superseded_by)
    follows = later is not None and later.supersedes in (None, entry.supersedes)
    replaces = old is not None and (
        old.superseded_by is None or (follows and old.superseded_by == entry.superseded_by)
    )
    rows.insert(
        replace(
            entry,
            supersedes=entry.supersedes if replaces else None,
            superseded_by=entry.superseded_by if follows else None,
            state="current" if entry.state == "superseded" and not follows else entry.state,
        )
    )
    if replaces and old is not None and old.n is not None:
        rows.change(old.n, state="superseded", superseded_by=n, updated_at=old.updated_at)
    if follows and later is not None and later.n is not None:
        rows.change(later.n, supersedes=n, updated_at=later.updated_at)
    rows.db.execute("DELETE FROM memory_forgotten WHERE n = ?", (n,))
    rows.db.execute("UPDATE memory_shared SET wish = 'restore' WHERE n = ?", (n,))
    return rows.memory(n)


async def list_forgotten(stores: MemoryStores, limit: int) -> list[tuple[str, str]]:
    """Return ids and titles of the last forgotten entries that can be restored, those of the project first."""
    found = [await store.read(lambda rows: _newest(rows, limit)) for store in stores]
    return [one for some in found for one in some][:limit]


def _newest(rows: EntryTable, limit: int) -> list[tuple[str, str]]:
    kept = select(rows.db, "SELECT n, entry FROM memory_forgotten ORDER BY at DESC, n DESC LIMIT ?", (limit,))
    return list(_titles(rows.scope, kept))


def _titles(scope: str, kept: list[tuple[int, bytes]]) -> Iterator[tuple[str, str]]:
    """Yield ids and titles of the rows that can be restored; the others are logged."""
    for n, row in kept:
        name = identifier(scope, n)
        try:
            yield name, _decode(row, name).title
        except MazuError as error:
            log.warning("left out of what can be restored: %s", error.message)


def _decode(row: bytes, name: str) -> MemoryEntry:
    try:
        return msgspec.json.decode(row, type=MemoryEntry)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> MazuError:
    hint = "Remember it again, or look for it in a checkpoint from before it was forgotten."
    return MazuError(Kind.STORAGE, f"What was kept of {name} cannot be read: {error}", hint)
