"""The open notebooks: which documents are cells of which file, and that file's text as the editor shows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mazu_ls.errors import MazuError
from mazu_ls.server import uris
from mazu_ls.workspace import ipynb

if TYPE_CHECKING:
    from mazu_ls.server.documents.documents import OpenDocument, OpenDocuments

logger = logging.getLogger(__name__)


class NotebookCellState(Struct):
    """One cell; `origin` is its number (0-based) in the file as it was last read or saved, None for a new one."""

    uri: str
    kind: int
    origin: int | None = None


class OpenNotebook(Struct):
    """An open notebook. `cells` are in the editor's order."""

    uri: str
    path: Path | None
    cells: list[NotebookCellState] = field(default_factory=list)
    aligned: bool = False


class CellPlace(Struct, frozen=True):
    """A cell in its file: the file's text as the editor shows it, and the cell's lines in it, if they are known."""

    path: Path
    number: int
    text: str
    source: ipynb.CellSource | None


class OpenNotebooks:
    """All open notebooks; the texts of their cells are in `documents`."""

    def __init__(self, documents: OpenDocuments) -> None:
        self._documents = documents
        self._open: dict[str, OpenNotebook] = {}
        self._of_cell: dict[str, OpenNotebook] = {}

    def open(self, uri: str, cells: Sequence[tuple[str, int]]) -> None:
        """notebookDocument/didOpen: the URIs and kinds of its cells."""
        notebook = OpenNotebook(
            uri, uris.to_path(uri), [NotebookCellState(cell, kind) for cell, kind in cells]
        )
        self._open[uris.key(uri)] = notebook
        self._of_cell |= {uris.key(cell.uri): notebook for cell in notebook.cells}

    def splice(self, uri: str, start: int, count: int, cells: Sequence[tuple[str, int]]) -> None:
        """The structure changed: `count` cells from `start` on were replaced by these."""
        if notebook := self._open.get(uris.key(uri)):
            for cell in notebook.cells[start : start + count]:
                self._of_cell.pop(uris.key(cell.uri), None)
            known = {uris.key(cell.uri): cell.origin for cell in notebook.cells}
            new = [NotebookCellState(cell, kind, known.get(uris.key(cell))) for cell, kind in cells]
            notebook.cells[start : start + count] = new
            self._of_cell |= {uris.key(cell.uri): notebook for cell in new}

    def saved(self, uri: str) -> None:
        """The file now holds what the editor shows."""
        if notebook := self._open.get(uris.key(uri)):
            for number, cell in enumerate(notebook.cells):
                cell.origin = number
            notebook.aligned = True

    def close(self, uri: str) -> None:
        """notebookDocument/didClose."""
        notebook = self._open.pop(uris.key(uri), None)
        for cell in notebook.cells if notebook else ():
            self._of_cell.pop(uris.key(cell.uri), None)

    def at(self, path: Path) -> OpenNotebook | None:
        """Return the open notebook of a file."""
        return self._open.get(uris.key(uris.from_path(path))) or next(
            (one for one in self._open.values() if one.path and one.path.resolve() == path.resolve()), None
        )

    def for_cell(self, uri: str) -> OpenNotebook | None:
        """Return the notebook that a document is a cell of."""
        return self._of_cell.get(uris.key(uri))

    def number(self, uri: str) -> int:
        """Return a document's cell number in its notebook (0-based)."""
        notebook = self._of_cell[uris.key(uri)]
        return next(n for n, cell in enumerate(notebook.cells) if uris.key(cell.uri) == uris.key(uri))

    def document(self, notebook: OpenNotebook, number: int) -> OpenDocument | None:
        """Return the document of a cell."""
        return self._documents.get(notebook.cells[number].uri)

    async def text(self, notebook: OpenNotebook, path: Path, read: Callable[[Path], str]) -> str:
        """Return the text of the file as the editor shows it; `read` returns that on the disk, and its exceptions pass
        through.

        Raises MazuError(unsupported) for a file that is no notebook.
        """
        cells = list(notebook.cells)
        shown = [(cell.kind, self._text(cell)) for cell in cells]
        known = [cell.origin for cell in cells] if notebook.aligned else None
        text, found = await asyncio.to_thread(_composed, read, path, shown, known)
        if not notebook.aligned:
            for cell, origin in zip(cells, found, strict=True):
                cell.origin = origin
            notebook.aligned = True
        return text

    async def place(self, uri: str, read: Callable[[Path], str]) -> CellPlace | None:
        """Return a cell's place in its file, whose text on the disk `read` returns; None for no cell of a file."""
        notebook = self.for_cell(uri)
        if notebook is None or notebook.path is None:
            return None
        try:
            text = await self.text(notebook, notebook.path, read)
        except (MazuError, OSError) as error:
            logger.info("%s is not read as a notebook: %s", notebook.path, error)
            return None
        if self.for_cell(uri) is not notebook:
            return None
        number, sources = self.number(uri), await asyncio.to_thread(ipynb.sources, text)
        fits = sources is not None and len(sources) == len(notebook.cells)
        return CellPlace(notebook.path, number, text, sources[number] if sources and fits else None)

    def _text(self, cell: NotebookCellState) -> str:
        document = self._documents.get(cell.uri)
        return document.text.replace("\r\n", "\n") if document else ""


def _composed(
    read: Callable[[Path], str], path: Path, shown: list[tuple[int, str]], known: list[int | None] | None
) -> tuple[str, list[int | None]]:
    on_disk = read(path)
    origins = ipynb.origins(on_disk, shown) if known is None else known
    cells = [ipynb.ShownCell(kind, text, one) for (kind, text), one in zip(shown, origins, strict=True)]
    return ipynb.composed(on_disk, cells), origins
