"""Three-way merges of a notebook by its cells, so that what comes out is a notebook: merged lines of its JSON need not be one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

Merge = Callable[[bytes, bytes, bytes], bytes | None]
CELL, LINE = "cell ", "line "


def merge_cells(merge: Merge) -> Merge:
    """Return a merge (of mine, ancestor, theirs) that lets `merge` merge three notebooks as lists of cells and their lines, and any other
    texts as they are."""

    def merged(mine: bytes, ancestor: bytes, theirs: bytes) -> bytes | None:
        sides = [_listed(side) for side in (mine, ancestor, theirs)]
        first, second, third = sides
        if first is None or second is None or third is None:
            return merge(mine, ancestor, theirs)
        result = merge(first, second, third)
        return None if result is None else _notebook(result, mine)

    return merged


def _listed(data: bytes) -> bytes | None:
    """Return a notebook as lines: one of what belongs to no cell, then one for each cell, and one for each line of its
    source. None for what is no notebook."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    if not text.lstrip().startswith("{") or (cells := ipynb.cells_of(text)) is None:
        return None
    lines = [json.dumps({**json.loads(text), "cells": []})]
    for cell in cells:
        lines.append(CELL + json.dumps({**cell, "source": []}))
        lines += [LINE + json.dumps(line) for line in ipynb.source_of(cell).split("\n")]
    return "".join(f"{line}\n" for line in lines).encode()


def _notebook(listed: bytes, like: bytes) -> bytes | None:
    """Return the notebook of merged lines, written as another one is; None if a source is without its cell."""
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
        cell["source"] = split_lines("\n".join(source))
    text = ipynb.written({**json.loads(head), "cells": cells}, like.decode("utf-8", "surrogatepass"))
    return text.encode("utf-8", "surrogatepass")
