"""Finds where an answer shows a call as an example: quoted as code, in a fence that is followed by words, or in mid-sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mazu_ls.models.written_calls.element_calls import WrittenCall

_MARK = re.compile(
    r"[<\[{(][|\uff5c]?/?[\w:.-]{0,20}?(?:tool|function|invoke|python_|channel|plugin|recipient|action)",
    re.IGNORECASE,
)
"""What most marks of calls begin with."""
_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)[^`\n]{1,4000}\1(?!`)")
_CLOSED_FENCE = re.compile(r"^[ \t]*+(```++|~~~++)[^\n`]*+\n.*?^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"[^\W_]{2}")
_QUOTED_LINE = re.compile(r"[ \t]*[>|](?![>|])")
_INDENTED = re.compile(r"(?: {4}|\t)\s*")
_MARKS_ONLY = re.compile(r"<[|\uff5c]?/?[\w:.\u2581 -]{1,40}[|\uff5c]?>")


def without_examples(text: str) -> str:
    """Return the text with the examples before its first call replaced by spaces, so that no mark in them is taken for the call's."""
    spans, at = _spans(text), 0
    while (mark := _MARK.search(text, at)) is not None:
        around = next((span for span in spans if span[0] <= mark.start() < span[1]), None)
        if around is None:
            break
        text = text[: around[0]] + re.sub(r"[^\n]", " ", text[around[0] : around[1]]) + text[around[1] :]
        at = around[1]
    return text


def is_example(call: WrittenCall, text: str, found: Sequence[WrittenCall]) -> bool:
    """Return whether one of the calls that were `found` in the answer is shown rather than made."""
    if any(start <= call.start < end for start, end in _spans(text, found)):
        return True
    line = text[text.rfind("\n", 0, call.start) + 1 : call.start]
    end = text.find("\n", call.end)
    behind = text[call.end :] if end < 0 else text[call.end : end]
    if any(other.start != call.start and other.end <= call.start for other in found):
        line = ""  # behind another call, which decides
    if _QUOTED_LINE.match(line):
        return True
    if _INDENTED.fullmatch(line) and _WORD.search(_MARKS_ONLY.sub("", text[call.end :])):
        return True
    return bool(_WORD.search(_MARKS_ONLY.sub("", line)) and re.match(r"[ \t]*+[\w,;(\u2013\u2014-]", behind))


def sub_outside_examples(pattern: re.Pattern[str], text: str) -> str:
    """Return the text without the matches of `pattern`, except in examples."""
    spans = _spans(text)
    return pattern.sub(lambda mark: mark[0] if any(a <= mark.start() < b for a, b in spans) else "", text)


def _spans(text: str, found: Sequence[WrittenCall] = ()) -> list[tuple[int, int]]:
    """Return where code is quoted, outside of the calls."""
    return [
        span
        for span in (*_fences(text), *(match.span() for match in _CODE.finditer(text)))
        if not any(call.start < span[0] < call.end for call in found)
    ]


def _fences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the fences behind which the answer goes on in words."""
    fences = [match.span() for match in _CLOSED_FENCE.finditer(text)]
    behind = len(text)
    for start, end in reversed(fences):
        if _WORD.search(_MARKS_ONLY.sub("", text[end:behind])):
            break
        behind = start
    else:
        return
    yield from (span for span in fences if span[1] <= end)
