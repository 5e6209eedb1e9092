"""Memories as lines for the model, with what it needs to judge them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mazu_ls.memory.models import Memory
from mazu_ls.messages import escape_closing_tag, estimate_tokens
from mazu_ls.redact import redact

MAX_ITEM_CHARACTERS = 700


def render_memory(memory: Memory, at: datetime | None = None, characters: int = MAX_ITEM_CHARACTERS) -> str:
    """Render one memory for the model: with its date, or with its age at `at`, which changes from day to day. A text longer than
    `characters` is cut, and the line says so."""
    dated = describe_age(at - memory.updated_at) if at else f"{memory.updated_at:%Y-%m-%d}"
    marks = [memory.category.replace("_", " "), dated]
    if memory.pinned:
        marks.append("pinned")
    if memory.state == "check":
        marks.append("may be out of date: the code it is about has changed")
    if memory.author:
        marks.append(f"shared by {memory.author}")
    if memory.origin:
        marks.append(f"untrusted, from {memory.origin}")
    places = ", ".join(
        dict.fromkeys(a.path + (f"#{a.symbol}" if a.symbol else "") for a in memory.anchors[:3])
    )
    if places:
        marks.append(f"about {places}")
    if memory.why:
        marks.append(f"why: {memory.why}")
    text = f"{memory.title}: {' '.join(memory.body.split())}" if memory.body else memory.title
    if len(text) > characters:
        text = f"{text[:characters].rstrip()}… (recall {memory.id} for the rest)"
    line = redact(f"[{memory.id}] ({'; '.join(marks)}) {text}")
    # One line each, whatever its origin, paths and names hold: a second one would be a memory of its own to the model.
    return "- " + escape_closing_tag(" ".join(line.split()), "memory")


def describe_age(elapsed: object) -> str:
    """Describe an age, such as `today`, `3 days old`, `2 months old`."""
    days = getattr(elapsed, "days", 0)
    if days < 1:
        return "today"
    for name, length in (("year", 365), ("month", 30), ("day", 1)):
        if days >= length * (2 if length > 1 else 1):
            count = days // length
            return f"{count} {name}{'s' if count > 1 else ''} old"
    return "today"


SHORTEST = 40
"""Tokens that a line needs to say anything."""


def line_tokens(line: str) -> int:
    """The estimated tokens of a line in a block, its line end included; 0 for the empty one. So rounded, lines never add up to less
    than their block."""
    return estimate_tokens(line + "\n") if line else 0


def fit_lines(lines: Sequence[str], room: int) -> list[str]:
    """Return the lines that fit; one that does not is cut at its beginning, since what was said last counts most."""
    found: list[str] = []
    for line in lines:
        head, mark, rest = line.partition(") ")
        cut = line
        while room >= SHORTEST and rest and line_tokens(cut) > room:
            rest = rest[max(1, len(rest) // 8) :]
            cut = f"{head}{mark}…{rest}"
        if (cost := line_tokens(cut)) <= room:
            found.append(cut)
            room -= cost
    return found
