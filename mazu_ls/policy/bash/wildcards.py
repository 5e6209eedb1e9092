"""Wildcards in file names: what bash may make of them on the disk, and which ones Python's `glob` reads otherwise."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

_CHARACTERS = re.compile(r"[*?\[]")
_BRACKET_IN_BRACKETS = re.compile(r"\[[!^]?\]?[^\]]*\[")
_QUOTE = re.compile(r"[\\'\"]")


def has_wildcard(text: str) -> bool:
    """Whether the text holds a character of a wildcard."""
    return bool(_CHARACTERS.search(text))


def cannot_be_tried(pattern: str) -> bool:
    """Whether bash knows more of the pattern than Python: `[[:alpha:]]`, `[[=e=]]`, `[[.e.]]`, a backslash that came from a variable."""
    return "\\" in pattern or bool(_BRACKET_IN_BRACKETS.search(pattern))


def quotes_brackets(raw: str, candidates: Sequence[Sequence[str]]) -> bool:
    r"""Whether brackets of a raw word may be quoted in part: in `[e\-a]` and `'[id]'/*` some signs mean themselves to bash alone."""
    return bool(_QUOTE.search(raw)) and any("[" in text for fields in candidates for text in fields)


def matches_on_disk(word: str, folder: str) -> Iterator[str]:
    """What bash could make of the word in a folder, hidden files included; lazily, for it may be very much."""
    pattern = word if word.startswith("/") else f"{glob.escape(folder)}/{word}"
    return glob.iglob(pattern.replace("[^", "[!"), recursive=True, include_hidden=True)  # noqa: PTH207  absolute, with `**`


def matches(pattern: str, name: str) -> bool:
    """Whether bash takes the pattern for this name; a leading dot is only matched by itself."""
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
