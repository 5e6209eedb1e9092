"""Patterns of ignore files (gitignore(5)) with bounded run time, since a cloned project brings its own.

pathspec translates `*a*a*a*b` to `[^/]*a[^/]*a[^/]*a[^/]*b`, which backtracks over every way to divide a name among the
stars. As in CPython's fnmatch, each star but the last takes the first place where the text after it matches, without
backtracking: what follows begins with a star and can only gain from an earlier end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Literal

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

logger = logging.getLogger(__name__)
STAR = "[^/]*"
MAX_DEEP = 3
"""Maximum of `**` in one pattern: each multiplies the ways to divide the folders of a path."""
MAX_PATTERN = 1024
"""Maximum characters of one pattern; longer than any file name."""
MAX_SAID = 20
_said: set[str] = set()
"""Maximum of rules read from one file; files are read again with every search."""


class BoundedIgnorePattern(GitIgnoreSpecPattern):
    """One line of an ignore file."""

    @staticmethod
    def _translate_segment_glob(pattern: str, range_error: Literal["literal", "raise"]) -> str:
        first, *parts = GitIgnoreSpecPattern._translate_segment_glob(pattern, range_error).split(STAR)
        if len(parts) < 2:
            return STAR.join((first, *parts))
        middle = "".join(f"(?>[^/]*?{part})" for part in parts[:-1])
        return f"{first}{middle}{STAR}{parts[-1]}"


def compile_ignore_file(lines: Iterable[str]) -> GitIgnoreSpec:
    """Return the rules of one ignore file; a line that git would not read either, or that takes too long, is left out."""
    patterns: list[BoundedIgnorePattern] = []
    left_out: list[str] = []
    for line in lines:
        if len(line) > MAX_PATTERN or line.count("**") > MAX_DEEP:
            left_out.append(line[:80])
            continue
        try:
            patterns.append(BoundedIgnorePattern(line))
        except (GitIgnorePatternError, ValueError):
            continue
    if left_out and left_out[0] not in _said and len(_said) < MAX_SAID:
        _said.add(left_out[0])
        logger.warning(
            "%d ignore rules are too long or have too many ** and are left out: %s",
            len(left_out),
            left_out[0],
        )
    return GitIgnoreSpec(patterns)
