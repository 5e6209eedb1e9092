"""The full-text index (SQLite FTS5): its terms, how rare a term is, which entries are worth ranking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls.memory.search.language import detect_language
from mazu_ls.memory.search.tokens import terms
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

TITLE_WEIGHT, BODY_WEIGHT, ANCHOR_WEIGHT = 2.0, 1.0, 0.5
CANDIDATES = 100
MAX_MATCH_TERMS = 12
MAX_REACHED = 20_000
MAX_QUERY_TERMS = 48
_WHOLE_TERMS = 1000
# CROSS JOIN keeps the order: each term is looked up, while a plain join may read the whole vocabulary.
_OCCURRING = (
    "WITH asked (term) AS (VALUES {}) SELECT v.term, v.doc FROM asked CROSS JOIN memory_vocabulary v"
    " WHERE v.term = asked.term"
)


class IndexedTerms(NamedTuple):
    """Terms of title, body and anchors of one entry, and their weighted number."""

    title: list[str]
    body: list[str]
    anchor: list[str]

    @property
    def length(self) -> float:
        return (
            len(self.title) * TITLE_WEIGHT + len(self.body) * BODY_WEIGHT + len(self.anchor) * ANCHOR_WEIGHT
        )

    def stored(self) -> str:
        """Return what ranking reads: three lines. Past the first thousand terms of a long body each term is kept once."""
        body = self.body
        if len(body) > _WHOLE_TERMS:
            head = body[:_WHOLE_TERMS]
            body = head + list(dict.fromkeys(body[_WHOLE_TERMS:]).keys() - set(head))
        return f"{' '.join(self.title)}\n{' '.join(body)}\n{' '.join(self.anchor)}"


class RecallFilter(NamedTuple):
    """Which entries may be found at all."""

    kinds: frozenset[str] = frozenset({"memory", "page", "summary"})
    states: frozenset[str] = frozenset({"current", "check"})
    category: str | None = None


class CorpusStatistics(NamedTuple):
    """Statistics of all entries for ranking: how many, their mean length, how many hold each term."""

    entries: int
    length: float
    frequency: dict[str, int]

    @staticmethod
    def joined(corpora: Sequence[CorpusStatistics], names: Iterable[str]) -> CorpusStatistics:
        """Combine several stores into one, so that their scores are comparable."""
        return CorpusStatistics(
            sum(c.entries for c in corpora),
            sum(c.length for c in corpora),
            {name: sum(c.frequency.get(name, 0) for c in corpora) for name in names},
        )


def analyze(title: str, body: str, anchors: Iterable[tuple[str, str]]) -> IndexedTerms:
    """Return the index terms of one entry; `anchors` are pairs of path and symbol."""
    language = detect_language(f"{title}\n{body}")
    return IndexedTerms(
        terms(title, language),
        terms(body, language),
        terms(" ".join(f"{path} {symbol}" for path, symbol in anchors)),
    )


def add(db: apsw.Connection, n: int, indexed: IndexedTerms, flags: str) -> None:
    """Index entry `n`."""
    db.execute(
        "INSERT INTO memory_index (rowid, title, body, anchor, flags) VALUES (?, ?, ?, ?, ?)",
        (n, " ".join(indexed.title), " ".join(indexed.body), " ".join(indexed.anchor), flags),
    )


def remove(db: apsw.Connection, n: int) -> None:
    """Remove entry `n` from the index."""
    db.execute("DELETE FROM memory_index WHERE rowid = ?", (n,))


def flags(kind: str, state: str, category: str) -> str:
    """Return the filter terms of one entry."""
    return f"{_flag('k', kind)} {_flag('s', state)} {_flag('c', category)}"


def corpus_statistics(db: apsw.Connection, names: Sequence[str], where: RecallFilter) -> CorpusStatistics:
    """Return how many entries `where` admits, their total length, and in how many each term occurs (in any state)."""
    entries = length = 0
    for kind, state, count, total in select(db, "SELECT kind, state, entries, length FROM memory_count"):
        if kind in where.kinds and state in where.states:
            entries, length = entries + count, length + total
    occurring = _OCCURRING.format(", ".join(["(?)"] * len(names))) if names and _any_entry(db) else ""
    return CorpusStatistics(entries, length, dict(select(db, occurring, names)) if occurring else {})


def _any_entry(db: apsw.Connection) -> bool:
    return bool(select(db, "SELECT 1 FROM memory LIMIT 1"))


def bound_terms(corpus: CorpusStatistics, names: Iterable[str], most: int = MAX_REACHED) -> list[str]:
    """Return the rarest terms that occur, until together they reach enough entries: this keeps a query of common words
    fast."""
    budget = min(most, max(5_000, corpus.entries // 5))
    kept: list[str] = []
    reached = 0
    for count, name in sorted((corpus.frequency.get(name, 0), name) for name in names):
        if not count:
            continue
        if kept and (reached + count > budget or len(kept) >= MAX_MATCH_TERMS):
            break
        kept.append(name)
        reached += count
    return kept


def candidates(
    db: apsw.Connection, names: Sequence[str], where: RecallFilter, limit: int = CANDIDATES
) -> list[int]:
    """Return the `limit` best entries by FTS5's BM25 (weights: title 2, body 1, anchor 0.5)."""
    if not names:
        return []
    match = f"{{title body anchor}} : ({' OR '.join(_quoted(name) for name in names)}){_condition(where)}"
    rows = select(
        db,
        "SELECT rowid FROM memory_index WHERE memory_index MATCH ? ORDER BY bm25(memory_index, ?, ?, ?, 0) LIMIT ?",
        (match, TITLE_WEIGHT, BODY_WEIGHT, ANCHOR_WEIGHT, limit),
    )
    return [n for (n,) in rows]


ALL_KINDS: Mapping[str, str] = {
    kind: f"k{kind}" for kind in ("memory", "page", "summary", "trait", "relation")
}
ALL_STATES: Mapping[str, str] = {
    state: f"s{state}" for state in ("current", "check", "superseded", "archived")
}


def _condition(where: RecallFilter) -> str:
    refused = [flag for kind, flag in ALL_KINDS.items() if kind not in where.kinds]
    refused += [flag for state, flag in ALL_STATES.items() if state not in where.states]
    wanted = f" AND flags : {_quoted(_flag('c', where.category))}" if where.category else ""
    unwanted = f" NOT flags : ({' OR '.join(map(_quoted, refused))})" if refused else ""
    return wanted + unwanted


def _flag(prefix: str, value: str) -> str:
    return prefix + value.replace("_", "")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
