"""Simple queries and changes for commands: a page of a list, a change of some fields, counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.models import Memory, MemoryAnchor, identifier, micros, now
from mazu_ls.memory.store import upsert
from mazu_ls.memory.store.entries import EntryTable, digest
from mazu_ls.state.store import select


def update(
    rows: EntryTable, n: int, changes: dict[str, Any], anchors: tuple[MemoryAnchor, ...] | None
) -> Memory:
    """Change some fields of a memory. Raises MazuError(conflict) if another memory says the same already."""
    before = rows.entry(n)
    entry = replace(before, **changes)
    if before.source == "shared" and (entry.title, entry.body) != (before.title, before.body):
        # A colleague's words no longer: from now on they are the user's.
        details = {name: value for name, value in (before.details or {}).items() if name != "author"}
        entry = replace(entry, source="user", details=details or None)
    if anchors is not None:
        entry = upsert.set_anchors(entry, anchors)
    other = next(
        rows.entries(
            "digest = ? AND kind = ? AND n != ? AND state != 'superseded'",
            (digest(entry.title, entry.body), entry.kind, n),
        ),
        None,
    )
    if other is not None and other.n is not None and ("title" in changes or "body" in changes):
        same = identifier(rows.scope, other.n)
        raise MazuError(
            Kind.CONFLICT, f"{same} already says that.", f"Forget {identifier(rows.scope, n)} instead."
        )
    rows.put(replace(entry, updated_at=micros(now())))
    return rows.memory(n)


def move(rows: EntryTable, n: int, before: tuple[str, ...], after: str) -> Memory:
    """Change the state of a memory. Raises MazuError(conflict) if it is in none of `before`."""
    entry = rows.entry(n)
    if entry.state not in before:
        id = identifier(rows.scope, n)
        raise MazuError(
            Kind.CONFLICT, f"{id} is {entry.state}.", f"This can be done to {' or '.join(before)} ones only."
        )
    rows.put(replace(entry, state=after))
    return rows.memory(n)


def page(
    rows: EntryTable, conditions: dict[str, str | None], limit: int, offset: int
) -> tuple[list[Memory], int]:
    """Return the newest entries under some conditions from `offset`, and their total number."""
    given = {name: value for name, value in conditions.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in given)
    ((count,),) = select(rows.db, f"SELECT count(*) FROM memory WHERE {where}", tuple(given.values()))
    entries = rows.entries(where, tuple(given.values()), f"ORDER BY n DESC LIMIT {limit} OFFSET {offset}")
    return rows.memories(entries), count


def counts(rows: EntryTable) -> dict[str, Any]:
    """Return the number of entries by kind, and of memories by state."""
    found: dict[str, Any] = {"entries": 0, "states": {}, "kinds": {}}
    for kind, state, entries, _ in select(rows.db, "SELECT * FROM memory_count WHERE entries > 0"):
        found["entries"] += entries
        found["kinds"][kind] = found["kinds"].get(kind, 0) + entries
        if kind == "memory":
            found["states"][state] = found["states"].get(state, 0) + entries
    return found


def size(path: Path) -> int:
    """Return the bytes of a database and its write-ahead log."""
    return sum(p.stat().st_size for s in ("", "-wal") if (p := path.with_name(path.name + s)).exists())
