"""Parses JSON as small models write it: also with comments, trailing commas, or the quotes and words of Python."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

LONGEST = 200_000
"""Maximum characters of a value that are parsed again if it is no JSON."""
_json_at = json.JSONDecoder().raw_decode
_BRACKET_OR_QUOTE = re.compile(r"""[\[\]{}"']""")
_REST_OF_STRING = {quote: re.compile(rf"(?:[^{quote}\\]|\\.)*+{quote}", re.DOTALL) for quote in ('"', "'")}
_BLANKS = re.compile(r"\s*+")
_COMMENT = re.compile(r"(?:\s*(?://|#)[^\n]*\n)+")


def value_at(text: str, at: int) -> tuple[Any, int]:
    """Return the value that begins at an offset and where it ends; 0 if there is none."""
    at = _behind_blanks(text, at)
    if comment := _COMMENT.match(text, at):
        at = _behind_blanks(text, comment.end())
    try:
        return _json_at(text, at)
    except (ValueError, RecursionError):
        end = _end_of_brackets(text, at)
    if not end or end - at > LONGEST:
        return None, 0
    from mazu_ls.syntax.json_comments import (
        blank_comments,
    )  # it brings the grammars along, and is needed rarely

    part = text[at:end]
    try:
        return json.loads(blank_comments(part)), end
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(part)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None, 0
    return (value, end) if isinstance(value, dict | list) else (None, 0)


def _behind_blanks(text: str, at: int) -> int:
    blanks = _BLANKS.match(
        text, at
    )  # a slice for each of many values would copy the rest of the answer each time
    return blanks.end() if blanks else at


def _end_of_brackets(text: str, at: int) -> int:
    """Return where the bracket that opens at `at` is closed; 0 if it is not."""
    if text[at : at + 1] not in ("{", "["):
        return 0
    depth, last = 0, min(len(text), at + LONGEST)
    unclosed: set[str] = set()  # if one string is not closed, no later one is: searched once
    while (match := _BRACKET_OR_QUOTE.search(text, at, last)) is not None:
        char, at = match[0], match.end()
        if char in _REST_OF_STRING:
            rest = None if char in unclosed else _REST_OF_STRING[char].match(text, at, last)
            if rest is None:
                unclosed.add(char)
            else:
                at = rest.end()
        else:
            depth += 1 if char in "{[" else -1
            if not depth:
                return at
    return 0


def rebracketed(text: str) -> str:
    """Return an object with the braces that it should have, where a small model wrote its outer ones twice, or one too many or too few."""
    text = text.strip()
    if text.startswith("{{") and text.endswith("}}"):
        return text[1:-1]
    if text.startswith('"') and text.endswith("}"):
        return "{" + text
    return text.removesuffix("}") if text.startswith("{") and text.endswith("}}") else text
