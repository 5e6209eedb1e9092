"""Recall over several stores as one: weigh the terms, gather candidates, rank them together, explain each."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from mazu_ls.memory.embeddings.query_embedding import QueryEmbedding
from mazu_ls.memory.models import ONLY_NEAREST, Memory
from mazu_ls.memory.search import index
from mazu_ls.memory.search.language import detect_language, is_english
from mazu_ls.memory.search.rank import BY_MEANING, SHORT, RecallCandidate, rank
from mazu_ls.memory.search.related_words import load_related_words
from mazu_ls.memory.search.tokens import LANGUAGES, query_alternatives, query_terms, terms
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.state.store import select

if TYPE_CHECKING:
    import apsw

    from mazu_ls.memory.store.store import MemoryStore

LANGUAGE_WEIGHT = 0.3
MATCH_WEIGHT = 0.5
MATCH_FROM, MATCH_GROWTH = 0.195, 0.024
"""Minimum closeness for a match without shared words: cosine plus the usual cosine of the query with the store, at least the first
number, plus the second for each e-fold of entries from 8 to 400. A query from the store's own field is closer to all of it, and among
more entries chance comes closer. Nine of ten right answers among the first five are above, in stores of every size
(benchmarks/recall_paraphrase.py)."""
ONE_WORD = 0.045
"""Added to that minimum for a query of one word: it says little of what is meant, and twice as many memories are that close by chance."""
_FEWEST, _MOST = 8, 400
KINSHIP = 0.1
"""What one related word for each word of the question adds to closeness, times the square root of their number."""
_ASKED_CHARACTERS = 2_000
_NEVER = 3.0
DOUBTFUL, WORTH_SHOWING = 0.16, 0.1
"""The cosine from which an entry is shown, as no match, together with matches: anywhere among them, or among the first five. An
answer is below the second once in twenty times."""
NEAREST_ALONE, NEAREST_BESIDE, WEAK_SCORE = 3, 5, 0.25
FAR_BEHIND = 0.4
"""What shares no word with the query and is less than this part as close as the nearest entry is no match beside it."""
_SESSION_TOP = 30
_CONVERSATION = 10
_OF_SESSION = "SELECT n FROM memory WHERE session_id = ? LIMIT ?"
_NEIGHBOURS = (
    "SELECT (SELECT max(n) FROM memory WHERE session_id = ?1 AND n < ?2),"
    " (SELECT min(n) FROM memory WHERE session_id = ?1 AND n > ?2)"
)
_ANCHORED = 20
_WORD = re.compile(r"[\w./#-]*\w")

log = logging.getLogger(__name__)


class RecallQuery(Struct, frozen=True):
    """Terms and their weights, and the context of a recall. `files` are open or edited; `at` is now, microseconds."""

    weights: Mapping[str, float]
    where: index.RecallFilter
    at: int
    text: str = ""
    files: frozenset[str] = frozenset()
    forgetting: bool = True
    with_anchored: bool = False
    meaning: QueryEmbedding | None = None
    """None if recall uses words alone."""

    def with_archived(self) -> RecallQuery:
        """Return the same query, including archived memories."""
        return replace(self, where=self.where._replace(states=self.where.states | {"archived"}))


class RankedMemories(Struct):
    """The ranked candidates, and the words of the query behind its terms, for explanations."""

    ranked: list[RecallCandidate]
    words: dict[str, str] = field(default_factory=dict)
    only_nearest: bool = False
    """Nothing matches; these are merely the nearest in meaning."""
    entries: int = 0
    """The number of entries that were searched."""


def weigh_terms(parts: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Return the terms of several texts; each with its greatest weight in any of them."""
    weights: dict[str, float] = {}
    for text, weight in parts:
        found = query_terms(text)
        named = [term for term in found if term in LANGUAGES]
        lessened = LANGUAGE_WEIGHT if len(found) - len(named) >= 2 else 1.0
        alternatives = query_alternatives(text) if weight >= 1 else {}
        for term in [*found, *alternatives]:
            own = weight * (lessened if term in named else 1.0)
            weights[term] = max(own, weights.get(term, 0.0))
    return weights


async def find(shelves: Sequence[MemoryStore], query: RecallQuery) -> RankedMemories:
    """Return the ranked candidates of all `shelves`."""
    names = _asked(query.weights)
    corpora = await asyncio.gather(
        *(shelf.reader.read(lambda db: index.corpus_statistics(db, names, query.where)) for shelf in shelves)
    )
    corpus = index.CorpusStatistics.joined(corpora, names)
    asked = _weigh_alternatives(names, query, corpus)
    names = list(asked)
    telling = [name for name in names if query.weights[name] >= MATCH_WEIGHT and name in corpus.frequency]
    chosen = index.bound_terms(corpus, telling or names)
    others = index.bound_terms(corpus, [name for name in names if name not in telling])
    gathered = await asyncio.gather(
        *(
            shelf.reader.read(lambda db, of=shelf: gather(db, of, (chosen, others), query))
            for shelf, own in zip(shelves, corpora, strict=True)
            if own.entries
        )
    )
    found = [candidate for some in gathered for candidate in some]
    ranked = await shelves[0].reader.read(
        lambda _: rank(asked, corpus, found, query.at, forgetting=query.forgetting)
    )
    known = query.meaning is not None and query.meaning.known
    least = closeness_threshold(corpus.entries) if known else _NEVER
    least += ONE_WORD * (len(query_terms(query.text)) == 1)
    result = _separate_weak(ranked, _words(query.text), least)
    result.entries = corpus.entries
    return result


