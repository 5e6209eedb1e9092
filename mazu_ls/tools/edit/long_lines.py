"""Shows parts of lines that are too long: from a column on, or around a match. A secret that an edge would cut becomes
a mark."""

from __future__ import annotations

from mazu_ls.tools.edit.shown_text import ShownText

LINE_CHARS = 2_000
AROUND = 300
"""Characters shown before and after a match."""
MARGIN = 1_000
"""Characters beyond the edges that are searched for secrets which begin or end there."""


def show_columns(line: str, column: int = 1, *, low: int = 0, length: int | None = None) -> str:
    """Return at most LINE_CHARS characters of a line from `column` (1-based) on, and how to read the rest.

    `line` may be a part, from the character `low` (0-based) on, of a line that has `length` characters.
    """
    length = len(line) if length is None else length
    start = column - 1
    if start >= length:
        return "" if column == 1 else f"[this line has {length} characters]"
    stop = min(length, start + LINE_CHARS)
    rest = length - stop
    more = f" ... [{rest} more characters in this line; column={stop + 1} shows them]" if rest else ""
    return f"{'... ' if start else ''}{_part(line, start - low, stop - low)}{more}"


def show_around(line: str, start: int, end: int) -> str:
    """Return a too long line around a match; the column is 1-based."""
    if len(line) <= LINE_CHARS:
        return line
    low, high = max(0, start - AROUND), min(len(line), min(end, start + AROUND) + AROUND)
    edges = ("... " if low else "", " ..." if high < len(line) else "")
    place = f"[column {start + 1} of {len(line)}; read_file with column={low + 1} shows more]"
    return f"{edges[0]}{_part(line, low, high)}{edges[1]} {place}"


def _part(text: str, start: int, stop: int) -> str:
    """Return a part of a line with its secrets as marks, also those that its edges cut."""
    low = max(0, start - MARGIN)
    shown = ShownText.from_source(text[low : stop + MARGIN])
    first, last = shown.shown_span(start - low, stop - low)
    return shown.text[first:last]
