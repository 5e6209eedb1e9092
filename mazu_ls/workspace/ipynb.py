"""A Jupyter notebook file with the text of its cells as the editor shows it. Pure functions over the file's JSON.

The file is JSON (nbformat 4) that keeps a cell's source as a list of lines, so that in an indented file each line of a
cell is a line of the file: an anchor in a cell maps to a line of the file, and back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace.text import split_lines

MARKUP = 1
"""LSP's kind of a cell that is not code."""


class ShownCell(Struct, frozen=True):
    """A cell in the editor: LSP's kind, its text, and the index of the file's cell it came from."""

    kind: int
    text: str
    origin: int | None


class CellSource(Struct, frozen=True):
    """The place of a cell's source in the file's text: `count` lines from line `start` (0-based) on."""

    start: int
    count: int

    def line_of(self, number: int) -> int:
        """Return the line of the file for a line of the cell."""
        return self.start + max(0, min(number, self.count - 1))

    def line_in(self, line: int) -> int | None:
        """Return the line of the cell for one of the file; None if that is elsewhere."""
        return line - self.start if self.start <= line < self.start + max(1, self.count) else None


def cells_of(text: str) -> list[dict[str, Any]] | None:
    """Return the cells of a notebook file; None if it is none."""
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    good = isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)
    return cells if good else None


def source_of(cell: dict[str, Any]) -> str:
    """Return the text of a cell."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


class CellTexts(Struct, frozen=True):
    """What an editor can show of a notebook file: type and source of each cell, with `\\n` as line end; `cells` is None if it is none."""

    cells: tuple[tuple[str, str], ...] | None

    @classmethod
    def parse(cls, text: str) -> CellTexts:
        """Read a file, which takes milliseconds for each megabyte of outputs."""
        found = cells_of(text)
        if found is None:
            return cls(None)
        return cls(
            tuple((str(cell.get("cell_type")), source_of(cell).replace("\r\n", "\n")) for cell in found)
        )

    def is_shown_as(self, shown: Sequence[tuple[int, str]]) -> bool:
        """Return whether these are the file's cells (LSP's kind, text); line ends are ignored."""
        return (
            self.cells is not None
            and len(self.cells) == len(shown)
            and all(
                source == text.replace("\r\n", "\n") and _is_kind(of_file, kind)
                for (of_file, source), (kind, text) in zip(self.cells, shown, strict=True)
            )
        )


def _is_kind(of_file: str, kind: int) -> bool:
    """Return whether the editor shows a type of cell as this kind; one that is neither code nor Markdown it may show as any."""
    return of_file not in ("code", "markdown") or (of_file == "markdown") == (kind == MARKUP)


def canonical(text: str) -> str:
    """Return a text by which two files of one notebook are equal; any other text as it is.

    The order of keys, white space and the ids of cells do not count: editors write these as they like when they save.
    """
    if not text.lstrip().startswith("{") or '"nbformat"' not in text or cells_of(text) is None:
        return text
    return json.dumps(_plain(text), sort_keys=True)


def _plain(text: str) -> dict[str, Any]:
    notebook = json.loads(text)
    cells = [{key: value for key, value in cell.items() if key != "id"} for cell in notebook["cells"]]
    return {**notebook, "cells": [{**cell, "source": source_of(cell)} for cell in cells]}


def separate_cells(before: str, after: str) -> tuple[dict[int, str], bool] | None:
    """Return the cells that differ between two files of one notebook, by number, with their text in the second, and
    whether nothing else differs. None if one is no notebook, or if cells were added, removed, or became another kind."""
    old, new = cells_of(before), cells_of(after)
    if (
        old is None
        or new is None
        or [one.get("cell_type") for one in old] != [one.get("cell_type") for one in new]
    ):
        return None
    texts = {number: source_of(cell) for number, cell in enumerate(new)}
    changed = {number: text for number, text in texts.items() if text != source_of(old[number])}
    first, second = (
        {**one, "cells": [{**cell, "source": ""} for cell in one["cells"]]}
        for one in map(_plain, (before, after))
    )
    return changed, first == second


def origins(text: str, cells: Sequence[tuple[int, str]]) -> list[int | None]:
    """Return the file's cell for each cell of the editor: by position if there are as many, else by text."""
    found = cells_of(text) or []
    if len(found) == len(cells):
        return list(range(len(cells)))
    left = list(range(len(found)))
    result: list[int | None] = []
    for _, shown in cells:
        same = next((number for number in left if source_of(found[number]) == shown), None)
        if same is not None:
            left = [number for number in left if number > same]
        result.append(same)
    return result


