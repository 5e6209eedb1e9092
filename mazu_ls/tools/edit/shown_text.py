"""A file's text as the model is shown it: secrets and stray bytes are marks, every line end is LF. Leads back to the file."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mazu_ls.redact import PLACEHOLDER, SecretSpan, find_secrets
from mazu_ls.workspace.text import REPLACEMENT, STRAY, split_lines

WHOLE_CHARS = 1 << 18
"""Longer texts are searched for secrets only where that is needed: it takes about a second a million characters."""
_WITH_STRAY = re.compile(f"{PLACEHOLDER.pattern}|{REPLACEMENT}")
_CR = re.compile(r"\r\n?")


class ReplacedPart(NamedTuple):
    """A part of the source and of the shown text that differ: a secret and its mark, or a line end and LF."""

    start: int
    end: int
    source_start: int
    source_end: int


class Placeholder(NamedTuple):
    """A mark in the shown text, and what stands for it in the file; of a mark that the file really holds, itself."""

    start: int
    end: int
    mark: str
    value: str


@dataclass(frozen=True)
class ShownText:
    """`text` is what the model is shown of `source`."""

    source: str
    text: str
    parts: tuple[ReplacedPart, ...]
    placeholders: tuple[Placeholder, ...]

    @property
    def marks(self) -> re.Pattern[str]:
        """What a mark of this text looks like."""
        stray = any(one.mark == REPLACEMENT for one in self.placeholders)
        return _WITH_STRAY if stray else PLACEHOLDER

    @classmethod
    def from_source(cls, source: str, *, secrets: bool = True) -> ShownText:
        """`secrets` False leaves them as they are."""
        found = find_secrets(source) if secrets else ()
        replaced = [*found, *_outside(found, source, _CR, "\n"), *_outside(found, source, STRAY, REPLACEMENT)]
        shown: list[str] = []
        parts: list[ReplacedPart] = []
        at = length = 0
        for start, end, mark in sorted(replaced):
            shown += [source[at:start], mark]
            length += start - at
            parts.append(ReplacedPart(length, length + len(mark), start, end))
            length += len(mark)
            at = end
        text = "".join([*shown, source[at:]])
        return cls(source, text, tuple(parts), tuple(_placeholders(source, text, parts)))

    def source_span(self, start: int, end: int) -> tuple[int, int] | None:
        """The characters of the source for those of the shown text; None where they begin or end within a mark."""
        first, last = self._source_offset(start), self._source_offset(end)
        return None if first is None or last is None else (first, last)

    def shown_span(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the shown text for those of the source; a part that is cut is taken whole."""
        return self._shown_offset(start, at_end=False), self._shown_offset(end, at_end=True)

    def _shown_offset(self, offset: int, *, at_end: bool) -> int:
        index = bisect_right(self.parts, offset, key=lambda part: part.source_start) - 1
        if index < 0:
            return offset
        part = self.parts[index]
        if part.source_start < offset < part.source_end:
            return part.end if at_end else part.start
        return part.start if offset == part.source_start else part.end + offset - part.source_end

    def _source_offset(self, offset: int) -> int | None:
        index = bisect_right(self.parts, offset, key=lambda part: part.start) - 1
        if index < 0:
            return offset
        part = self.parts[index]
        if part.start < offset < part.end:
            return None
        return part.source_start if offset == part.start else part.source_end + offset - part.end

    def within(self, start: int, end: int) -> tuple[Placeholder, ...]:
        """The placeholders in a part of the shown text."""
        first = bisect_left(self.placeholders, start, key=lambda one: one.start)
        last = bisect_right(self.placeholders, end, key=lambda one: one.end)
        return self.placeholders[first:last]


def _outside(
    secrets: Sequence[SecretSpan], source: str, pattern: re.Pattern[str], mark: str
) -> list[SecretSpan]:
    """What a pattern finds in the source, except within secrets."""
    starts = [span.start for span in secrets]

    def hidden(at: int) -> bool:
        index = bisect_right(starts, at) - 1
        return index >= 0 and at < secrets[index].end

    found = pattern.finditer(source)
    return [SecretSpan(*match.span(), mark) for match in found if not hidden(match.start())]


def _placeholders(source: str, text: str, parts: list[ReplacedPart]) -> list[Placeholder]:
    values = {part.start: source[part.source_start : part.source_end] for part in parts}
    return [
        Placeholder(match.start(), match.end(), match[0], values.get(match.start(), match[0]))
        for match in (_WITH_STRAY if STRAY.search(source) else PLACEHOLDER).finditer(text)
    ]


def numbered_lines(source: str, first: int = 1) -> list[tuple[int, str]]:
    """The lines as the model is shown them, with their numbers in the file; those within a secret have none."""
    shown = ShownText.from_source(source)
    hidden = {
        part.start: source.count("\n", part.source_start, part.source_end)
        for part in shown.parts
        if shown.text[part.start] != "\n"
    }
    found: list[tuple[int, str]] = []
    number, at = first, 0
    starts = sorted(start for start, count in hidden.items() if count)
    for line in split_lines(shown.text):
        found.append((number, line.rstrip("\n")))
        at += len(line)
        number += 1
        while starts and starts[0] < at:
            number += hidden[starts.pop(0)]
    return found
