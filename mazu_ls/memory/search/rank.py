"""Ranking (reranking) of the candidates: BM25 with the whole corpus's statistics, proximity, neighbours in a session,
meaning, age."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from mazu_ls.memory.search.decay import is_faded, strength
from mazu_ls.memory.search.index import CorpusStatistics

K1, B = 1.2, 0.45
ADJACENT, ADJACENT_WITHIN = 0.4, 4
NEIGHBOUR = 0.4
OPEN_FILE = 0.4
SAME_LANGUAGE = 0.15
FACT_SHARES, TEXT_SHARES, TALK_SHARE = (0.35, 0.75), (0.35, 0.7), 0.2
SHORT = 60.0
"""Weighted number of terms up to which an entry is a short fact."""
CLOSE = 0.45
"""The cosine that counts as full closeness if nothing is closer; unrelated texts have about 0.05."""
BY_MEANING = "close in meaning"
# A word of the title counts twice, as a repetition; paths count whole, but are half as long (index.py).
_TITLE_TIMES = 2


class RecallCandidate(Struct):
    """One entry that may be recalled, with its data for ranking.

    `talk` marks a turn of a conversation, not a fact: it shares its score with the turns `before` and `after`, and does
    not decay.
    """

    scope: str
    n: int
    terms: str
    length: float
    category: str
    pinned: bool
    uses: int
    touched: int
    session: str | None = None
    title: str = ""
    same_language: bool = False
    """Its title is in the language of the query, as far as both can be told."""
    talk: bool = False
    before: int | None = None
    after: int | None = None
    in_files: bool = False
    closeness: float = 0.0
    """Cosine of its vector with the query's, 0 if one of both is missing."""
    usual_closeness: float = 0.0
    """The mean cosine of the query with the other entries of its store."""
    has_vector: bool = True
    """False while its vector is still being computed."""
    weak: bool = False
    """It matches nothing and is merely the nearest one."""
    query_share: float = 0.0
    """The share of the query that its words hold, weighed by rarity."""
    score: float = 0.0
    own: float = 0.0
    matched: tuple[str, ...] = ()
    reasons: list[str] = field(default_factory=list)

    @property
    def own_share(self) -> float:
        """The share of its own distinct words, without its paths, that the query holds."""
        title, body, _ = self.terms.split("\n")
        own = {*title.split(" "), *body.split(" ")}
        return len(own.intersection(self.matched)) / len(own)


def rank(
    query: Mapping[str, float],
    corpus: CorpusStatistics,
    found: Sequence[RecallCandidate],
    at: int,
    *,
    forgetting: bool,
) -> list[RecallCandidate]:
    """Return `found`, best first, scores between 0 and 1. `query` holds the weights of its terms; `at` is now in
    microseconds."""
    if not found or not query:
        return []
    _score_words(query, corpus, found)
    _share_with_neighbours(found)
    best = max(c.score for c in found) or 1.0
    certainty = _certainty(corpus, query, best)
    nearest = max(c.closeness for c in found)
    several_languages = any(c.same_language for c in found) and not all(c.same_language for c in found)
    for c in found:
        relevance = c.score / best
        if nearest > 0:
            share = _meaning_share(c, certainty) if c.has_vector else 0.0
            close = max(0.0, c.closeness) / max(nearest, CLOSE)
            relevance = (1 - share) * relevance * certainty + share * close
            if not c.matched and c.closeness > 0:
                c.reasons.append(BY_MEANING)
        if c.same_language and several_languages:
            relevance += SAME_LANGUAGE
        if c.in_files:
            relevance += OPEN_FILE
            c.reasons.append("anchored in an open file")
        fades = forgetting and not c.talk
        kept = strength(c.category, at - c.touched, c.uses, c.pinned) if fades else 1.0
        c.score = is_faded(relevance, kept)
    top = max(c.score for c in found) or 1.0
    for c in found:
        c.score /= top
    # Entries without any match stay, the nearest first: if nothing else is found they are shown as such.
    there = (c for c in found if c.score > 0 or c.closeness)
    return sorted(there, key=lambda c: (-c.score, -c.closeness, -c.touched, -c.n))


