"""Patterns from the model: some backtrack endlessly on some text, so each search has a time limit.

`regex` in place of `re`: it supports a timeout and releases the GIL; `re` does neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import regex

from mazu_ls.errors import ToolError

MATCH_SECONDS = 2.0
"""Seconds for one search in one text. A well-behaved pattern takes microseconds."""


@dataclass(frozen=True)
class BoundedPattern:
    """A compiled pattern. All methods raise ToolError if they take too long."""

    compiled: regex.Pattern[str]

    def search(self, text: str) -> bool:
        """Return whether it matches anywhere."""
        return self._find(self.compiled.search, text)

    def span(self, text: str) -> tuple[int, int] | None:
        """Return where it first matches."""
        found: list[tuple[int, int]] = []

        def find(text: str, **limits: Any) -> Any:
            if (match := self.compiled.search(text, **limits)) is not None:
                found.append(match.span())
            return match

        return found[0] if self._find(find, text) else None

    def match(self, text: str) -> bool:
        """Return whether it matches from the start."""
        return self._find(self.compiled.match, text)

    def _find(self, find: Callable[..., Any], text: str) -> bool:
        try:
            return find(text, timeout=MATCH_SECONDS, concurrent=True) is not None
        except TimeoutError as error:
            raise ToolError(
                f"the pattern takes over {MATCH_SECONDS:.0f} s on one text of {len(text)} characters: nested repetition such as"
                " (a+)+ tries every way to cut it; use a simpler one"
            ) from error


def compile_pattern(source: str, *, ignore_case: bool = False, fixed: bool = False) -> BoundedPattern:
    """Compile a regular expression, or plain text with `fixed`. Raises ToolError if it is invalid."""
    try:
        flags = regex.IGNORECASE if ignore_case else 0
        return BoundedPattern(regex.compile(regex.escape(source) if fixed else source, flags))
    except (regex.error, RecursionError, OverflowError) as error:
        raise ToolError(f"the pattern cannot be read: {error}. For plain text set fixed=true") from error
