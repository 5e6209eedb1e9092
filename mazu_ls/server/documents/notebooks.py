"""The open notebooks: which documents are cells of which file, and that file's text as the editor shows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
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
    """An open notebook. `cells` are in the editor's order. `base`: the file's text to which their origins refer, None if it
    was not read since the notebook was opened or saved. `version` counts what makes origins read before wrong: cells that came
    or went, and saves."""

    uri: str
    path: Path | None
    cells: list[NotebookCellState] = field(default_factory=list)
    base: str | None = None
    version: int = 0


class NotebookState(Struct, frozen=True):
    """The text of the file as the editor shows it; `dirty` and `stale` are as those of a `Buffer`."""

    text: str
    dirty: bool
    stale: bool


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
            notebook.version += 1
            self._of_cell |= {uris.key(cell.uri): notebook for cell in new}

    def saved(self, uri: str) -> None:
        """The file now holds what the editor shows."""
        if notebook := self._open.get(uris.key(uri)):
            for number, cell in enumerate(notebook.cells):
                cell.origin = number
            notebook.base = None
            notebook.version += 1

    def close(self, uri: str) -> None:
        """notebookDocument/didClose."""
        notebook = self._open.pop(uris.key(uri), None)
        for cell in notebook.cells if notebook else ():
            self._of_cell.pop(uris.key(cell.uri), None)

    def get(self, uri: str) -> OpenNotebook | None:
        """Return the open notebook of a URI."""
        return self._open.get(uris.key(uri))

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

    def __iter__(self) -> Iterator[OpenNotebook]:
        return iter(list(self._open.values()))

    def shown(self, notebook: OpenNotebook) -> list[tuple[int, str]]:
        """Return kind and text of each cell, as the editor shows it."""
        return [(cell.kind, self._text(cell)) for cell in notebook.cells]

    async def state(self, notebook: OpenNotebook, path: Path, read: Callable[[Path], str]) -> NotebookState:
        """Return the file as the editor shows it; `read` returns its text on the disk, and its exceptions pass through.

        Raises MazuError(unsupported) for a file that is no notebook.
        """
        version, known = notebook.version, (notebook.base, [cell.origin for cell in notebook.cells])
        found, base, origins = await asyncio.to_thread(_state, read, path, self.shown(notebook), known)
        if notebook.version == version:
            for cell, origin in zip(notebook.cells, origins, strict=True):
                cell.origin = origin
            notebook.base = base
        return found

    async def text(self, notebook: OpenNotebook, path: Path, read: Callable[[Path], str]) -> str:
        """Return the text of the file that the user sees, or will see once the editor has loaded it again. Like `state`."""
        state = await self.state(notebook, path, read)
        return await asyncio.to_thread(read, path) if state.stale else state.text

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


def _state(
    read: Callable[[Path], str],
    path: Path,
    shown: list[tuple[int, str]],
    known: tuple[str | None, list[int | None]],
) -> tuple[NotebookState, str, list[int | None]]:
    """Return the state, and the file's text to which the cells' origins refer, with these; `known`: those found before."""
    base, origins = known
    on_disk = read(path)
    if ipynb.CellTexts.parse(on_disk).is_shown_as(shown):
        return NotebookState(on_disk, dirty=False, stale=False), on_disk, list(range(len(shown)))
    if base is None:
        base, origins = on_disk, ipynb.origins(on_disk, shown)
    elif ipynb.CellTexts.parse(base).is_shown_as(shown):  # the editor has not loaded the file again
        return NotebookState(base, dirty=False, stale=True), base, origins
    cells = [ipynb.ShownCell(kind, text, one) for (kind, text), one in zip(shown, origins, strict=True)]
    return NotebookState(ipynb.composed(base, cells), dirty=True, stale=False), base, origins
