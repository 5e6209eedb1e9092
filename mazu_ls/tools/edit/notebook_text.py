"""A Jupyter notebook as text: its cells between marks, followed by their outputs. Edits of this text change the
notebook."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from mazu_ls.errors import ToolError
from mazu_ls.tools import output_limits
from mazu_ls.tools.edit.notebook_json import with_sources
from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

OUTPUT_CHARS = 2000
FORM = "<cell code>\n...\n</cell>"
_BEGIN = r"<cell(?: (?P<number>\d+))? (?P<kind>code|markdown|raw)>"
_CELL = re.compile(
    rf"^{_BEGIN}\n(?P<source>(?:(?!<cell(?: \d+)? (?:code|markdown|raw)>$)[^\n]*\n)*?)</cell[^>\n]*>$",
    re.MULTILINE,
)


class WrittenCell(NamedTuple):
    """A cell in the text; `number` is the one it had when it was shown, 0 for a new one; `behind` is the text after it."""

    number: int
    kind: str
    source: str
    behind: str


@dataclass(frozen=True)
class NotebookText:
    """`text` shows the notebook whose file holds `source`."""

    source: str
    text: str

    @classmethod
    def from_source(cls, source: str) -> NotebookText | None:
        """Return None for what is no notebook of nbformat 4, and for one whose cells cannot be distinguished as text."""
        cells = ipynb.cells_of(source)
        if cells is None:
            return None
        text = "\n\n".join(_rendered(number, cell) for number, cell in enumerate(cells, 1)) + "\n"
        written = _written_cells(text)
        shown = [(cell.kind, cell.source) for cell in written]
        return cls(source, text) if shown == [_identity(cell) for cell in cells] else None

    @property
    def cells(self) -> str:
        """The text without the outputs, in which a passage is looked for first."""
        return "\n\n".join(match[0] for match in _cells(self.text)) + "\n"

    def with_text(self, text: str, path: str, *, outputs: bool = True) -> str:
        """Return the file for an edited text of the notebook. Raises ToolError if it changes `outputs`, or has other
        marks."""
        old, new = _written_cells(self.text), _written_cells(text)
        _require_marks(text, new, path)
        if outputs and not {cell.behind for cell in new} <= {cell.behind for cell in old} | {""}:
            raise ToolError(
                f"outputs of {path} come from running it, and only the text of its cells can be edited"
            )
        cells = ipynb.cells_of(self.source) or []
        origins = _origins([(cell.kind, cell.source) for cell in old], new)
        if origins == list(range(len(cells))):
            return with_sources(self.source, cells, [cell.source for cell in new])
        notebook = json.loads(self.source)
        made = [
            _changed(cells[at], cell) if at is not None else _new_cell(notebook, cell)
            for at, cell in zip(origins, new, strict=True)
        ]
        return ipynb.written({**notebook, "cells": made}, like=self.source)


def is_notebook_text(text: str) -> bool:
    """Return whether a text has the form of a notebook."""
    found = _cells(text)
    return bool(found) and not (
        _CELL.sub("", text[: found[-1].end()]) + text[found[-1].end() :]
    ).strip().startswith("{")


def new_notebook(text: str, path: str) -> str:
    """Return the file of a new notebook with the cells of a text."""
    cells = _written_cells(text)
    _require_marks(text, cells, path)
    notebook: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook["cells"] = [_new_cell(notebook, cell) for cell in cells]
    return ipynb.written(notebook, like="") + "\n"


def _rendered(number: int, cell: dict[str, Any]) -> str:
    kind, source = _identity(cell)
    lines = [f"<cell {number} {kind}>\n{source}\n</cell {number}>"]
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        given = output.get("data")
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        plain = output.get("text") or data.get("text/plain") or output.get("traceback") or ""
        text = "".join(map(str, plain)) if isinstance(plain, list) else str(plain)
        if text:
            lines.append(
                "-> " + output_limits.limit_head(output_limits.clean(text), "output cut", OUTPUT_CHARS)
            )
        lines += [f"-> [{name}]" for name in data if name.startswith("image/")]
    return "\n".join(lines)


def _identity(cell: dict[str, Any]) -> tuple[str, str]:
    kind = str(cell.get("cell_type"))
    return kind if kind in ("code", "markdown", "raw") else "raw", ipynb.source_of(cell)


def _cells(text: str) -> list[re.Match[str]]:
    return list(_CELL.finditer(text))


def _written_cells(text: str) -> list[WrittenCell]:
    found = _cells(text)
    ends = [*(match.start() for match in found[1:]), len(text)][: len(found)]
    return [
        WrittenCell(
            int(match["number"] or 0),
            match["kind"],
            match["source"].removesuffix("\n"),
            text[match.end() : end].strip("\n"),
        )
        for match, end in zip(found, ends, strict=True)
    ]


def _require_marks(text: str, cells: Sequence[WrittenCell], path: str) -> None:
    """Raise ToolError for text before the first cell, or a mark that begins or ends no cell."""
    behind = "\n".join(cell.behind for cell in cells)
    first = next(iter(_cells(text)), None)
    if (text[: first.start()] if first else text).strip() or re.search(r"^</?cell\b", behind, re.MULTILINE):
        raise ToolError(
            f"{path} is a notebook: each cell is between marks, as in {FORM!r}, and nothing outside them"
        )


def _origins(old: Sequence[tuple[str, str]], new: Sequence[WrittenCell]) -> list[int | None]:
    """Return which cell of the file each cell of the text is: the same one, else the one of its number, else a new one."""
    numbers = [cell.number for cell in new]
    kinds = [cell.kind for cell in new]
    if numbers == list(range(1, len(old) + 1)) and kinds == [kind for kind, _ in old]:
        return list(range(len(old)))
    found: list[int | None] = [
        cell.number - 1
        if 0 < cell.number <= len(old) and old[cell.number - 1] == (cell.kind, cell.source)
        else None
        for cell in new
    ]
    same = [at for at in found if at is not None]
    if same != sorted(set(same)):
        found = [None] * len(new)
    left = [at for at in range(len(old)) if at not in found]
    open_cells = [index for index, at in enumerate(found) if at is None]
    matcher = SequenceMatcher(
        None, [old[at] for at in left], [(new[i].kind, new[i].source) for i in open_cells], autojunk=False
    )
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            found[open_cells[block.b + step]] = left[block.a + step]
    taken = {at for at in found if at is not None}
    for index, cell in enumerate(new):
        at = cell.number - 1
        if found[index] is None and 0 <= at < len(old) and at not in taken and old[at][0] == cell.kind:
            found[index] = at
            taken.add(at)
    return found


def _changed(cell: dict[str, Any], written: WrittenCell) -> dict[str, Any]:
    same = ipynb.source_of(cell) == written.source
    return cell if same else {**cell, "source": split_lines(written.source)}


def _new_cell(notebook: dict[str, Any], written: WrittenCell) -> dict[str, Any]:
    """Return a new cell; nbformat 4.5 and later: with an id."""
    minor = notebook.get("nbformat_minor")
    identified = isinstance(minor, int) and minor >= 5
    cell: dict[str, Any] = {"cell_type": written.kind}
    cell |= {"execution_count": None} if written.kind == "code" else {}
    cell |= {"id": secrets.token_hex(4)} if identified else {}
    cell |= {"metadata": {}}
    cell |= {"outputs": []} if written.kind == "code" else {}
    return {**cell, "source": split_lines(written.source)}
