"""The one write path: exact and fuzzy deduplication, supersede chains, forgetting that restores what was superseded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.memory.models import (
    Memory,
    MemoryAnchor,
    MemoryEntry,
    Outcome,
    RememberOutcome,
    identifier,
    micros,
    now,
)
from mazu_ls.memory.store.dedupe import RULES
from mazu_ls.memory.store.entries import EntryTable, digest, number, scope_of
from mazu_ls.memory.store.similar import MOST_NAMED, find_similar, similar_memories
from mazu_ls.memory.store.writers import writer_of
from mazu_ls.state.store import select

if TYPE_CHECKING:
    from mazu_ls.memory.store.store import MemoryStore

_MODEL_SOURCES = ("agent", "extracted")


class StoredEntry(NamedTuple):
    """The number of an entry that was remembered, and the numbers of what it replaced and of what it may replace."""

    n: int
    outcome: Outcome
    replaced: int | None = None
    alike: tuple[int, ...] = ()


def remember(rows: EntryTable, entry: MemoryEntry, supersedes: int | None = None) -> StoredEntry:
    """Store `entry` unless it is known."""
    known = _exact(rows, entry)
    if known is not None and known.n != supersedes:
        against = find_similar(rows, entry).against if known.state == "archived" else ()
        n = merge(rows, known, entry)
        if (
            supersedes is None
            or known.supersedes is not None
            or rows.entry(supersedes).superseded_by is not None
        ):
            return StoredEntry(n, "duplicate", None, _numbers(against))
        supersede(rows, supersedes, n)
        return StoredEntry(n, "superseded", supersedes)
    alike: list[int] = []
    if supersedes is None:
        known, against, others = find_similar(rows, entry)
        if known is not None:
            return StoredEntry(merge(rows, known, entry), "duplicate", None, _numbers(against))
        alike = [*_numbers((*against, *others))]
        replaced = against[0] if against else None
        # Untrusted text never replaces a person's, nor a model's text the user's: it is stored in addition.
        if replaced is None or (entry.origin and not replaced.origin) or _is_users(replaced, entry):
            return StoredEntry(rows.insert(entry), "created", None, tuple(alike[:MOST_NAMED]))
        if entry.category == "fact":  # said without a category
            entry = replace(entry, category=replaced.category)
    else:
        replaced = rows.entry(supersedes)
        if replaced.superseded_by is not None:
            newer = identifier(rows.scope, replaced.superseded_by)
            raise MazuError(
                Kind.CONFLICT,
                f"{identifier(rows.scope, supersedes)} was already superseded by {newer}.",
                f"Supersede {newer} instead.",
            )
    n = _supersede(rows, replaced, entry)
    return StoredEntry(n, "superseded", replaced.n, tuple(alike[1 : MOST_NAMED + 1]))


def _numbers(entries: Iterable[MemoryEntry]) -> tuple[int, ...]:
    return tuple(one.n for one in entries if one.n is not None)


def merge(rows: EntryTable, known: MemoryEntry, new: MemoryEntry) -> int:
    """Merge a duplicate: add its tags, anchors and pin to the known entry, restore that from the archive, and count a
    use.

    Its category replaces "fact" with something more specific, but never the user's own choice. What the user says, too, is the
    user's: an undo of the turn in which an agent learned it keeps it.
    """
    assert known.n is not None
    tags = tuple(dict.fromkeys((*known.tags, *new.tags)))
    places = {(a.path, a.symbol, a.range): a for a in (*known.anchors, *new.anchors)}
    merged = replace(
        known,
        category=_merged_category(known, new),
        tags=tags,
        anchors=tuple(places.values()),
        pinned=known.pinned or (new.pinned and not new.origin),
        origin=known.origin if new.origin else None,
        source="user" if new.source == "user" and known.source in _MODEL_SOURCES else known.source,
        state="current" if known.state == "archived" else known.state,
    )
    if merged != known:
        rows.put(replace(merged, updated_at=micros(now())))
    record_use(rows, [known.n])
    return known.n


def _merged_category(known: MemoryEntry, new: MemoryEntry) -> str:
    if (new.category in RULES) != (known.category in RULES):
        return known.category  # what was decided did not go wrong because it was said again
    better = new.category != "fact" and (new.source == "user" or known.source in _MODEL_SOURCES)
    return new.category if better and known.kind == "memory" and not new.origin else known.category


def find_existing(rows: EntryTable, entry: MemoryEntry, supersedes: int | None = None) -> RememberOutcome:
    """Call `remember` as the entry's writer; return records instead of numbers."""
    rows.writer = writer_of(entry.source, entry.session_id)
    done = remember(rows, entry, supersedes)
    replaced = None if done.replaced is None else rows.memory(done.replaced)
    return RememberOutcome(rows.memory(done.n), done.outcome, replaced, tuple(map(rows.memory, done.alike)))


async def remember_in(
    shelf: MemoryStore, shelves: Iterable[MemoryStore], entry: MemoryEntry, supersedes: int | None
) -> RememberOutcome:
    """Call `find_existing` in one of the stores; of the others, which it replaces nothing of, name what may not hold beside it."""
    done = await shelf.write(lambda rows: find_existing(rows, entry, supersedes))
    against: list[Memory] = []
    alike = list(done.alike)
    for other in shelves:
        if other is shelf:
            continue
        found = await other.read(lambda rows: similar_memories(rows, entry))
        against += found.against
        alike += found.alike
    return replace(done, alike=tuple([*against, *alike][:MOST_NAMED]))