def closeness_threshold(entries: int, least: float = MATCH_FROM, growth: float = MATCH_GROWTH) -> float:
    """Return the minimum of cosine plus usual cosine for a match by meaning alone in a store of so many entries."""
    return least + growth * math.log(min(max(entries, _FEWEST), _MOST) / _FEWEST)


def _weigh_alternatives(
    names: Sequence[str], query: RecallQuery, corpus: index.CorpusStatistics
) -> dict[str, float]:
    """Return the query's terms with their weights: of a word and its stem in another language those that occur, as one term together."""
    asked = {name: query.weights[name] for name in names}
    for stem, term in query_alternatives(query.text).items():
        if stem not in asked or term not in asked:
            continue
        if not corpus.frequency.get(stem):
            del asked[stem]
        elif not corpus.frequency.get(term):
            del asked[term]
        else:
            asked[stem] /= 2
            asked[term] /= 2
    return asked


def _separate_weak(
    ranked: list[RecallCandidate], words: dict[str, str], close_enough: float
) -> RankedMemories:
    """Keep what matches by words, by meaning or by an open file; of the merely nearest only the first few, marked."""
    nearest = max((c.closeness for c in ranked), default=0.0)
    for c in ranked:
        by_meaning = not c.matched and not c.in_files and c.reasons in ([], [BY_MEANING])
        is_far = c.closeness + c.usual_closeness < close_enough
        c.weak = by_meaning and is_far
        if is_far:
            c.reasons = [reason for reason in c.reasons if reason != BY_MEANING]
        if c.weak:
            c.reasons = [ONLY_NEAREST]
            c.score = min(c.score, WEAK_SCORE)
        elif by_meaning and c.closeness < FAR_BEHIND * nearest:
            c.reasons = [ONLY_NEAREST]
    sure = any(not c.weak for c in ranked)
    if not sure:
        return RankedMemories(ranked[:NEAREST_ALONE], words, only_nearest=True)
    return RankedMemories(
        [
            c
            for at, c in enumerate(ranked)
            if not c.weak or c.closeness >= (WORTH_SHOWING if at < NEAREST_BESIDE else DOUBTFUL)
        ],
        words,
    )


