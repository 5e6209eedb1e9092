"""What a store holds that a new memory repeats, contradicts or may replace."""

from __future__ import annotations

from typing import NamedTuple

from mazu_ls.memory.models import Memory, MemoryEntry
from mazu_ls.memory.search import index
from mazu_ls.memory.search.tokens import query_terms
from mazu_ls.memory.store.dedupe import compare_memories
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.state.store import select

MOST_NAMED = 3
"""So many memories that may no longer hold are named beside a new one."""
_RAREST, _REACHED = 6, 2_000
_CANDIDATES = 50
_COMPARED = 8
_ALIKE = 55
_LIVE = index.RecallFilter(kinds=frozenset({"memory"}), states=frozenset({"current", "check", "archived"}))


class SimilarEntries(NamedTuple):
    """What says the same, what the new one contradicts, and what differs in one thing; the likest first. Beside what says the same
    nothing else is listed, unless that is archived and comes back."""

    same: MemoryEntry | None = None
    against: tuple[MemoryEntry, ...] = ()
    alike: tuple[MemoryEntry, ...] = ()


class SimilarMemories(NamedTuple):
    """What the new one contradicts, and what differs from it in one thing."""

    against: tuple[Memory, ...] = ()
    alike: tuple[Memory, ...] = ()


def find_similar(rows: EntryTable, entry: MemoryEntry) -> SimilarEntries:
    """Compare a new entry with those that share its rarest words; one that is stored already, with the others."""
    from rapidfuzz import fuzz, process

    names = query_terms(entry.title)[: index.MAX_QUERY_TERMS]
    rarest = index.bound_terms(index.corpus_statistics(rows.db, names, _LIVE), names, _REACHED)[:_RAREST]
    found = [n for n in index.candidates(rows.db, rarest, _LIVE, _CANDIDATES) if n != entry.n]
    if not found:
        return SimilarEntries()
    marks = ", ".join("?" * len(found))
    stored = select(rows.db, f"SELECT n, title, body FROM memory WHERE n IN ({marks})", found)
    texts = {n: f"{title}\n{body[:2000]}" for n, title, body in stored}
    new = f"{entry.title}\n{entry.body[:2000]}"
    best = process.extract(new, texts, scorer=fuzz.token_set_ratio, score_cutoff=_ALIKE, limit=_COMPARED)
    same_title = [
        n for n, text in texts.items() if text.split("\n", 1)[0].casefold() == entry.title.casefold()
    ]
    archived: MemoryEntry | None = None
    against: list[MemoryEntry] = []
    alike: list[MemoryEntry] = []
    for n in dict.fromkeys([*same_title[:_COMPARED], *(n for _, _, n in best)]):
        old = rows.entry(n)
        verdict = compare_memories(entry, old)
        if verdict == "same" and old.state != "archived":
            return SimilarEntries(old)
        if verdict == "same":
            archived = archived or old
        elif old.state != "archived" and verdict != "different":
            (against if verdict == "changed" else alike).append(old)
    return SimilarEntries(archived, tuple(against), tuple(alike))


def similar_memories(rows: EntryTable, entry: MemoryEntry) -> SimilarMemories:
    """Return what may not hold beside an entry in a store to which it does not belong: nothing where that says the same."""
    _, against, alike = find_similar(rows, entry)
    return SimilarMemories(tuple(rows.memories(against)), tuple(rows.memories(alike)))