def supersede(rows: EntryTable, n: int, by: int) -> Memory:
    """Supersede one memory by another. Raises MazuError(not_found, conflict)."""
    old, new = rows.entry(n), rows.entry(by)
    old_id, new_id = identifier(rows.scope, n), identifier(rows.scope, by)
    if n == by or old.kind != "memory" or new.kind != "memory":
        raise MazuError(Kind.CONFLICT, f"{old_id} cannot be superseded by {new_id}.", "Name two memories.")
    if old.superseded_by is not None or new.superseded_by is not None:
        gone = old_id if old.superseded_by is not None else new_id
        raise MazuError(Kind.CONFLICT, f"{gone} was already superseded.", "Name current memories.")
    if new.supersedes is not None:
        earlier = identifier(rows.scope, new.supersedes)
        raise MazuError(
            Kind.CONFLICT,
            f"{new_id} already supersedes {earlier}.",
            f"Supersede {new_id} first, or forget {old_id}.",
        )
    rows.change(by, supersedes=n, pinned=new.pinned or old.pinned)
    rows.change(n, state="superseded", superseded_by=by, updated_at=old.updated_at)
    return rows.memory(by)


def supersede_by(rows: EntryTable, n: int, by: str) -> Memory:
    """Supersede one memory by another, named by its id. Raises MazuError(not_found, conflict)."""
    if scope_of(by) != rows.scope:
        raise MazuError(
            Kind.CONFLICT,
            f"{identifier(rows.scope, n)} and {by} belong to different scopes, of this project and of all projects.",
            "Remember the new one again in the scope of the old one.",
        )
    return supersede(rows, n, number(by, rows.scope))


def forget(rows: EntryTable, n: int) -> Memory:
    """Delete an entry and return what it was; what it superseded is live again, or superseded by its own successor."""
    entry = rows.entry(n)
    was = rows.memory(n)
    for old in _replaced_by(rows, entry):
        if entry.superseded_by is None:
            stale = any(anchor.state == "stale" for anchor in old.anchors)
            rows.change(old.n or 0, superseded_by=None, state="check" if stale else "current")
        else:
            rows.change(old.n or 0, superseded_by=entry.superseded_by)
    new = None if entry.superseded_by is None else rows.find(entry.superseded_by)
    if new is not None and new.n is not None and new.supersedes == n:
        rows.change(new.n, supersedes=entry.supersedes)
    rows.delete(n)
    return was


def _replaced_by(rows: EntryTable, entry: MemoryEntry) -> list[MemoryEntry]:
    """Return what an entry replaces: the one that it names, unless a colleague's replaced that too, and shared ones in whose
    replacement's place it stands."""
    sql = "SELECT s.n FROM memory_shared s JOIN memory m ON m.n = s.n WHERE m.superseded_by = ?"
    named = [] if entry.supersedes is None else [entry.supersedes]
    numbers = dict.fromkeys([*named, *(n for (n,) in select(rows.db, sql, (entry.n,)))])
    found = (rows.find(n) for n in numbers)
    return [one for one in found if one is not None and one.superseded_by == entry.n]


def record_use(rows: EntryTable, numbers: Sequence[int], at: int | None = None) -> None:
    """Count one use of each; uses within the same hour are one."""
    stamp = at or micros(now())
    rows.db.executemany(
        "INSERT INTO memory_use VALUES (?1, 1, ?2) ON CONFLICT (n) DO UPDATE SET"
        " uses = uses + (?2 - last_used_at > 3600000000), last_used_at = max(last_used_at, ?2)",
        [(n, stamp) for n in numbers],
    )


def set_anchors(entry: MemoryEntry, anchors: Sequence[MemoryAnchor]) -> MemoryEntry:
    """Return the entry with these anchors; they decide whether it is current or stale."""
    if entry.state not in ("current", "check"):
        return replace(entry, anchors=tuple(anchors))
    doubt = any(anchor.state == "stale" for anchor in anchors)
    return replace(entry, anchors=tuple(anchors), state="check" if doubt else "current")


def _supersede(rows: EntryTable, old: MemoryEntry, entry: MemoryEntry) -> int:
    assert old.n is not None
    by_model = entry.source in _MODEL_SOURCES  # a pin is the user's choice
    n = rows.insert(replace(entry, supersedes=old.n, pinned=entry.pinned or (old.pinned and not by_model)))
    rows.change(old.n, state="superseded", superseded_by=n, updated_at=old.updated_at)
    return n


def _is_users(old: MemoryEntry, entry: MemoryEntry) -> bool:
    """Return whether a model would replace what the user or a colleague wrote, or what is pinned."""
    return entry.source in _MODEL_SOURCES and (old.source in ("user", "shared") or old.pinned)


def _exact(rows: EntryTable, entry: MemoryEntry) -> MemoryEntry | None:
    return next(
        rows.entries(
            "digest = ? AND kind = ? AND state != 'superseded'",
            (digest(entry.title, entry.body), entry.kind),
            "ORDER BY n LIMIT 1",
        ),
        None,
    )
