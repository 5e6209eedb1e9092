"""Converts text that a model wrote with LF to the file's line ends: an unchanged line keeps its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

_END = re.compile(r"\r\n|\r|\n")
COMPARED = 2000
"""Lines up to which texts with mixed line ends are compared; further lines get the most frequent end."""


def line_ends(source: str) -> list[str]:
    """Return the ends of all lines of a text, in order."""
    return _END.findall(source)


def with_line_ends(new: str, shown: str, ends: Sequence[str], otherwise: str) -> str:
    """Return `new`, which has LF alone, with the ends of the lines that it shares with `shown`.

    `ends` are those that the lines of `shown` have in the file; new lines get the most frequent one. `otherwise` is
    used if there is none.
    """
    kinds = Counter(ends)
    usual = kinds.most_common(1)[0][0] if kinds else otherwise
    if len(kinds) < 2:
        return new.replace("\n", usual)
    old_lines, new_lines = shown.split("\n"), new.split("\n")
    kept = [usual] * len(new_lines)
    head, tail = common_ends(old_lines, new_lines)
    for index in range(head):
        kept[index] = ends[index] if index < len(ends) else usual
    middle_old = old_lines[head : len(old_lines) - tail]
    middle_new = new_lines[head : len(new_lines) - tail]
    for index in range(1, tail + 1):
        at = len(old_lines) - index
        kept[len(new_lines) - index] = ends[at] if at < len(ends) else usual
    for old_at, new_at in _paired(middle_old, middle_new):
        kept[head + new_at] = ends[head + old_at] if head + old_at < len(ends) else usual
    return "".join(line + end for line, end in zip(new_lines, [*kept[:-1], ""], strict=True))


def _paired(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the lines of two texts that are equal, and those that replaced one."""
    if max(len(old), len(new)) > COMPARED:
        return []
    pairs: list[tuple[int, int]] = []
    for _, old_start, old_end, new_start, new_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        pairs += zip(range(old_start, old_end), range(new_start, new_end), strict=False)
    return pairs


def common_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Return how many lines at the beginning and at the end are equal; no line counts for both."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return head, tail
