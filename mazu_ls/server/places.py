"""What the user means by where they stand: the selection, the definition round the cursor, the line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mazu_ls.server import comments
from mazu_ls.server.lsp import Position, Range

if TYPE_CHECKING:
    from mazu_ls.server.documents import Document
    from mazu_ls.syntax import Symbol

IN_PLACE_CHARS = 20_000
"""Larger texts are parsed in a thread: a kilobyte takes a quarter of a millisecond."""
MAX_CHARS = 1_000_000


def whole_lines(document: Document, span: Range) -> Range:
    """A range widened to whole lines; one that ends before the first character of a line ends in the line above."""
    last = span.end.line
    if span.end.character == 0 and last > span.start.line:
        last -= 1
    return Range(
        Position(span.start.line, 0), document.position(last, len(document.line(last).rstrip("\r\n")))
    )


async def meant(document: Document, span: Range) -> Range:
    """The range itself; where nothing is selected, the innermost definition round the cursor, else the cursor's line."""
    if span.start != span.end:
        return span
    symbol = await _symbol_at(document, span.start)
    return _range_of(document, symbol) if symbol else whole_lines(document, span)


async def meant_by_comment(document: Document, line: int) -> Range:
    """The code an `AI!` comment is about: the function it stands in, else the definition right below it, with it."""
    inside = await _symbol_at(document, Position(line, 0))
    if inside and inside.kind in ("function", "method"):
        return _range_of(document, inside)
    below = await _symbol_at(document, Position(line + 1, 0)) if document.line(line + 1).strip() else None
    if below and below.start_line == line + 1:
        return Range(Position(line, 0), _range_of(document, below).end)
    return whole_lines(document, Range(Position(line, 0), Position(line, 0)))


async def requests(document: Document) -> list[comments.Found]:
    """The `AI!` comments of a document; none in one that is too large to look at."""
    size = sum(map(len, document.lines))
    if size > MAX_CHARS or comments.MARK not in document.text:
        return []
    if size <= IN_PLACE_CHARS:
        return comments.requests(document.text, document.language_id)
    return await asyncio.to_thread(comments.requests, document.text, document.language_id)


async def _symbol_at(document: Document, position: Position) -> Symbol | None:
    from mazu_ls import syntax

    line, column = document.locate(position)
    shown = document.line(line)
    # In the indentation of a definition one stands on it, not on what is round it.
    column = max(column, len(shown) - len(shown.lstrip(" \t")))
    size = sum(map(len, document.lines))
    if size > MAX_CHARS:
        return None
    place = (document.text, document.language_id, line, column)
    if size <= IN_PLACE_CHARS:
        return syntax.symbol_at(*place)
    return await asyncio.to_thread(syntax.symbol_at, *place)


def _range_of(document: Document, symbol: Symbol) -> Range:
    end = document.position(symbol.end_line, symbol.end_char)
    return whole_lines(document, Range(Position(symbol.start_line, 0), end))
