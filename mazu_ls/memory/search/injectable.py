"""Which of the recalled memories are injected into a turn: nobody asked for them, so that doubtful ones are left out."""

from __future__ import annotations

from collections.abc import Sequence

from mazu_ls.memory.search.rank import RecallCandidate
from mazu_ls.memory.search.recall import closeness_threshold

LEAST_SCORE = 0.3
LEAST_CLOSENESS = 0.32
"""The cosine from which a memory that shares two words with the request is injected."""
INJECTED_FROM, INJECTED_GROWTH, USUAL_TIMES = 0.4, 0.055, 3.0
"""Minimum of closeness plus three times the usual cosine for a memory that shares fewer words, as in `recall.closeness_threshold`
(benchmarks/recall_unrelated.py). The usual cosine says whether the message is about what the store is about at all."""
SECOND_GROWTH = 0.03
"""In place of the growth where a second encoder has a part in both vectors: among many entries fewer come close by chance."""
MOST_BY_MEANING = 8
"""So many are injected for nothing but their closeness: the right one is often not the first, and a line costs 30 tokens."""
OF_THE_NEAREST = 0.7
"""And this share of the closeness of the nearest one: beside a memory that is really about the request the merely related are noise."""
LEAST_QUERY_SHARE, LEAST_OWN_SHARE = 0.35, 0.4
"""Or the memory holds this share of the request (weighed by rarity), or the request two words and this share of the
memory."""
ONE_WORD_CLOSENESS, MOST_OF_IT = 0.25, 0.6
"""A single shared word is no reason where the memory is less close than this in meaning ("Center the div" holds "cent"), unless it is
this share of the request."""


def _fits(c: RecallCandidate, close_enough: float, known: bool) -> bool:
    """Return whether a candidate is close enough in meaning, or matches by more than a chance word; never a weak one."""
    if c.weak or c.score < LEAST_SCORE:
        return False
    return _shares_enough(c, known) or _nearness(c) >= close_enough


def _nearness(c: RecallCandidate) -> float:
    return c.closeness + USUAL_TIMES * c.usual_closeness


def _close_enough(entries: int, second: bool) -> float:
    return closeness_threshold(entries, INJECTED_FROM, SECOND_GROWTH if second else INJECTED_GROWTH)


def _shares_enough(c: RecallCandidate, known: bool) -> bool:
    """Return whether an open file or shared words alone are reason enough. `known`: closeness says something about this request."""
    if c.in_files:
        return True
    if c.query_share >= LEAST_QUERY_SHARE:
        chance = len(c.matched) == 1 and c.query_share < MOST_OF_IT and known and c.has_vector
        return not chance or c.closeness >= ONE_WORD_CLOSENESS
    return len(c.matched) > 1 and (c.closeness >= LEAST_CLOSENESS or c.own_share >= LEAST_OWN_SHARE)


def choose_injectable(
    ranked: Sequence[RecallCandidate], entries: int, *, second: bool = False, known: bool = False
) -> list[RecallCandidate]:
    """Return those of the `ranked` candidates, from a store of so many entries, that are injected: what fits the request, and of what
    is merely close the first few. `second`: a second encoder has a part in closeness. `known`: it knows words of the request."""
    close_enough = _close_enough(entries, second)
    near = OF_THE_NEAREST * max((c.closeness for c in ranked if not c.weak), default=0.0)
    chosen: list[RecallCandidate] = []
    merely_close = 0
    for c in ranked:
        if not _fits(c, close_enough, known):
            continue
        if _shares_enough(c, known):
            chosen.append(c)
        elif c.closeness >= near and merely_close < MOST_BY_MEANING:
            merely_close += 1
            chosen.append(c)
    return chosen
