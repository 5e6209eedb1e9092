"""Finds comments in a text, by the grammar if there is one, otherwise by their markers."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from msgspec import Struct

from mazu_ls.syntax import grammar
from mazu_ls.syntax.languages import GRAMMARS, STYLES, CommentStyle, canonical
from mazu_ls.syntax.source import SourceText

_UNKNOWN = CommentStyle(("#", "//", "--", ";", "%"), (("/*", "*/"), ("<!--", "-->")), '"')
"""For unknown languages: a line marker counts only at the start of a line or after a space."""


class SourceComment(Struct, frozen=True, gc=False):
    """One comment with its markers; lines and characters are 0-based, the end exclusive."""

    text: str
    start_line: int
    start_char: int
    end_line: int
    end_char: int


def comments(text: str, language: str | None) -> list[SourceComment]:
    """Return every comment in the order of the text. Without a grammar, and above 1 MB, markers outside of strings
    decide."""
    return list(_comments(text, canonical(language or "")))


@lru_cache(maxsize=32)
def _comments(text: str, language: str) -> tuple[SourceComment, ...]:
    source = SourceText.encode(text)
    root = grammar.parse(source.data, language)
    if root is None:
        return _by_markers(source.data.decode("utf-8", "surrogatepass"), language)
    nodes = grammar.captures(grammar.comments_query(language), root).get("comment", [])
    found: dict[int, SourceComment] = {}
    for node in sorted(nodes, key=lambda node: node.start_byte):
        raw = source.data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")
        start = source.position(node.start_byte, node.start_point)
        found[node.start_byte] = _comment(raw.rstrip("\r\n"), *start)
    return tuple(found.values())


def _comment(text: str, line: int, character: int) -> SourceComment:
    breaks = text.count("\n")
    end = len(text) - text.rfind("\n") - 1 if breaks else character + len(text)
    return SourceComment(text, line, character, line + breaks, end)


def _by_markers(text: str, language: str) -> tuple[SourceComment, ...]:
    found: list[SourceComment] = []
    line, line_start, done = 0, 0, 0
    for match in _scanner(language).finditer(text):
        if match.lastgroup != "comment":
            continue
        line += text.count("\n", done, match.start())
        line_start = max(text.rfind("\n", line_start, match.start()) + 1, line_start)
        done = match.start()
        found.append(_comment(match["comment"].rstrip("\r"), line, match.start() - line_start))
    return tuple(found)


@cache
def _scanner(language: str) -> re.Pattern[str]:
    """Return a pattern of strings and comments, whichever starts first; strings only so that nothing in them counts."""
    style = STYLES.get(language) or _GRAMMARLESS.get(language) or _UNKNOWN
    strings = [rf"{quote}(?:\\.|[^{quote}\\\n])*{quote}" for quote in style.quotes]
    blocks = [rf"{re.escape(start)}[\s\S]*?(?:{re.escape(end)}|\Z)" for start, end in style.block]
    before = r"(?<!\S)" if style is _UNKNOWN else r"(?<![\w$\\])" if style.line == ("#",) else r"(?<!\\)"
    marks = [rf"{before}{re.escape(mark)}[^\n]*" for mark in style.line]
    parts = ["|".join(strings)] if strings else []
    return re.compile("|".join([f"(?P<comment>{'|'.join(blocks + marks)})", *parts]))


_GRAMMARLESS = {
    **dict.fromkeys(GRAMMARS, STYLES["kotlin"]),
    **dict.fromkeys(("python", "ruby", "bash"), STYLES["perl"]),
    "php": CommentStyle(("//", "#"), (("/*", "*/"),)),
}
"""For languages whose grammar is missing, or whose text is too long for it."""
