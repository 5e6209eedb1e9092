"""What matches a failure: the output of a command or a test that failed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from mazu_ls.memory.models import Memory, micros, now
from mazu_ls.memory.search import index, recall
from mazu_ls.memory.search.inject import Embed
from mazu_ls.memory.store.store import MemoryStore

LESSONS = frozenset({"mistake", "task_outcome"})
"""Categories that say what happened; a rule that is merely close in meaning says nothing about a failure."""
LEAST_CLOSENESS = 0.34
"""The cosine from which the nearest lesson is taken for one about the failure. Tools print English, and lessons are written in any
language, so that often no word is shared."""
OF_THE_NEAREST, MOST_NEAREST = 0.8, 2
"""A second one needs this share of the closeness of the nearest, which may have been given before."""
_MOST = 20


class FailureMatches(Struct, frozen=True):
    """What recall finds for a failure, best first, and the lessons that are near it in meaning, the nearest first."""

    found: list[Memory]
    nearest: list[Memory]


async def recall_failure(
    shelves: Sequence[MemoryStore], output: str, *, forgetting: bool, embed: Embed
) -> FailureMatches:
    """Recall for the output of what failed; live memories only."""
    query = recall.RecallQuery(
        weights=recall.weigh_terms([(output, 1.0)]),
        where=index.RecallFilter(kinds=frozenset({"memory"})),
        at=micros(now()),
        text=output,
        forgetting=forgetting,
        meaning=await embed(output),
    )
    result = await recall.find(shelves, query)
    lessons = [c for c in result.ranked if c.category in LESSONS and not c.weak]
    lessons.sort(key=lambda c: -c.closeness)
    near = max(LEAST_CLOSENESS, OF_THE_NEAREST * lessons[0].closeness) if lessons else 0.0
    found = await recall.memories(shelves, result, _MOST)
    result.ranked = [c for c in lessons[:MOST_NEAREST] if c.closeness >= near]
    return FailureMatches(found, await recall.memories(shelves, result, MOST_NEAREST))
