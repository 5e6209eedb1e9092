"""What a request refers to: the selection, the definition around the cursor, or the line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mazu_ls.server.chat import ai_comments
from mazu_ls.server.rpc.lsp_types import LspPosition, LspRange

if TYPE_CHECKING:
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.syntax import CodeSymbol

T = TypeVar("T")
_loaded: set[str] = set()
"""Languages whose grammar is imported; the import takes longer than parsing."""
IN_PLACE_CHARS = 20_000
"""Characters above which texts are parsed in a thread: a kilobyte takes a quarter of a millisecond."""
MAX_CHARS = 1_000_000


PROSE = frozenset({"", "markdown", "plaintext", "text", "restructuredtext", "asciidoc", "org"})
"""Languages whose first line describes a passage."""


def title_of_passage(first: str, name: str, language: str) -> str:
    """Return the title of a remembered passage: a line of code means little without the name of its file."""
    return first if language in PROSE else f"{name.rpartition('/')[2]}: {first}"


def whole_lines(document: OpenDocument, span: LspRange) -> LspRange:
    """Return a range extended to whole lines; one that ends before the first character of a line ends in the line
    above."""
    last = span.end.line
    if span.end.character == 0 and last > span.start.line:
        last -= 1
    return LspRange(
        LspPosition(span.start.line, 0), document.position(last, len(document.line(last).rstrip("\r\n")))
    )


async def resolve_target(document: OpenDocument, span: LspRange) -> LspRange:
    """Return the range itself; for an empty one the innermost definition around the cursor, else the cursor's line."""
    if span.start != span.end:
        return span
    symbol = await _symbol_at(document, span.start)
    return _range_of(document, symbol) if symbol else whole_lines(document, span)


async def resolve_comment_target(document: OpenDocument, line: int) -> LspRange:
    """Return the code an `AI!` comment is about: the function around it, else the definition right below it, comment
    included."""
    inside = await _symbol_at(document, LspPosition(line, 0))
    if inside and inside.kind in ("function", "method"):
        return _range_of(document, inside)
    below = await _symbol_at(document, LspPosition(line + 1, 0)) if document.line(line + 1).strip() else None
    if below and below.start_line == line + 1:
        return LspRange(LspPosition(line, 0), _range_of(document, below).end)
    return whole_lines(document, LspRange(LspPosition(line, 0), LspPosition(line, 0)))


async def requests(document: OpenDocument) -> list[ai_comments.Found]:
    """Return the `AI!` comments of a document; none if it is too large."""
    if _size(document) > MAX_CHARS or ai_comments.MARK not in document.text:
        return []
    text, language = document.text, document.language_id
    return await _parsed(document, lambda: ai_comments.find_ai_comments(text, language))


async def _symbol_at(document: OpenDocument, position: LspPosition) -> CodeSymbol | None:
    if _size(document) > MAX_CHARS:
        return None
    line, column = document.locate(position)
    shown = document.line(line)
    # A cursor in the indentation of a definition means that definition, not the one around it.
    column = max(column, len(shown) - len(shown.lstrip(" \t")))
    text, language = document.text, document.language_id

    def find() -> CodeSymbol | None:
        from mazu_ls import syntax

        return syntax.symbol_at(text, language, line, column)

    return await _parsed(document, find)


async def _parsed(document: OpenDocument, work: Callable[[], T]) -> T:
    """Return the result of work that parses a document, in a thread if it would delay the editor."""
    language = document.language_id
    if _size(document) <= IN_PLACE_CHARS and language in _loaded:
        return work()
    found = await asyncio.to_thread(work)
    _loaded.add(language)
    return found


def _size(document: OpenDocument) -> int:
    return sum(map(len, document.lines))


def _range_of(document: OpenDocument, symbol: CodeSymbol) -> LspRange:
    end = document.position(symbol.end_line, symbol.end_char)
    return whole_lines(document, LspRange(LspPosition(symbol.start_line, 0), end))
