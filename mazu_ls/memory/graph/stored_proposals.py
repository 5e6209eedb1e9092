"""What consolidation proposed, stored under ids: applied as it was shown, one by one or all, or dismissed for good."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.graph.consolidate import (
    Consolidation,
    ConsolidationProposal,
    archive_entry,
    summarize,
    write_page,
)
from mazu_ls.memory.models import Memory, now
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.writers import CONSOLIDATION
from mazu_ls.state.store import select

KEPT = 20
Decision = Literal["applied", "dismissed"]
_LIST = "`mazu-ls memory consolidate --last` lists them."


def store_proposals(rows: EntryTable, plan: Consolidation) -> Consolidation:
    """Store what was found, each with an id, but for what was dismissed before and has not changed since. Needs a
    transaction."""
    runs = _stored(rows)
    dismissed = {_subject(p) for run in runs.values() for p in run.proposals if p.state == "dismissed"}
    seen = [replace(p, seen=_fingerprint(rows, p), titles=_titles(rows, p)) for p in plan.proposals]
    number = max(runs, default=0) + 1
    kept = tuple(
        replace(p, id=f"c{number}.{at}")
        for at, p in enumerate((p for p in seen if _subject(p) not in dismissed), 1)
    )
    found = replace(plan, proposals=kept, at=now(), digest=summarize(kept, plan.looked_at))
    _put(rows, number, found)
    rows.db.execute("DELETE FROM memory_consolidation WHERE n <= ?", (number - KEPT,))
    return found


def find_proposals(rows: EntryTable, ids: Sequence[str] = ()) -> Consolidation:
    """Return the last result, or that with these proposals, and them alone. Raises MazuError(not_found), InvalidArguments."""
    number = _number(rows, ids)
    run = _stored(rows)[number]
    return replace(run, proposals=tuple(p for p in run.proposals if not ids or p.id in ids))


def would_apply(rows: EntryTable, ids: Sequence[str] = ()) -> bool:
    """Return whether `decide` would apply anything. Raises what that would raise."""
    chosen = _choose(rows, _number(rows, ids), ids, "applied")
    return any(p.kind != "role" and _is_unchanged(rows, p) for p in chosen)


def decide(rows: EntryTable, ids: Sequence[str], decision: Decision) -> Consolidation:
    """Apply or dismiss proposals as they were stored: these, or all open ones of the last time. Needs a transaction.

    One about memories that changed since is not applied: it becomes `stale`. A line of the role document stays open. Raises
    MazuError(not_found, conflict), InvalidArguments.
    """
    rows.writer = CONSOLIDATION
    number = _number(rows, ids)
    run = _stored(rows)[number]
    chosen = _choose(rows, number, ids, decision)
    unchanged = {p.id for p in chosen if _is_unchanged(rows, p)}  # before the first is applied
    archived, pages = list[Memory](), list[Memory]()
    states: dict[str, Literal["applied", "dismissed", "stale"]] = {}
    for p in chosen:
        if decision == "dismissed":
            states[p.id] = "dismissed"
        elif p.id not in unchanged:
            states[p.id] = "stale"
        elif p.kind == "page":
            pages.append(write_page(rows, p))
            states[p.id] = "applied"
        elif p.kind != "role":
            archived += [archive_entry(rows, id) for id in p.ids]
            states[p.id] = "applied"
    proposals = tuple(replace(p, state=states.get(p.id, p.state)) for p in run.proposals)
    decided = replace(
        run,
        proposals=proposals,
        archived=(*run.archived, *archived),
        pages=(*run.pages, *pages),
        applied=run.applied or "applied" in states.values(),
        digest=summarize(proposals, run.looked_at),
    )
    _put(rows, number, decided)
    left = tuple(p.id for p in chosen if p.kind != "role" and states[p.id] == "stale")
    return replace(decided, not_applied=left)


def _choose(
    rows: EntryTable, number: int, ids: Sequence[str], decision: Decision
) -> list[ConsolidationProposal]:
    """Return the proposals to decide on. Raises MazuError(conflict) for one that cannot be."""
    run = _stored(rows)[number]
    chosen = [p for p in run.proposals if (p.id in ids if ids else p.state == "open")]
    for p in chosen:
        if p.state not in ("open", "stale"):
            raise MazuError(Kind.CONFLICT, f"{p.id} was {p.state} already.", _LIST)
        if ids and p.kind == "role" and decision == "applied":
            raise MazuError(
                Kind.CONFLICT,
                f"{p.id} is a line of the role document, which only you write.",
                f"Add it there: {p.text}",
            )
    return chosen


def _is_unchanged(rows: EntryTable, p: ConsolidationProposal) -> bool:
    return _fingerprint(rows, p) == p.seen


def _stored(rows: EntryTable) -> dict[int, Consolidation]:
    kept = select(rows.db, "SELECT n, found FROM memory_consolidation ORDER BY n")
    return {n: msgspec.json.decode(found, type=Consolidation) for n, found in kept}


def _put(rows: EntryTable, number: int, found: Consolidation) -> None:
    rows.db.execute(
        "INSERT OR REPLACE INTO memory_consolidation (n, found) VALUES (?, ?)",
        (number, msgspec.json.encode(found)),
    )


def _number(rows: EntryTable, ids: Sequence[str]) -> int:
    """Return the number of the stored result that has all these proposals; without ids of the last one."""
    runs = _stored(rows)
    if not runs:
        raise MazuError(
            Kind.NOT_FOUND, "Memory was not consolidated yet.", "`mazu-ls memory consolidate` looks it over."
        )
    if not ids:
        return max(runs)
    places = {p.id: number for number, run in runs.items() for p in run.proposals}
    if unknown := [id for id in ids if id not in places]:
        raise MazuError(Kind.NOT_FOUND, f"No proposal is called {', '.join(unknown[:5])}.", _LIST)
    numbers = {places[id] for id in ids}
    if len(numbers) > 1:
        raise InvalidArguments("these proposals are of different times; name those of one", "ids")
    return numbers.pop()


def _subject(p: ConsolidationProposal) -> tuple[object, ...]:
    return p.kind, p.ids, p.keep, p.slug, p.text, p.seen


def _sources(p: ConsolidationProposal) -> list[int]:
    return [int(id[2:]) for id in (*p.ids, *([p.keep] if p.keep else []))]


def _titles(rows: EntryTable, p: ConsolidationProposal) -> tuple[str, ...]:
    return tuple(entry.title if (entry := rows.find(n)) else "" for n in _sources(p))


def _fingerprint(rows: EntryTable, p: ConsolidationProposal) -> str:
    """Return a hash of all that a proposal rests on: the texts and states of its memories, a page that it would replace, and the
    uses of what has faded."""
    parts: list[object] = []
    for n in _sources(p):
        entry = rows.find(n)
        live = entry is not None and entry.state in ("current", "check")
        parts.append(
            entry and (entry.title, entry.body, entry.category, entry.pinned, list(entry.tags), live)
        )
        if p.kind == "archive_faded":
            parts.append(select(rows.db, "SELECT uses FROM memory_use WHERE n = ?", (n,)))
    if p.slug is not None:
        page = rows.keyed("page", p.slug)
        parts.append(page and (page.title, page.body))
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
