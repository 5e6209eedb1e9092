"""What matches a failure: the output of a command or a test that failed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from mazu_ls.memory.models import Memory, micros, now
from mazu_ls.memory.search import index, recall
from mazu_ls.memory.search.inject import Embed
from mazu_ls.memory.search.injectable import is_close
from mazu_ls.memory.store.store import MemoryStore

LESSONS = frozenset({"mistake", "task_outcome"})
"""Categories that say what happened; a rule that is merely close in meaning says nothing about a failure."""
LEAST_CLOSENESS = 0.34
"""The cosine from which the nearest lesson is taken for one about the failure. Tools print English, and lessons are written in any
language, so that often no word is shared."""
_MOST = 20


class FailureMatches(Struct, frozen=True):
    """What recall finds for a failure, best first, and the lesson that is nearest to it in meaning, if one is near."""

    found: list[Memory]
    nearest: Memory | None = None


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
    lessons = [c for c in result.ranked if c.category in LESSONS]
    nearest = max(lessons, key=lambda c: c.closeness, default=None)
    second = query.meaning is not None and query.meaning.second
    if nearest is not None and not (
        nearest.closeness >= LEAST_CLOSENESS and is_close(nearest, result.entries, second=second)
    ):
        nearest = None
    found = await recall.memories(shelves, result, _MOST)
    result.ranked = [nearest] if nearest is not None else []
    return FailureMatches(found, next(iter(await recall.memories(shelves, result, 1)), None))
