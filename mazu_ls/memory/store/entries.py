"""Entries as rows: insert, change, delete, read; index, anchors and edges are kept in sync here and only here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.graph import graph_edges
from mazu_ls.memory.models import (
    Memory,
    MemoryAnchor,
    MemoryEntry,
    TextRange,
    identifier,
    micros,
    moment,
    now,
)
from mazu_ls.memory.search import index
from mazu_ls.memory.search.decay import strength
from mazu_ls.memory.store.writers import USER, note_writer
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

_COLUMNS = (
    "n, kind, key, category, title, body, tags, pinned, source, origin, state, supersedes, superseded_by, session_id,"
    " created_at, updated_at, details"
)
_FIELDS = _COLUMNS.split(", ")


class EntryTable:
    """The entries of one scope on one connection. Writing needs a transaction; `writer`: see writers.py."""

    def __init__(self, db: apsw.Connection, scope: str, writer: str = USER) -> None:
        self.db = db
        self.scope = scope
        self.writer = writer

    def insert(self, entry: MemoryEntry) -> int:
        """Insert a new entry, under its own number if it has one, and return its number."""
        stamp = micros(now())
        entry = replace(
            entry,
            created_at=entry.created_at or stamp,
            updated_at=entry.updated_at or entry.created_at or stamp,
        )
        indexed = _analyse(entry)
        marks = ", ".join("?" * (len(_FIELDS) + 3))
        self.db.execute(
            f"INSERT INTO memory ({_COLUMNS}, digest, length, terms) VALUES ({marks})",
            (*_values(entry), digest(entry.title, entry.body), indexed.length, indexed.stored()),
        )
        n = self.db.last_insert_rowid() if entry.n is None else entry.n
        index.add(self.db, n, indexed, index.flags(entry.kind, entry.state, entry.category))
        self._anchor(n, entry.anchors)
        graph_edges.update_edges(self.db, replace(entry, n=n), self.scope)
        note_writer(self.db, n, self.scope, self.writer)
        return n

    def change(self, n: int, **changes: Any) -> None:
        """Change some fields of an entry; `updated_at` is now unless given."""
        self.put(replace(self.entry(n), **{"updated_at": micros(now()), **changes}))

    def put(self, entry: MemoryEntry) -> None:
        """Replace an existing entry."""
        assert entry.n is not None
        note_writer(self.db, entry.n, self.scope, self.writer)
        indexed = _analyse(entry)
        sets = ", ".join(f"{name} = ?" for name in (*_FIELDS[1:], "digest", "length", "terms"))
        values = (
            *_values(entry)[1:],
            digest(entry.title, entry.body),
            indexed.length,
            indexed.stored(),
            entry.n,
        )
        self.db.execute(f"UPDATE memory SET {sets} WHERE n = ?", values)
        index.remove(self.db, entry.n)
        index.add(self.db, entry.n, indexed, index.flags(entry.kind, entry.state, entry.category))
        self.db.execute("DELETE FROM memory_anchor WHERE n = ?", (entry.n,))
        self._anchor(entry.n, entry.anchors)
        self.db.execute("DELETE FROM memory_edge WHERE n = ?", (entry.n,))
        graph_edges.update_edges(self.db, entry, self.scope)
        note_writer(self.db, entry.n, self.scope, self.writer)

    def delete(self, n: int) -> None:
        """Delete an entry, its anchors and its edges. Its number is never reused."""
        note_writer(self.db, n, self.scope, self.writer)
        index.remove(self.db, n)
        self.db.execute("DELETE FROM memory WHERE n = ?", (n,))

    def find(self, n: int) -> MemoryEntry | None:
        """Return the entry with that number, or None."""
        return next(self.entries("n = ?", (n,)), None)

    def entry(self, n: int) -> MemoryEntry:
        """Return the entry with that number. Raises MazuError(not_found)."""
        if (found := self.find(n)) is None:
            raise unknown(identifier(self.scope, n))
        return found

    def keyed(self, kind: str, key: str) -> MemoryEntry | None:
        """Return the page, summary, trait or relation with that key, or None."""
        return next(self.entries("kind = ? AND key = ?", (kind, key)), None)

    def entries(self, where: str, values: Sequence[Any] = (), tail: str = "") -> Iterator[MemoryEntry]:
        """Yield entries that satisfy an SQL condition, with their anchors."""
        for row in select(self.db, f"SELECT {_COLUMNS} FROM memory WHERE {where} {tail}", values):
            fields = dict(zip(_FIELDS, row, strict=True))
            fields["tags"] = tuple(json.loads(fields["tags"]))
            fields["pinned"] = bool(fields["pinned"])
            fields["details"] = json.loads(fields["details"]) if fields["details"] else None
            yield MemoryEntry(**fields, anchors=self.anchors(fields["n"]))

    def anchors(self, n: int) -> tuple[MemoryAnchor, ...]:
        """Return the anchors of one entry, in order."""
        rows = select(
            self.db,
            "SELECT path, symbol, start_line, start_character, end_line, end_character, state, evidence"
            " FROM memory_anchor WHERE n = ? ORDER BY position",
            (n,),
        )
        return tuple(
            MemoryAnchor(path, symbol, None if line is None else TextRange(line, *rest), state, evidence)
            for path, symbol, line, *rest, state, evidence in rows
        )

    def memory(self, n: int) -> Memory:
        """Return the entry with that number as a `Memory`. Raises MazuError(not_found)."""
        return self.memories([self.entry(n)])[0]

    def memories(self, entries: Iterable[MemoryEntry]) -> list[Memory]:
        """Return entries as `Memory` records, with their use and strength."""
        stamp = micros(now())
        result = []
        for e in entries:
            use = select(self.db, "SELECT uses, last_used_at FROM memory_use WHERE n = ?", (e.n,))
            uses, used = use[0] if use else (0, None)
            result.append(_memory(e, self.scope, uses, used, stamp))
        return result

    def _anchor(self, n: int, anchors: Sequence[MemoryAnchor]) -> None:
        for position, a in enumerate(anchors):
            span = a.range
            ends = (
                (span.start_line, span.start_character, span.end_line, span.end_character)
                if span
                else (None,) * 4
            )
            self.db.execute(
                "INSERT INTO memory_anchor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (n, position, a.path, a.symbol, *ends, a.evidence, a.state),
            )


def number(id: str, scope: str) -> int:
    """Return the number in an id of that scope. Raises MazuError(not_found) if it can be none."""
    prefix = identifier(scope, 0)[:2]
    if (
        not isinstance(id, str)
        or not id.startswith(prefix)
        or not id[2:].isascii()
        or not id[2:].isdigit()
        or len(id) > 20
    ):
        raise unknown(id)
    return int(id[2:])


def scope_of(id: str, scope: str | None = None) -> str:
    """Return the scope of an id; it must be `scope` if that is given."""
    if not isinstance(id, str) or not id:
        raise InvalidArguments("`id` is missing; `mazu.memory.list` shows the ids.", "id")
    found = {"m_": "project", "g_": "global"}.get(id[:2])
    if found is None or scope not in (None, found):
        raise unknown(id)
    return found


def unknown(id: str) -> MazuError:
    """Return the error for an unknown id."""
    return MazuError(
        Kind.NOT_FOUND, f"There is no memory {str(id)[:40]!r}.", "`mazu.memory.list` shows the existing ones."
    )


def digest(title: str, body: str) -> bytes:
    """Return a hash that is equal for texts that differ in case and spaces only."""
    text = f"{' '.join(title.split())}\n{' '.join(body.split())}".casefold()
    return hashlib.sha256(text.encode()).digest()[:16]


def _analyse(entry: MemoryEntry) -> index.IndexedTerms:
    places = [(a.path, a.symbol) for a in entry.anchors]
    title = (
        " ".join((entry.key.replace("/", " "), entry.title))
        if entry.kind in ("page", "trait") and entry.key
        else entry.title
    )
    return index.analyze(title, " ".join((entry.body, *entry.tags)), places)


def _values(e: MemoryEntry) -> tuple[Any, ...]:
    return (
        e.n, e.kind, e.key, e.category, e.title, e.body, json.dumps(e.tags, ensure_ascii=False), int(e.pinned), e.source,
        e.origin, e.state, e.supersedes, e.superseded_by, e.session_id, e.created_at, e.updated_at,
        json.dumps(e.details, ensure_ascii=False, sort_keys=True) if e.details else None,
    )  # fmt: skip


def _memory(e: MemoryEntry, scope: str, uses: int, used: int | None, stamp: int) -> Memory:
    assert e.n is not None
    return Memory(
        id=identifier(scope, e.n),
        scope=scope,  # type: ignore[arg-type]
        category=e.category,  # type: ignore[arg-type]
        title=e.title,
        body=e.body,
        tags=e.tags,
        pinned=e.pinned,
        source=e.source,  # type: ignore[arg-type]
        state=e.state,  # type: ignore[arg-type]
        strength=round(strength(e.category, stamp - max(e.updated_at, used or 0), uses, e.pinned), 4),
        created_at=moment(e.created_at),
        updated_at=moment(e.updated_at),
        last_used_at=None if used is None else moment(used),
        use_count=uses,
        supersedes=None if e.supersedes is None else identifier(scope, e.supersedes),
        superseded_by=None if e.superseded_by is None else identifier(scope, e.superseded_by),
        anchors=e.anchors,
        session_id=e.session_id,
        origin=e.origin,
        shared=_detail(e, "shared"),
        author=_detail(e, "author"),
        kind=e.kind,  # type: ignore[arg-type]
        key=e.key,
    )


def _detail(e: MemoryEntry, name: str) -> str | None:
    value = (e.details or {}).get(name) if e.kind == "memory" else None
    return " ".join(value.split())[:120] if isinstance(value, str) else None
