"""Definitions and names in languages without a grammar, by line: a keyword, a name, and what is indented below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mazu_ls.syntax.grammar import MAX_BYTES
from mazu_ls.syntax.languages import GRAMMARS, has_definitions, words
from mazu_ls.syntax.source import SourceText
from mazu_ls.workspace.lazy_pattern import lazy_pattern

_MODIFIERS = words("""
    export public private protected internal static abstract final open override suspend async inline virtual sealed
    data local pub unsafe extern default partial lazy mutating implicit case indirect fileprivate
""")
_KINDS = {
    "class": "class", "object": "class", "actor": "class", "record": "class", "interface": "interface",
    "trait": "interface", "protocol": "interface", "struct": "struct", "enum": "enum", "extension": "implementation",
    "impl": "implementation", "module": "module", "defmodule": "module", "namespace": "module", "package": "module",
    "def": "function", "defp": "function", "defmacro": "macro", "fun": "function", "func": "function", "fn": "function",
    "function": "function", "sub": "function", "proc": "function", "procedure": "function", "contract": "class",
    "type": "type", "typealias": "type", "library": "module", "defn": "function", "method": "function",
}  # fmt: skip
_DEFINITION = lazy_pattern(
    rf"^(?P<indent>[ \t]*)(?:(?:{'|'.join(sorted(_MODIFIERS))}|@\w+(?:\([^)]*\))?)[ \t]+)*"
    rf"(?P<keyword>{'|'.join(_KINDS)})[ \t]+(?P<name>[^\W\d][\w.:]*[!?]?)"
)
_NAME = lazy_pattern(rb"[A-Za-z_]\w*")
_CLOSING = (")", "}", "]", "end")


class LineDefinition(NamedTuple):
    """A definition: 0-based lines, the last inclusive; characters of the name; its head."""

    kind: str
    name: str
    start: int
    end: int
    indent: int
    name_start: int
    last_char: int
    head: str


def definitions(source: SourceText, language: str) -> Iterator[LineDefinition]:
    """Yield what looks like a definition, in order; nothing for languages with a grammar or above the size limit."""
    if language in GRAMMARS or not has_definitions(language) or len(source.data) > MAX_BYTES:
        return
    all_lines = source.lines()
    depths = [len(line) - len(line.lstrip()) if line.strip() else -1 for line in all_lines]
    for at, line in enumerate(all_lines):
        if len(line) > 1000 or not (match := _DEFINITION.match(line)):
            continue
        end = _end(all_lines, depths, at)
        yield LineDefinition(
            _KINDS[match["keyword"]], match["name"].rstrip(":."), at, end, depths[at], match.start("name"),
            len(all_lines[end]), " ".join(line.split()).rstrip(" {=:"),
        )  # fmt: skip


def names(source: SourceText, language: str) -> list[str]:
    """Return every word that may be a name, as often as it occurs."""
    if language in GRAMMARS or not has_definitions(language) or len(source.data) > MAX_BYTES:
        return []
    return [name.decode() for name in _NAME.findall(source.data)]


def _end(all_lines: list[str], depths: list[int], start: int) -> int:
    """Return the last line that is indented deeper than `start`, or the closing one after it."""
    end = start
    for at in range(start + 1, len(all_lines)):
        if depths[at] < 0:
            continue
        if depths[at] <= depths[start]:
            return at if all_lines[at].lstrip().startswith(_CLOSING) and depths[at] == depths[start] else end
        end = at
    return end
