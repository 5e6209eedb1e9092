"""Shared memories in memory.db: which local entry belongs to which, local edits, and updating the entries."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments
from mazu_ls.memory.anchors.anchor_evidence import make_anchor
from mazu_ls.memory.io.imports import checked
from mazu_ls.memory.models import AnchorRequest, MemoryAnchor, MemoryEntry, micros, now
from mazu_ls.memory.store import forgotten, upsert
from mazu_ls.memory.store.entries import EntryTable, digest
from mazu_ls.memory.store.store import MemoryStore
from mazu_ls.memory.team.shared_file import CONTROL, one_line, without_old_secrets
from mazu_ls.memory.team.shared_memory import EMPTY, SharedMemories, SharedMemory, find_standing
from mazu_ls.state.store import select

_UNDATED = 10**12  # the first days of 1970: a hand-written file has no dates
_EDITED = ("title", "body", "category", "tags", "anchors")


class SharedRow(NamedTuple):
    """One row: the memory with all its versions, and its local entry, None if there never was one."""

    memory: SharedMemory
    n: int | None
    written_at: int
    wish: str | None


@dataclass
class Applied:
    """The effect on local entries: numbers of those that are new, changed, and forgotten."""

    created: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def load(rows: EntryTable) -> dict[str, SharedRow]:
    """Return everything that is shared, as this clone knows it."""
    found = select(rows.db, "SELECT id, n, versions, written_at, wish FROM memory_shared ORDER BY id")
    return {id: SharedRow(_decode(id, data), n, at, wish) for id, n, data, at, wish in found}


def find(rows: EntryTable, n: int) -> SharedRow | None:
    """Return the shared memory of entry number `n`; None if it is not shared."""
    found = select(rows.db, "SELECT id, n, versions, written_at, wish FROM memory_shared WHERE n = ?", (n,))
    return next((SharedRow(_decode(id, data), n, at, wish) for id, n, data, at, wish in found), None)


def known(rows: EntryTable) -> SharedMemories:
    """Return the shared memories without their rows, and without former values that hold a secret."""
    return {id: without_old_secrets(row.memory) for id, row in load(rows).items()}


def share(rows: EntryTable, entry: MemoryEntry, id: str, by: str) -> None:
    """Share an entry under a new id. Needs a transaction."""
    memory = as_shared(entry, id, by)
    if entry.supersedes is not None and (old := find(rows, entry.supersedes)) is not None:
        memory = memory.with_value("supersedes", old.memory.id, entry.updated_at, by)
    _store(rows, SharedRow(memory, entry.n, entry.updated_at, None))
    _set_details(rows, entry, id, None)


def as_shared(entry: MemoryEntry, id: str = "t_0000000000000000", by: str = "unknown") -> SharedMemory:
    """Return an entry as a shared memory of one version."""
    memory = SharedMemory(id, {})
    for name, value in {**_values(entry), "origin": entry.origin and one_line(entry.origin)}.items():
        if value != EMPTY[name]:
            memory = memory.with_value(name, value, entry.updated_at, by)
    return memory


def unshare(rows: EntryTable, entry: MemoryEntry, row: SharedRow, by: str) -> None:
    """Delete an entry for the others and keep it here as the user's own. Needs a transaction."""
    memory = row.memory.with_value("deleted", True, micros(now()), by)
    _store(rows, SharedRow(memory, None, 0, None))
    own = "user" if entry.source == "shared" else entry.source
    _set_details(rows, replace(entry, source=own), None, None)


def stop_sharing(rows: EntryTable, entry: MemoryEntry, row: SharedRow) -> None:
    """Take back `share` of what nobody got. Needs a transaction."""
    rows.db.execute("DELETE FROM memory_shared WHERE id = ?", (row.memory.id,))
    _set_details(rows, entry, None, None)


