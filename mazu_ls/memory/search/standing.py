"""The standing memories: what every turn is given, in an order that only a change of memory changes."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from mazu_ls.memory.models import Memory
from mazu_ls.memory.search.memory_lines import line_tokens, render_memory
from mazu_ls.memory.store.entries import EntryTable
from mazu_ls.memory.store.store import MemoryStore

STANDING_SHARE = 0.8
"""The share of the budget that may stand; the rest belongs to what the request brings up."""
STANDING_CATEGORIES = ("decision", "convention", "mistake", "user_preference")
"""Categories that hold until replaced."""
_LEFT_OUT = 200
"""So many more rules than fit are read, to name them."""
_SHORTEST_LINE = 12
"""Tokens: no line is shorter, so that so many times fewer fit."""


class StandingMemories(Struct, frozen=True):
    """Memories and their lines in the order in which they are told; `crowded_out` are the newest ones that do not fit."""

    lines: list[tuple[Memory, str]]
    crowded_out: list[Memory]

    @property
    def tokens(self) -> int:
        """The estimated cost of all lines."""
        return sum(line_tokens(text) for _, text in self.lines)


async def choose_standing(shelves: Sequence[MemoryStore], room: int) -> StandingMemories:
    """Choose what stands within a share of `room` tokens: all of them if they fit; otherwise traits, what is pinned, preferences
    and the newest of the other rules, so that a new rule displaces the oldest ones and no more of them than it needs.

    The choice depends on memory and `room` only, never on the request: the provider's cache holds the block.
    """
    whole = room = int(room * STANDING_SHARE)
    most, group = whole // _SHORTEST_LINE + _LEFT_OUT, None
    found = [m for shelf in shelves for m in await shelf.read(lambda rows: _standing_memories(rows, most))]
    kept: list[tuple[Memory, str]] = []
    crowded_out: list[Memory] = []
    for memory in sorted(found, key=_priority, reverse=True):
        if group != (group := _priority(memory)[:3]):
            whole = room
        text = render_memory(memory) if room else ""
        cost = line_tokens(text)
        if room >= cost > 0:
            room -= cost
            kept.append((memory, text))
            continue
        # After the first one that does not fit none stands, not even a shorter one: otherwise each new rule could change which of
        # the old ones do. One that is too long for all the room of its group makes no other give way.
        room = room if cost > whole else 0
        crowded_out.append(memory)
    return StandingMemories(sorted(kept, key=lambda one: _position(one[0])), crowded_out)


def _priority(memory: Memory) -> tuple[bool, bool, bool, object, str]:
    first = memory.category == "user_preference"
    return memory.kind == "trait", memory.pinned, first, memory.created_at, memory.id


def _position(memory: Memory) -> tuple[bool, bool, int, object, str]:
    """Order traits, then pinned ones, then by category, oldest first: a new memory moves none of those before it."""
    ranks = {category: rank for rank, category in enumerate(STANDING_CATEGORIES)}
    rank = ranks.get(memory.category, len(ranks))
    return memory.kind != "trait", not memory.pinned, rank, memory.created_at, memory.id


def _standing_memories(rows: EntryTable, most: int) -> list[Memory]:
    """Return traits, pinned memories, preferences, and the newest live decisions, conventions and mistakes."""
    live = "state IN ('current', 'check')"
    found = list(rows.entries(f"kind = 'trait' AND {live}", (), "ORDER BY pinned DESC, key LIMIT 50"))
    found += rows.entries(f"pinned AND kind = 'memory' AND {live}", (), "ORDER BY n DESC LIMIT 50")
    where = f"kind = 'memory' AND category IN (?, ?, ?) AND {live} AND NOT pinned AND origin IS NULL"
    *rules, preference = STANDING_CATEGORIES
    for categories in (rules, [preference] * len(rules)):
        found += rows.entries(where, categories, f"ORDER BY n DESC LIMIT {most}")
    return [replace(m, why=_standing_reason(m)) for m in rows.memories(found)]


def _standing_reason(memory: Memory) -> str | None:
    if memory.kind == "trait":
        return None if memory.pinned else "about the user"
    return "the user's preference" if memory.category == "user_preference" and not memory.pinned else None
