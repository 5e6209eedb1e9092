"""A file's text as shown to the model: secrets and undecodable bytes are placeholders, every line end is LF. Maps back
to the file."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mazu_ls.redact import PLACEHOLDER, SecretSpan, find_secrets
from mazu_ls.workspace.text import REPLACEMENT, STRAY, split_lines

WHOLE_CHARS = 1 << 18
"""Characters above which texts are searched for secrets only where needed: it takes about a second per million
characters."""
_WITH_STRAY = re.compile(f"{PLACEHOLDER.pattern}|{REPLACEMENT}")
_CR = re.compile(r"\r\n?")


class ReplacedPart(NamedTuple):
    """A part in which source and shown text differ: a secret and its placeholder, or a line end and LF."""

    start: int
    end: int
    source_start: int
    source_end: int


class Placeholder(NamedTuple):
    """A placeholder in the shown text, and its value in the file; of a placeholder that the file itself contains,
    itself."""

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
        """The pattern of this text's placeholders."""
        stray = any(one.mark == REPLACEMENT for one in self.placeholders)
        return _WITH_STRAY if stray else PLACEHOLDER

    @classmethod
    def from_source(cls, source: str, *, secrets: bool = True) -> ShownText:
        """Build it from the source; `secrets` False leaves secrets as they are."""
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
        """Map a span of the shown text to the source; None if it begins or ends within a placeholder."""
        first, last = self._source_offset(start), self._source_offset(end)
        return None if first is None or last is None else (first, last)

    def shown_span(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the source to the shown text; a part that is cut is taken whole."""
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
        """Return the placeholders in a part of the shown text."""
        first = bisect_left(self.placeholders, start, key=lambda one: one.start)
        last = bisect_right(self.placeholders, end, key=lambda one: one.end)
        return self.placeholders[first:last]


def _outside(
    secrets: Sequence[SecretSpan], source: str, pattern: re.Pattern[str], mark: str
) -> list[SecretSpan]:
    """Return what a pattern finds in the source, except within secrets."""
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
    """Return the lines as shown to the model, with their 1-based numbers in the file; those within a secret have none."""
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
