"""Removes what a model thinks from its answer, before calls are looked for; what the arguments of a call hold is no thought."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from mazu_ls.models.written_calls.element_calls import WrittenCall

_THOUGHT = re.compile(
    r"(<((?:seed:)?think(?:ing)?|scratch_?pad|reasoning)>).*?(?:</\2>|\Z)|(<\|START_THINKING\|>).*?(?:<\|END_THINKING\|>|\Z)",
    re.DOTALL,
)
_END = "</think>"
MOST_IN_CALLS = 8
"""Marks of thoughts in an answer of which it is looked at whether they are in a call."""


def without_thoughts(text: str, calls_in: Callable[[str], Sequence[WrittenCall]]) -> str:
    """Replace what a model thinks by spaces; the first mark is missing where the template of a server wrote it.

    `calls_in` finds the calls of a text. A file that a call writes may hold the same marks, and stays as it is.
    """
    end = text.find(_END)
    if end >= 0 and "<think" not in text[:end] and _call_around(text, end, _END, calls_in) is None:
        text = " " * end + text[end:]
    at = 0
    for _ in range(MOST_IN_CALLS):
        if (thought := _THOUGHT.search(text, at)) is None:
            return text
        start, at = thought.span()
        mark, around = thought[1] or thought[3], None
        if text[:start].strip() and (around := _call_around(text, start, mark, calls_in)) is not None:
            at = around.end
        else:
            text = text[:start] + " " * (at - start) + text[at:]
    return text[:at] + _THOUGHT.sub(lambda thought: " " * len(thought[0]), text[at:])


def _call_around(
    text: str, at: int, mark: str, calls_in: Callable[[str], Sequence[WrittenCall]]
) -> WrittenCall | None:
    """Return the call with that mark in its arguments."""
    for call in calls_in(text):
        is_around = call.start < at < call.end and call.invalid is None
        # An unfinished call in a thought would hold all that is behind it.
        is_ended = is_around and text[: call.end].rstrip().endswith((">", "]", "}", ")", "`"))
        if is_ended and mark in msgspec.json.encode(call.arguments).decode():
            return call
    return None