def note_edits(rows: EntryTable, by: str) -> list[str]:
    """Record local edits, deletions and restores as versions; return the ids. Needs a transaction.

    Only what was written after the entry was last updated from the shared state is an edit: a rollback of memory does not revert what
    others wrote.
    """
    shared, at = load(rows), micros(now())
    ids = {row.n: id for id, row in shared.items() if row.n is not None}
    edited = []
    for id, row in shared.items():
        memory = row.memory
        entry = None if row.n is None else rows.find(row.n)
        # A rollback may have reverted the wish itself.
        if row.wish == "forget" and entry is None and not memory.value("deleted"):
            memory = memory.with_value("deleted", True, at, by)
        elif row.wish == "restore" and entry is not None and memory.value("deleted"):
            memory = memory.with_value("deleted", False, at, by)
        if entry is not None and entry.updated_at > row.written_at:
            memory = _with_edits(memory, entry, ids, by)
        if memory != row.memory or row.wish is not None:
            written = max(row.written_at, entry.updated_at if entry else 0)
            _store(rows, SharedRow(memory, row.n, written, None))
        if memory != row.memory:
            edited.append(id)
    return edited


def apply(rows: EntryTable, memories: SharedMemories) -> Applied:
    """Adopt these memories and update the entries accordingly. Needs a transaction."""
    shared, done = load(rows), Applied()
    for id, memory in memories.items():
        before = shared.get(id)
        if before is None:
            shared[id] = _store(rows, SharedRow(memory, None, 0, None))
        elif before.memory != memory:
            shared[id] = _store(rows, before._replace(memory=memory))
    standing = find_standing({id: row.memory for id, row in shared.items()})
    for id, first in standing.same.items():
        if shared[first].n is None and shared[id].n is not None:
            shared[first] = _store(rows, shared[first]._replace(n=shared[id].n))
            shared[id] = _store(rows, shared[id]._replace(n=None))
    marked = _marked(rows)
    for id, row in shared.items():
        if id not in standing.memories:
            _remove(rows, row, done)
            continue
        try:
            shared[id] = _apply_one(rows, row, marked.get(id), done)
        except (InvalidArguments, TypeError, ValueError, AttributeError) as error:
            done.problems.append(f"{id}: {error}")
    numbers = {
        id: row.n
        for id, row in shared.items()
        if id in standing.memories and row.n is not None and rows.find(row.n) is not None
    }
    own = {
        id: n
        for id, memory in standing.memories.items()
        if id not in numbers and (n := _own_number(rows, memory)) is not None
    }
    _link(rows, numbers, own, standing.superseded)
    return done


async def keep_after_rollback(store: MemoryStore) -> None:
    """Update the entries that a rollback of memory reverted to the shared state; what the user wrote since the last sync stays
    theirs, and the next sync sorts out the rest."""
    if await store.read(_taken_back):
        await store.write(_restore_taken_back)


def _taken_back(rows: EntryTable) -> list[SharedRow]:
    """Return those whose entry was removed without a request, or is older than its last update: only a rollback does that."""
    if not select(rows.db, "SELECT 1 FROM memory_shared LIMIT 1"):
        return []
    shared = load(rows)
    standing = find_standing({id: row.memory for id, row in shared.items()})
    found = []
    for id in standing.memories:
        row = shared[id]
        entry = None if row.n is None else rows.find(row.n)
        if row.wish is None and row.n is not None and (entry is None or entry.updated_at < row.written_at):
            found.append(row)
    return found


def _restore_taken_back(rows: EntryTable) -> None:
    for row in _taken_back(rows):
        with suppress(InvalidArguments, TypeError, ValueError, AttributeError):  # the next sync reports it
            _apply_one(rows, row, None, Applied())


