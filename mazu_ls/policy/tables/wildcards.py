"""Wildcards in file names: what they may match on the disk, and where Python's `glob` differs from bash."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from mazu_ls.policy.rules import Decision
from mazu_ls.policy.tables.wrappers import program

_CHARACTERS = re.compile(r"[*?\[]")
_BRACKET_IN_BRACKETS = re.compile(r"\[[!^]?\]?[^\]]*\[")
_QUOTE = re.compile(r"[\\'\"]")


def has_wildcard(text: str) -> bool:
    """Return whether the text holds a wildcard character."""
    return bool(_CHARACTERS.search(text))


def cannot_be_tried(pattern: str) -> bool:
    """Return whether the pattern uses what bash has and Python has not: `[[:alpha:]]`, `[[=e=]]`, `[[.e.]]`, a
    backslash from a variable."""
    return "\\" in pattern or bool(_BRACKET_IN_BRACKETS.search(pattern))


def quotes_brackets(raw: str, candidates: Sequence[Sequence[str]]) -> bool:
    r"""Whether brackets of a raw word may be quoted in part: in `[e\-a]` and `'[id]'/*` some signs mean themselves to bash alone."""
    return bool(_QUOTE.search(raw)) and any("[" in text for fields in candidates for text in fields)


def matches_on_disk(word: str, folder: str) -> Iterator[str]:
    """Yield what bash could expand the word to in a folder, hidden files included; lazily, because it may be very much."""
    pattern = word if word.startswith("/") else f"{glob.escape(folder)}/{word}"
    return glob.iglob(pattern.replace("[^", "[!"), recursive=True, include_hidden=True)  # noqa: PTH207  absolute, with `**`


def matches(pattern: str, name: str) -> bool:
    """Return whether bash matches the pattern with this name; a leading dot is only matched by itself."""
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def named(found: Decision | None, argv: list[str], words: list[str]) -> Decision | None:
    """Return a deny of `words`, with the wildcard that may name their program if `argv` is not known to do so."""
    if found is None or not set("*?[").intersection(argv[0]) or program(argv[0]) == words[0]:
        return found
    return replace(found, reason=f"`{argv[0]}` may name a program that is refused")