def _asked(weights: Mapping[str, float]) -> list[str]:
    """Return at most 48 terms. Of a long text those of its beginning and end: the question is at one of them."""
    full = [name for name, weight in weights.items() if weight >= 1]
    aside = [name for name in weights if name not in full]
    room = index.MAX_QUERY_TERMS - min(len(aside), index.MAX_QUERY_TERMS // 4)
    if len(full) > room:
        full = [*full[: room // 2], *full[-(room // 2) :]]
    return [*full, *aside][: index.MAX_QUERY_TERMS]


def gather(
    db: apsw.Connection, shelf: MemoryStore, names: Sequence[Sequence[str]], query: RecallQuery
) -> list[RecallCandidate]:
    """Gather the candidates of one store: the best of the index, the nearest in meaning, neighbours in a session, entries anchored in
    open files.

    The second group of `names` is used only if the first leaves room.
    """
    best = index.candidates(db, names[0], query.where)
    if len(best) < index.CANDIDATES:
        best = list(dict.fromkeys(best + index.candidates(db, names[1], query.where)))[: index.CANDIDATES]
    anchored = _anchored(db, query.files)
    wanted = dict.fromkeys(best)
    if query.with_anchored:
        wanted.update(dict.fromkeys(sorted(anchored, reverse=True)[:_ANCHORED]))
    cosines: dict[int, float] | None = None
    if query.meaning is not None:
        try:
            near, cosines = shelf.vectors.search(db, query.meaning.vector, also=list(wanted))
            wanted.update(dict.fromkeys(near))
        except Exception:  # whatever is wrong with vectors, words still work
            log.warning("recall uses words only: the vectors of a store cannot be read", exc_info=True)
    found = _load(db, shelf.scope, list(wanted), query.where)
    found += _conversations(db, shelf.scope, found, set(best[:_SESSION_TOP]), query.where)
    language = detect_language(query.text)
    known = bool(language) or is_english(query.text)
    for c in found:
        c.in_files = c.n in anchored
        c.same_language = known and detect_language(c.title) == language
    if cosines is not None and query.meaning is not None and found:
        _measure_closeness(db, shelf, query.meaning, found, cosines)
        _add_kinship(query.text, found)
    return found


def _measure_closeness(
    db: apsw.Connection,
    shelf: MemoryStore,
    meaning: QueryEmbedding,
    found: Sequence[RecallCandidate],
    cosines: dict[int, float],
) -> None:
    """Set how close each candidate is to the query, and how close the store is to it on average. `cosines` are those that are known."""
    try:
        others = [c.n for c in found if c.n not in cosines]
        cosines.update(shelf.vectors.closeness(db, others, meaning.vector))
        usual = shelf.vectors.mean(db)
        mean = usual.closeness(shelf.vectors.fit(meaning.vector, len(usual.vector))) if usual.size else 0.0
    except Exception:
        log.warning("recall uses words only: the vectors of a store cannot be read", exc_info=True)
        return
    for c in found:
        c.closeness = cosines.get(c.n, 0.0)
        c.usual_closeness = usual.usual_closeness(mean, c.closeness)
        c.has_vector = c.n in cosines


def _add_kinship(text: str, found: Sequence[RecallCandidate]) -> None:
    """Count related words as closeness: in short facts in full, in longer texts, which hold more of them by chance, less."""
    related = load_related_words()
    if related is None:
        return
    asked = related.ask(text[:_ASKED_CHARACTERS])
    for c in found:
        if c.has_vector and not c.talk:
            title, body, _ = c.terms.split("\n")
            kinship = asked.kinship({*title.split(" "), *body.split(" ")})
            c.closeness += KINSHIP * kinship * min(1.0, SHORT / max(c.length, 1.0))


async def memories(shelves: Sequence[MemoryStore], found: RankedMemories, limit: int) -> list[Memory]:
    """Return the first `limit` candidates as memories with score and why."""
    chosen = found.ranked[:limit]
    by_place: dict[tuple[str, int], Memory] = {}
    for shelf in shelves:
        numbers = [c.n for c in chosen if c.scope == shelf.scope]
        if numbers:
            some = await shelf.reader.read(lambda db, s=shelf.scope, ns=numbers: _read(EntryTable(db, s), ns))
            by_place.update(((shelf.scope, n), memory) for n, memory in some.items())
    return [
        replace(
            by_place[c.scope, c.n],
            score=round(c.score, 4),
            why=explain_match(c, by_place[c.scope, c.n], found.words),
        )
        for c in chosen
        if (c.scope, c.n) in by_place
    ]


def explain_match(c: RecallCandidate, memory: Memory, words: Mapping[str, str]) -> str:
    """Explain in a few words why a memory was chosen."""
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
    return " ".join("; ".join(reasons).split()) or "matches in part"


def _words(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in _WORD.findall(text[:2000]):
        for term in terms(word):
            found.setdefault(term, word[:40])
    for stem, term in query_alternatives(text[:2000]).items():
        found.setdefault(stem, found.get(term, stem))
    return found


def _read(rows: EntryTable, numbers: Sequence[int]) -> dict[int, Memory]:
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


def _conversations(
    db: apsw.Connection,
    scope: str,
    found: Sequence[RecallCandidate],
    best: set[int],
    where: index.RecallFilter,
) -> list[RecallCandidate]:
    """Mark turns of conversations, in sessions with more than a handful of entries, and load the neighbours of the best ones."""
    sessions = {c.session for c in found if c.session is not None}
    talks = {s for s in sessions if len(select(db, _OF_SESSION, (s, _CONVERSATION))) == _CONVERSATION}
    beside: dict[int, None] = {}
    for c in found:
        c.talk = c.session in talks
        if c.talk and c.n in best:
            c.before, c.after = select(db, _NEIGHBOURS, (c.session, c.n))[0]
            beside.update((n, None) for n in (c.before, c.after) if n is not None)
    known = {c.n: c for c in found}
    more = _load(db, scope, [n for n in beside if n not in known], where)
    for c in more:
        c.talk = True
        known[c.n] = c
    for c in [c for c in known.values() if c.before or c.after]:
        if (before := known.get(c.before or 0)) is not None:
            before.after = c.n
        if (after := known.get(c.after or 0)) is not None:
            after.before = c.n
    return more


def _load(
    db: apsw.Connection, scope: str, numbers: Sequence[int], where: index.RecallFilter
) -> list[RecallCandidate]:
    marks = ", ".join("?" * len(numbers))
    rows = select(
        db,
        "SELECT m.n, m.title, m.kind, m.state, m.terms, m.length, m.category, m.pinned, coalesce(u.uses, 0),"
        " max(m.created_at, m.updated_at, coalesce(u.last_used_at, 0)), m.session_id"
        f" FROM memory m LEFT JOIN memory_use u ON u.n = m.n WHERE m.n IN ({marks})",
        numbers,
    )
    return [
        RecallCandidate(scope, n, stored, length, category, bool(pinned), uses, touched, session, title=title)
        for n, title, kind, state, stored, length, category, pinned, uses, touched, session in rows
        if kind in where.kinds and state in where.states and where.category in (None, category)
    ]
