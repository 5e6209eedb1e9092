"""The memories anchored in a document, and where they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.rpc.lsp_types import LspPosition, LspRange

if TYPE_CHECKING:
    from mazu_ls.memory.anchors.anchors import AnchoredMemory, Anchors
    from mazu_ls.server.state import ServerState


async def anchored(
    server: ServerState, document: OpenDocument, line: int | None = None
) -> list[AnchoredMemory]:
    """Return the memories anchored in a document, or at one of its lines; none before the project is open."""
    project = server.project
    if project is None or project.memories is None:
        return []
    anchors = project.memories.anchors
    if document.path is not None:
        name = server.name_of(document.path)
        if server.hints.has_pending_update(document):
            return await anchors.in_text(name, document.text, line)
        return await anchors.at(name, line)
    return await _in_cell(server, anchors, document, line)


async def _in_cell(
    server: ServerState, anchors: Anchors, document: OpenDocument, line: int | None
) -> list[AnchoredMemory]:
    """Return those in a cell of a notebook, at their lines in it."""
    if server.editor is None or (notebook := server.editor.notebooks.for_cell(document.uri)) is None:
        return []
    if notebook.path is None or not (found := await anchors.at(server.name_of(notebook.path))):
        return []
    place = await server.cell_place(document.uri)
    if place is None or place.source is None:
        return []
    source = place.source
    shown: list[AnchoredMemory] = []
    for at in found:
        span = at.anchor.range
        first = source.line_in(span.start_line) if span else 0 if place.number == 0 else None
        if first is None:
            continue
        last = first if span is None else min(first + span.end_line - span.start_line, source.count)
        if line is None or first <= line <= max(first, last):
            there = span and replace(span, start_line=first, end_line=max(first, last))
            shown.append(replace(at, anchor=replace(at.anchor, range=there)))
    return shown


def shown_range(document: OpenDocument, at: AnchoredMemory) -> LspRange:
    """Return an anchor's range for display: its first line, so that a hint does not underline a whole function."""
    line = min(at.anchor.range.start_line if at.anchor.range else 0, max(0, len(document.lines) - 1))
    return LspRange(LspPosition(line, 0), document.position(line, len(document.line(line).rstrip("\r\n"))))