def _certainty(corpus: CorpusStatistics, query: Mapping[str, float], best: float) -> float:
    """Return how reliable the words are: 1 if the best match holds most of the query, less if it shares a stray word
    and the meaning must decide."""
    asked = sum(inverse_frequency(corpus, query).values())
    return min(1.0, best / asked) if asked else 1.0


def _meaning_share(c: RecallCandidate, certainty: float) -> float:
    """Return the share of meaning in the relevance: the more, the less the words explain. The vector of a conversation,
    which covers many subjects, says little."""
    if c.talk:
        return TALK_SHARE
    least, most = FACT_SHARES if c.length <= SHORT else TEXT_SHARES
    return least + (most - least) * (1 - certainty)


def inverse_frequency(corpus: CorpusStatistics, query: Mapping[str, float]) -> dict[str, float]:
    """Return ln(1 + (N - df + 0.5) / (df + 0.5)) of each term, times its weight in the query (Robertson and Zaragoza
    2009)."""
    frequency = corpus.frequency
    entries = max([corpus.entries, *(frequency.get(term, 0) for term in query)])
    return {
        term: weight * math.log(1 + (entries - frequency.get(term, 0) + 0.5) / (frequency.get(term, 0) + 0.5))
        for term, weight in query.items()
    }


def _score_words(
    query: Mapping[str, float], corpus: CorpusStatistics, found: Sequence[RecallCandidate]
) -> None:
    from rank_bm25 import BM25Okapi

    idf = inverse_frequency(corpus, query)
    asked = sum(idf.values()) or 1.0
    is_asked = idf.__contains__
    documents, matching, bonuses = [], [], []
    for c in found:
        title, body, anchor = c.terms.split("\n")
        in_title = list(filter(is_asked, words := title.split(" ")))
        bonus = _adjacency(words, in_title, idf) if len(in_title) > 1 else 0.0
        in_body = list(filter(is_asked, words := body.split(" ")))
        if len(in_body) > 1:
            bonus += _adjacency(words, in_body, idf)
        hits = [*in_title, *in_body, *filter(is_asked, anchor.split(" "))]
        if not hits:  # near in meaning only
            continue
        c.matched = tuple(dict.fromkeys(hits))
        documents.append(in_title * (_TITLE_TIMES - 1) + hits)
        matching.append(c)
        c.query_share = sum([idf[term] for term in c.matched]) / asked
        bonuses.append(bonus)
    if not documents:
        return
    model = BM25Okapi(documents, k1=K1, b=B)
    # The candidates are no random sample of the corpus: their own lengths and frequencies would mislead.
    model.idf = idf
    model.doc_len = [c.length for c in matching]
    model.avgdl = corpus.length / corpus.entries if corpus.entries and corpus.length else 1.0
    occurring = set().union(*model.doc_freqs)
    named = [term for term in idf if term in occurring]
    for c, score, bonus in zip(matching, model.get_scores(named), bonuses, strict=True):
        c.own = c.score = float(score) + bonus


def _adjacency(words: Sequence[str], hits: Sequence[str], idf: Mapping[str, float]) -> float:
    """Return 0.4 * the smaller idf / distance for each pair of different query terms within four words, once per pair."""
    best: dict[tuple[str, str], int] = {}
    find = words.index
    at, last = find(hits[0]), hits[0]
    for word in hits[1:]:
        before, at = at, find(word, at + 1)
        if word != last and (distance := at - before) <= ADJACENT_WITHIN:
            pair = (word, last) if word < last else (last, word)
            if distance < best.get(pair, ADJACENT_WITHIN + 1):
                best[pair] = distance
        last = word
    if not best:
        return 0.0
    return sum([ADJACENT * min(idf[a], idf[b]) / distance for (a, b), distance in best.items()])


def _share_with_neighbours(found: Sequence[RecallCandidate]) -> None:
    own = {(c.scope, c.n): c.own for c in found}
    for c in found:
        shared = sum(own.get((c.scope, n), 0.0) for n in (c.before, c.after) if n is not None)
        if shared:
            c.score = c.own + NEIGHBOUR * shared
            if not c.matched:
                c.reasons.append("next to a match in the same session")
