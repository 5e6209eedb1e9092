"""Three-way merges of a notebook by its cells, so that what comes out is a notebook: merged lines of its JSON need not be one.

Only what can be written again byte for byte is merged so: a merge changes nothing that neither side changed. Merged lines say nothing
of the cells they stand in, so each cell of the result has to be one of either side, or the merge of one that both changed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

Merge = Callable[[bytes, bytes, bytes], bytes | None]
CELL, LINE = "cell ", "line "
MOST_PAIRS = 250_000
"""Above this many pairs of cells it is not searched which cell became which."""


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
        if result is None or not _keeps_cells(merge, result, (first[0], second[0], third[0])):
            return None
        return _notebook(result, first[1])

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


def _notebook(listed: bytes, style: JsonStyle) -> bytes:
    """Return the notebook of lines as `_listed` makes them in a style."""
    head, *lines = listed.decode().removesuffix("\n").split("\n")
    cells: list[dict[str, Any]] = []
    sources: list[list[str]] = []
    for line in lines:
        kind, value = line[: len(CELL)], json.loads(line[len(CELL) :])
        if kind == CELL:
            cells.append(value)
            sources.append([])
        else:
            sources[-1].append(value)
    for cell, source in zip(cells, sources, strict=True):
        text = "\n".join(source)
        cell["source"] = text if cell["source"] == "" else split_lines(text)
    return style.written({**json.loads(head), "cells": cells}).encode("utf-8", "surrogatepass")


def _keeps_cells(merge: Merge, result: bytes, sides: tuple[bytes, bytes, bytes]) -> bool:
    """Return whether merged lines are whole cells: each one of mine or of theirs, or the merge of one that both changed, and all those
    that neither changed. `sides`: the lines of mine, ancestor and theirs."""
    first, *found = _cells(result)
    mine, ancestor, theirs = (_cells(side)[1:] for side in sides)
    if "\n" in first:
        return False  # lines before the first cell
    own, old, other, new = map(Counter, (mine, ancestor, theirs, found))
    if any(own[cell] == count == other[cell] > new[cell] for cell, count in old.items()):
        return False
    if not (merged := {cell for cell in found if cell not in own and cell not in other}):
        return True
    of_mine, of_theirs = _partners(ancestor, mine), _partners(ancestor, theirs)
    both = of_mine.keys() & of_theirs.keys()
    triples = ((mine[of_mine[at]], ancestor[at], theirs[of_theirs[at]]) for at in both)
    return merged <= {
        (merge(*(cell.encode() for cell in triple)) or b"").decode()
        for triple in triples
        if triple[1] not in triple[::2]
    }


def _cells(listed: bytes) -> list[str]:
    """Return the line of what belongs to no cell, then the lines of each cell, its head first."""
    first, *cells = listed.decode().removesuffix("\n").split("\n" + CELL)
    return [first, *(f"{CELL}{cell}\n" for cell in cells)]


def _partners(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return for the cells of one notebook, by number, those that they became in another, as far as that can be told."""
    if len(old) * len(new) > MOST_PAIRS:
        return {}
    from difflib import SequenceMatcher

    found: dict[int, int] = {}
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found |= zip(range(i, j), range(k, m), strict=True)
        elif tag == "replace":
            found |= {i + a: k + b for a, b in _alike(old[i:j], new[k:m]).items()}
    return found


def _alike(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return which cells became which: those that have most lines in common, then, if there are as many, those at the same place."""
    before, after = [_CellParts.read(cell) for cell in old], [_CellParts.read(cell) for cell in new]
    as_many = len(old) == len(new)
    pairs = [
        (len(one.lines & two.lines) + (as_many and a == b), a, b)
        for a, one in enumerate(before)
        for b, two in enumerate(after)
        if one.may_become(two)
    ]
    found: dict[int, int] = {}
    for common, a, b in sorted(pairs, key=lambda pair: -pair[0]):
        if common and a not in found and b not in found.values():
            found[a] = b
    return found


class _CellParts(Struct, frozen=True):
    """What tells whether two cells are the same one. `lines`: those of its source that are not blank, and its id."""

    id: str | None
    kind: str
    lines: frozenset[str]

    @classmethod
    def read(cls, cell: str) -> _CellParts:
        head, *lines = cell.removesuffix("\n").split("\n")
        value = json.loads(head[len(CELL) :])
        own = value["id"] if isinstance(value.get("id"), str) else None
        said = {line for line in lines if json.loads(line[len(LINE) :]).strip()}
        return cls(own, value["cell_type"], frozenset(said | {f"id {own}"} if own else said))

    def may_become(self, other: _CellParts) -> bool:
        if self.id is None or other.id is None:
            return self.kind == other.kind
        return self.id == other.id