def _with_edits(memory: SharedMemory, entry: MemoryEntry, ids: dict[int, str], by: str) -> SharedMemory:
    try:
        said = _values(_as_entry(memory))
    except InvalidArguments:  # a colleague's text could not be adopted: the entry keeps what it said
        said = {name: memory.value(name) for name in _EDITED}
    for name, value in _values(entry).items():
        if value != said[name]:
            memory = memory.with_value(name, value, entry.updated_at, by)
    if entry.supersedes is not None and (old := ids.get(entry.supersedes)) not in (
        None,
        memory.value("supersedes"),
    ):
        memory = memory.with_value("supersedes", old, entry.updated_at, by)
    return memory


def _values(entry: MemoryEntry) -> dict[str, Any]:
    """Return the shared fields of an entry, without characters that no clone accepts."""
    anchors = dict.fromkeys(a.path + (f"#{a.symbol}" if a.symbol else "") for a in entry.anchors)
    return {
        "title": one_line(entry.title), "body": CONTROL.sub("", entry.body), "category": entry.category,
        "tags": tuple(map(one_line, entry.tags)), "anchors": tuple(map(one_line, anchors)),
    }  # fmt: skip


def _as_entry(memory: SharedMemory) -> MemoryEntry:
    """Return the entry for a shared memory; secrets redacted. Raises InvalidArguments."""
    places = [text.partition("#") for text in memory.value("anchors")]
    entry = MemoryEntry(
        category=memory.value("category"),
        title=memory.value("title"),
        body=memory.value("body"),
        tags=memory.value("tags"),
        source="shared",
        origin=memory.value("origin"),
        created_at=memory.created_at if memory.created_at > _UNDATED else micros(now()),
        updated_at=min(memory.updated_at, micros(now())) if memory.updated_at > _UNDATED else micros(now()),
        details={"shared": memory.id, "author": memory.author},
        anchors=make_anchor([AnchorRequest(path, symbol=symbol) for path, _, symbol in places]),
    )
    return checked(entry, memory.id)


def _apply_one(rows: EntryTable, row: SharedRow, marked: int | None, done: Applied) -> SharedRow:
    """Insert or change the entry of one shared memory."""
    wanted = _as_entry(row.memory)
    here = next((e for n in (row.n, marked) if n is not None and (e := rows.find(n)) is not None), None)
    if here is None and _said_here(rows, wanted) is not None:
        return row
    if here is None:
        n = rows.insert(replace(wanted, n=row.n))
        done.created.append(n)
        return _store(rows, SharedRow(row.memory, n, wanted.updated_at, row.wish))
    assert here.n is not None
    told = here.details or {}
    is_linked = row.n == here.n and told.get("shared") == row.memory.id
    is_linked = is_linked and (here.source != "shared" or told.get("author") == row.memory.author)
    if is_linked and row.written_at == here.updated_at and _values(here) == _values(wanted):
        return row
    # The author of a version is only a claim: it counts as mine if I wrote it here and it still says the same.
    mine = here.source != "shared" and _values(here) == _values(wanted)
    places = {(a.path, a.symbol): a for a in here.anchors}
    anchors: Iterable[MemoryAnchor] = (places.get((a.path, a.symbol), a) for a in wanted.anchors)
    details = {**(here.details or {}), "shared": row.memory.id}
    entry = replace(
        wanted,
        n=here.n, pinned=here.pinned and (here.title, here.body) == (wanted.title, wanted.body), state=here.state, supersedes=here.supersedes, superseded_by=here.superseded_by,
        session_id=here.session_id, created_at=here.created_at, anchors=tuple(anchors),
        source=here.source if mine else "shared", origin=here.origin if mine else wanted.origin,
        details=details if mine else {**details, "author": row.memory.author},
        updated_at=here.updated_at if _values(here) == _values(wanted) else wanted.updated_at,
    )  # fmt: skip
    entry = upsert.set_anchors(entry, entry.anchors)
    if entry != here:
        rows.put(entry)
        if _values(here) != _values(wanted):
            done.changed.append(here.n)
    return _store(rows, SharedRow(row.memory, here.n, entry.updated_at, row.wish))


