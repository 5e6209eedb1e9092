"""Three-way merges of a notebook by its cells, so that what comes out is a notebook: merged lines of its JSON need not be one.

Only what can be written again byte for byte is merged so: a merge changes nothing that neither side changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

Merge = Callable[[bytes, bytes, bytes], bytes | None]
CELL, LINE = "cell ", "line "


class JsonStyle(Struct, frozen=True):
    """How a file of JSON is written. `tail`: the white space at its end."""

    indent: str | None
    separators: tuple[str, str]
    ascii: bool
    newline: str
    tail: str

    def written(self, value: Any) -> str:
        """Serialise a value in this style."""
        text = json.dumps(value, indent=self.indent, separators=self.separators, ensure_ascii=self.ascii)
        return text.replace("\n", self.newline) + self.tail


def merge_cells(merge: Merge, place: bytes) -> Merge:
    """Return a merge (of mine, ancestor, theirs) that lets `merge` merge three notebooks as lists of cells and their lines, and any other
    texts as they are. `place`: that of the file; only an `.ipynb` is a notebook."""
    if not place.lower().endswith(b".ipynb"):
        return merge

    def merged(mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
        first, second, third = (_listed(side) for side in (mine, ancestor, theirs))
        if first is None or second is None or third is None:
            return merge(mine, ancestor, theirs)
        result = merge(first[0], second[0], third[0])
        return None if result is None else _notebook(result, first[1])

    return merged


def _listed(data: bytes) -> tuple[bytes, JsonStyle] | None:
    """Return a notebook as lines: one of what belongs to no cell, then one for each cell, and one for each line of its
    source; and the style that makes the same bytes of them. None for what is no notebook, or was written as no style writes."""
    try:
        text = data.decode("utf-8", "surrogatepass")
        notebook = json.loads(text)
        if not _is_notebook(notebook):
            return None
        lines = [json.dumps({**notebook, "cells": []})]
        for cell in notebook["cells"]:
            lines.append(CELL + json.dumps({**cell, "source": type(cell["source"])()}))
            lines += [LINE + json.dumps(line) for line in ipynb.source_of(cell).split("\n")]
        listed = "".join(f"{line}\n" for line in lines).encode()
        same = (style for style in _styles(text) if _notebook(listed, style) == data)
        style = next(same, None)
    except (ValueError, RecursionError):
        return None
    return None if style is None else (listed, style)


def _is_notebook(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and type(value.get("nbformat")) is int
        and isinstance(value.get("cells"), list)
        and all(
            isinstance(cell, dict)
            and isinstance(cell.get("cell_type"), str)
            and isinstance(cell.get("source"), str | list)
            for cell in value["cells"]
        )
    )


def _styles(text: str) -> list[JsonStyle]:
    """Return the styles in which a text of JSON may be written."""
    body = text.rstrip()
    indented = re.search(r'^([ \t]+)"', body, re.MULTILINE)
    indent = indented[1] if indented else None
    newline = "\r\n" if "\r\n" in body else "\n"
    separators = [(",", ": ")] if indent is not None else [(", ", ": "), (",", ":")]
    return [
        JsonStyle(indent, between, ascii, newline, text[len(body) :])
        for between in separators
        for ascii in ([False, True] if body.isascii() else [False])
    ]


def _notebook(listed: bytes, style: JsonStyle) -> bytes | None:
    """Return the notebook of merged lines in a style; None if a source is without its cell."""
    head, *lines = listed.decode().removesuffix("\n").split("\n")
    cells: list[dict[str, Any]] = []
    sources: list[list[str]] = []
    for line in lines:
        kind, value = line[: len(CELL)], json.loads(line[len(CELL) :])
        if kind == CELL:
            cells.append(value)
            sources.append([])
        elif not cells:
            return None
        else:
            sources[-1].append(value)
    for cell, source in zip(cells, sources, strict=True):
        text = "\n".join(source)
        cell["source"] = text if cell["source"] == "" else split_lines(text)
    return style.written({**json.loads(head), "cells": cells}).encode("utf-8", "surrogatepass")
