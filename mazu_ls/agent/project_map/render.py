"""The map as text: files ordered by name, below each the signatures of its most used definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from mazu_ls.agent.project_map.ipc import FileFacts
from mazu_ls.agent.project_map.rank import ReferenceGraph
from mazu_ls.messages import BYTES_PER_TOKEN
from mazu_ls.redact import redact

MIN_TOKENS = 32
PER_FILE = 16
"""Maximum share of one file, so that a module that everything uses leaves room for the others."""
_PATIENCE = 64
"""After this many definitions in a row that do not fit, the map is full."""

Row = tuple[str, int]


def render_map(
    graph: ReferenceGraph, focus: Sequence[int], budget_tokens: int, shown_as: Callable[[bytes], str]
) -> str:
    """Return the best definitions that fit into the budget, with their containers; "" if none does.

    The order depends on names only, so that a small change of ranks leaves most of the text (and the provider's cache)
    intact.
    """
    if budget_tokens < MIN_TOKENS:
        return ""
    page = _Page(graph, int(budget_tokens * BYTES_PER_TOKEN), shown_as)
    score = graph.rank(focus)
    missed = 0
    for number in np.lexsort((np.arange(len(score)), -score)):
        if score[number] <= 0 or missed == _PATIENCE:
            break
        missed = 0 if page.add(int(number)) else missed + 1
    return page.text()


class _Page:
    def __init__(self, graph: ReferenceGraph, room: int, shown_as: Callable[[bytes], str]) -> None:
        self._graph = graph
        self._room = room
        self._shown_as = shown_as
        self._rows: dict[int, list[Row]] = {}
        self._lines: dict[int, dict[int, str]] = {}
        self._names: dict[int, str] = {}

    def add(self, number: int) -> bool:
        """Add a definition with its containers if it fits."""
        file = int(self._graph.file_of[number])
        shown = self._lines.get(file, {})
        if len(shown) >= PER_FILE:
            return False
        rows = self._rows_of(file)
        wanted: dict[int, str] = {}
        at = number - int(self._graph.starts[file])
        chain = [at]
        while rows[chain[-1]][1] >= 0:
            chain.append(rows[chain[-1]][1])
        for depth, row in enumerate(reversed(chain)):
            if row not in shown:
                wanted[row] = f"{'  ' * (depth + 1)}{redact(rows[row][0])}"
        if file not in self._names:
            self._names[file] = self._shown_as(self._graph.files[file].path)
        cost = sum(_cost(line) for line in wanted.values()) + (0 if shown else _cost(self._names[file]))
        if cost > self._room:
            return False
        self._room -= cost
        self._lines.setdefault(file, {}).update(wanted)
        return True

    def text(self) -> str:
        """Return the text, in the order of the files and of the definitions in them."""
        parts: list[str] = []
        for file in sorted(self._lines, key=lambda file: self._names[file]):
            parts.append(self._names[file])
            parts += (line for _, line in sorted(self._lines[file].items()))
        return "\n".join(parts)

    def _rows_of(self, file: int) -> list[Row]:
        if file not in self._rows:
            self._rows[file] = decoded(self._graph.files[file])
        return self._rows[file]


def decoded(facts: FileFacts) -> list[Row]:
    """Decode signature and container of each definition of a file."""
    return msgspec.msgpack.decode(facts.outline, type=list[Row])


def _cost(line: str) -> int:
    return len(line.encode("utf-8", "surrogatepass")) + 1