def _remove(rows: EntryTable, row: SharedRow, done: Applied) -> None:
    if row.n is None or rows.find(row.n) is None:
        return
    forgotten.forget(rows, row.n)
    rows.db.execute("UPDATE memory_shared SET wish = NULL WHERE id = ?", (row.memory.id,))
    done.removed.append(row.n)


def _link(rows: EntryTable, numbers: dict[str, int], own: dict[str, int], superseded: dict[str, str]) -> None:
    """Set the supersede chains as all clones see them; what only this clone knows of stays.

    `own` are the user's own entries that stand for shared memories: they replace what those replace, but their chains are theirs.
    """
    ours = set(numbers.values())
    here = {**own, **numbers}
    by = {numbers[old]: here[new] for old, new in superseded.items() if new in here and old in numbers}
    replaces = {new: old for old, new in by.items() if new in ours}
    for n in ours:
        entry = rows.entry(n)
        new = by.get(n, entry.superseded_by if _is_only_here(rows, entry, ours) else None)
        old = replaces.get(n, None if entry.supersedes in ours else entry.supersedes)
        state = "superseded" if new is not None else "current" if entry.state == "superseded" else entry.state
        linked = replace(entry, supersedes=old, superseded_by=new, state=state)
        if linked != entry:
            rows.put(upsert.set_anchors(linked, linked.anchors))


def _is_only_here(rows: EntryTable, entry: MemoryEntry, ours: set[int]) -> bool:
    """Return whether an entry was replaced by one of the user's own: that one names it, unless it stood for a shared one."""
    if entry.superseded_by is None or entry.superseded_by in ours:
        return False
    new = rows.find(entry.superseded_by)
    return new is not None and new.supersedes == entry.n


def _own_number(rows: EntryTable, memory: SharedMemory) -> int | None:
    """Return the user's own entry that stands for a shared memory; None if there is none, or the text cannot be adopted."""
    try:
        own = _said_here(rows, _as_entry(memory))
    except (InvalidArguments, TypeError, ValueError, AttributeError):  # `apply` has named it
        return None
    return None if own is None else own.n


def _said_here(rows: EntryTable, entry: MemoryEntry) -> MemoryEntry | None:
    """Return an entry that the user never shared and that says the same: it stays theirs, without a second one."""
    found = rows.entries(
        "digest = ? AND kind = 'memory' AND state NOT IN ('superseded', 'archived')",
        (digest(entry.title, entry.body),),
    )
    return next((one for one in found if "shared" not in (one.details or {})), None)


def _marked(rows: EntryTable) -> dict[str, int]:
    """Return the entries that name a shared memory, including those of an imported state or a rollback."""
    sql = "SELECT json_extract(details, '$.shared'), n FROM memory WHERE kind = 'memory' AND details LIKE '%\"shared\"%' ORDER BY n DESC"
    return dict(select(rows.db, sql))


def _set_details(rows: EntryTable, entry: MemoryEntry, id: str | None, author: str | None) -> None:
    details = {
        name: value for name, value in (entry.details or {}).items() if name not in ("shared", "author")
    }
    added = {name: value for name, value in (("shared", id), ("author", author)) if value is not None}
    rows.put(replace(entry, details={**details, **added} or None))


def _store(rows: EntryTable, row: SharedRow) -> SharedRow:
    rows.db.execute(
        "INSERT OR REPLACE INTO memory_shared VALUES (?, ?, ?, ?, ?)",
        (row.memory.id, row.n, msgspec.json.encode(row.memory.fields), row.written_at, row.wish),
    )
    return row


def _decode(id: str, data: bytes) -> SharedMemory:
    from mazu_ls.memory.team.shared_memory import FieldVersion

    stored = msgspec.json.decode(data, type=dict[str, tuple[FieldVersion, ...]])
    return SharedMemory(
        id,
        {
            name: tuple(
                replace(v, value=tuple(v.value)) if isinstance(v.value, list) else v for v in versions
            )
            for name, versions in stored.items()
        },
    )