def composed(text: str, shown: Sequence[ShownCell]) -> str:
    """Return the file with the cells that the editor shows; the same text if they are those of the file.

    Raises MazuError(unsupported) if `text` is no notebook.
    """
    cells = cells_of(text)
    if cells is None:
        raise MazuError(Kind.UNSUPPORTED, "This is not a notebook of nbformat 4.", "Look at the file.")
    same = [one.origin for one in shown] == list(range(len(cells)))
    if same and all(source_of(cell) == one.text for cell, one in zip(cells, shown, strict=True)):
        return text
    new = [_cell(cells[one.origin] if one.origin is not None else None, one) for one in shown]
    return written({**json.loads(text), "cells": new}, like=text)


def _cell(known: dict[str, Any] | None, one: ShownCell) -> dict[str, Any]:
    if known is not None and source_of(known) == one.text:
        return known
    source = split_lines(one.text)
    if known is not None:
        return {**known, "source": source}
    if one.kind == MARKUP:
        return {"cell_type": "markdown", "metadata": {}, "source": source}
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def written(notebook: dict[str, Any], like: str) -> str:
    """Serialise a notebook as JSON, with the indentation and final newline of another text of it."""
    indented = re.search(r'^( +)"', like, re.MULTILINE)
    text = json.dumps(notebook, indent=len(indented[1]) if indented else 1, ensure_ascii="\\u" in like)
    return text + ("\n" if like.endswith("\n") else "")


def sources(text: str) -> list[CellSource] | None:
    """Return the place of each cell's source in the file; None if unknown, as in JSON of one line."""
    cells, lines = cells_of(text), text.split("\n")
    indented = re.search(r'^( +)"', text, re.MULTILINE)
    if cells is None or indented is None:
        return None
    head = re.compile(rf'^ {{{3 * len(indented[1])}}}"source": (?P<list>\[$)?')
    found = [(number, match["list"]) for number, line in enumerate(lines) if (match := head.match(line))]
    if len(found) != len(cells):
        return None
    return [
        CellSource(number + 1, len(cell["source"])) if listed else CellSource(number, 1)
        for (number, listed), cell in zip(found, cells, strict=True)
    ]


def new_sources(before: str, after: str, name: str) -> dict[int, str]:
    """Return the cells whose text an edit of the file changes, by number, with their new text.

    Raises MazuError(conflict) for an edit that leaves no notebook, or changes more than the text of cells.
    """
    old, new = cells_of(before), cells_of(after)
    if old is None or new is None:
        raise MazuError(
            Kind.CONFLICT,
            f"The edit would leave no valid notebook in {name}.",
            "Its file is JSON: quote it so.",
        )
    if _frame(before) != _frame(after):
        raise MazuError(
            Kind.CONFLICT,
            f"{name} is open in the editor as a notebook: there only the text of its cells can be edited.",
            "Change no outputs, metadata or number of cells, or ask the user to close it first.",
        )
    changed = {number: source_of(cell) for number, cell in enumerate(new)}
    return {number: text for number, text in changed.items() if text != source_of(old[number])}


def _frame(text: str) -> Any:
    notebook = json.loads(text)
    return {**notebook, "cells": [{**cell, "source": ""} for cell in notebook["cells"]]}
