"""Recall over several stores as one: measure the terms, gather candidates, rank them together, say why."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.memory import index
from mazu_ls.memory.rank import Candidate, rank
from mazu_ls.memory.record import Memory
from mazu_ls.memory.rows import Rows
from mazu_ls.memory.semantic import Vectors
from mazu_ls.memory.tokens import LANGUAGES, query_terms, terms
from mazu_ls.store import select

if TYPE_CHECKING:
    import apsw

    from mazu_ls.memory.shelf import Shelf

LANGUAGE_WEIGHT = 0.3
MATCH_WEIGHT = 0.5
_SESSION_TOP = 30
_CONVERSATION = 10
_OF_SESSION = "SELECT n FROM memory WHERE session_id = ? LIMIT ?"
_NEIGHBOURS = (
    "SELECT (SELECT max(n) FROM memory WHERE session_id = ?1 AND n < ?2),"
    " (SELECT min(n) FROM memory WHERE session_id = ?1 AND n > ?2)"
)
_ANCHORED = 20
_WORD = re.compile(r"[\w./#-]*\w")


@dataclass(frozen=True)
class Query:
    """Terms and their weights, and what else bears on a recall. `files` are open or edited; `at` is now, microseconds."""

    weights: Mapping[str, float]
    where: index.Filter
    at: int
    text: str = ""
    files: frozenset[str] = frozenset()
    forgetting: bool = True
    with_anchored: bool = False
    vectors: Vectors | None = None

    def with_archived(self) -> Query:
        """The same query, over what was archived too."""
        return dataclasses.replace(self, where=self.where._replace(states=self.where.states | {"archived"}))


@dataclass
class Found:
    """The ranked candidates, and the words of the query behind its terms, to say why."""

    ranked: list[Candidate]
    words: dict[str, str] = field(default_factory=dict)


def weigh(parts: Sequence[tuple[str, float]]) -> dict[str, float]:
    """The terms of several texts; each counts with the greatest weight of the texts it stands in."""
    weights: dict[str, float] = {}
    for text, weight in parts:
        found = query_terms(text)
        named = [term for term in found if term in LANGUAGES]
        lessened = LANGUAGE_WEIGHT if len(found) - len(named) >= 2 else 1.0
        for term in found:
            own = weight * (lessened if term in named else 1.0)
            weights[term] = max(own, weights.get(term, 0.0))
    return weights


async def find(shelves: Sequence[Shelf], query: Query) -> Found:
    """The ranked candidates of all `shelves`."""
    names = list(query.weights)[: index.MAX_QUERY_TERMS]
    corpora = await asyncio.gather(
        *(shelf.reader.read(lambda db: index.measure(db, names, query.where)) for shelf in shelves)
    )
    corpus = index.Corpus.joined(corpora, names)
    telling = [name for name in names if query.weights[name] >= MATCH_WEIGHT and name in corpus.frequency]
    chosen = index.bounded(corpus, telling or names)
    others = index.bounded(corpus, [name for name in names if name not in telling])
    gathered = await asyncio.gather(
        *(
            shelf.reader.read(lambda db, scope=shelf.scope: gather(db, scope, (chosen, others), query))
            for shelf in shelves
        )
    )
    found = [candidate for some in gathered for candidate in some]
    weights = {name: query.weights[name] for name in names}
    ranked = await shelves[0].reader.read(
        lambda _: rank(weights, corpus, found, query.at, forgetting=query.forgetting, vectors=query.vectors)
    )
    return Found(ranked, _words(query.text))


def gather(db: apsw.Connection, scope: str, names: Sequence[Sequence[str]], query: Query) -> list[Candidate]:
    """The candidates of one store: the best of the index, their neighbours in a session, what is anchored in open files.

    The second group of `names` is asked for only where the first leaves room.
    """
    best = index.candidates(db, names[0], query.where)
    if len(best) < index.CANDIDATES:
        best = list(dict.fromkeys(best + index.candidates(db, names[1], query.where)))[: index.CANDIDATES]
    anchored = _anchored(db, query.files)
    beside = _beside(db, best[:_SESSION_TOP])
    wanted = dict.fromkeys(best)
    wanted.update(dict.fromkeys(n for pair in beside.values() for n in pair if n is not None))
    if query.with_anchored:
        wanted.update(dict.fromkeys(sorted(anchored, reverse=True)[:_ANCHORED]))
    found = [c for n in wanted if (c := _candidate(db, scope, n, query.where)) is not None]
    for c in found:
        c.before, c.after = beside.get(c.n, (None, None))
        c.in_files = c.n in anchored
    _both_ways(found)
    return found


async def memories(shelves: Sequence[Shelf], found: Found, limit: int) -> list[Memory]:
    """The first `limit` of a recall as memories with score and why."""
    chosen = found.ranked[:limit]
    by_place: dict[tuple[str, int], Memory] = {}
    for shelf in shelves:
        numbers = [c.n for c in chosen if c.scope == shelf.scope]
        if numbers:
            some = await shelf.reader.read(lambda db, s=shelf.scope, ns=numbers: _read(Rows(db, s), ns))
            by_place.update(((shelf.scope, n), memory) for n, memory in some.items())
    return [
        replace(
            by_place[c.scope, c.n], score=round(c.score, 4), why=why(c, by_place[c.scope, c.n], found.words)
        )
        for c in chosen
        if (c.scope, c.n) in by_place
    ]


def why(c: Candidate, memory: Memory, words: Mapping[str, str]) -> str:
    """In a few words why a memory was chosen."""
    matched = set(c.matched)
    said = list(dict.fromkeys(word for term, word in words.items() if term in matched))
    reasons = (
        [f"matches {', '.join(said[:5])}" + (f" and {len(said) - 5} more" if len(said) > 5 else "")]
        if said
        else []
    )
    reasons += c.reasons
    if memory.pinned:
        reasons.append("pinned")
    if memory.use_count:
        reasons.append(f"used {memory.use_count} time{'s' if memory.use_count > 1 else ''}")
    if memory.state == "check":
        reasons.append("may be out of date")
    elif memory.state != "current":
        reasons.append(memory.state)
    if memory.origin:
        reasons.append(f"untrusted, from {memory.origin}")
    return "; ".join(reasons) or "matches in part"


def _words(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in _WORD.findall(text[:2000]):
        for term in terms(word):
            found.setdefault(term, word[:40])
    return found


def _read(rows: Rows, numbers: Sequence[int]) -> dict[int, Memory]:
    marks = ", ".join("?" * len(numbers))
    entries = list(rows.entries(f"n IN ({marks})", numbers))
    return {
        entry.n: memory
        for entry, memory in zip(entries, rows.memories(entries), strict=True)
        if entry.n is not None
    }


def _anchored(db: apsw.Connection, files: frozenset[str]) -> set[int]:
    if not files:
        return set()
    marks = ", ".join("?" * len(files))
    return {n for (n,) in select(db, f"SELECT n FROM memory_anchor WHERE path IN ({marks})", tuple(files))}


def _beside(db: apsw.Connection, numbers: Sequence[int]) -> dict[int, tuple[int | None, int | None]]:
    """The entries before and after each in its session, where that is a conversation and not a handful of facts."""
    talks: dict[str, bool] = {}
    found: dict[int, tuple[int | None, int | None]] = {}
    for n in numbers:
        for (session,) in select(
            db, "SELECT session_id FROM memory WHERE n = ? AND session_id IS NOT NULL", (n,)
        ):
            if session not in talks:
                talks[session] = len(select(db, _OF_SESSION, (session, _CONVERSATION))) == _CONVERSATION
            if talks[session]:
                found[n] = select(db, _NEIGHBOURS, (session, n))[0]
    return found


def _both_ways(found: Sequence[Candidate]) -> None:
    by_number = {c.n: c for c in found}
    for c in found:
        if (before := by_number.get(c.before or 0)) is not None:
            before.after = c.n
        if (after := by_number.get(c.after or 0)) is not None:
            after.before = c.n


def _candidate(db: apsw.Connection, scope: str, n: int, where: index.Filter) -> Candidate | None:
    row = select(
        db,
        "SELECT m.kind, m.state, m.terms, m.length, m.category, m.pinned, coalesce(u.uses, 0),"
        " max(m.created_at, m.updated_at, coalesce(u.last_used_at, 0))"
        " FROM memory m LEFT JOIN memory_use u ON u.n = m.n WHERE m.n = ?",
        (n,),
    )
    if not row:
        return None
    kind, state, stored, length, category, pinned, uses, touched = row[0]
    if kind not in where.kinds or state not in where.states or where.category not in (None, category):
        return None
    return Candidate(scope, n, stored, length, category, bool(pinned), uses, touched)
