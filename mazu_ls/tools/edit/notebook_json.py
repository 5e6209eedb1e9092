"""The JSON of a notebook's file: replaces sources of cells, everything else stays to the character."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mazu_ls.errors import ToolError
from mazu_ls.workspace import ipynb
from mazu_ls.workspace.text import split_lines

_DECODER = json.JSONDecoder()


def with_sources(text: str, cells: Sequence[dict[str, Any]], sources: Sequence[str]) -> str:
    """Return the file with other sources of its cells; everything else stays to the character."""
    spans = list(_source_spans(text))
    if len(spans) != len(cells):
        raise ToolError("a cell of the notebook has no source; edit the JSON of its file")
    pieces: list[str] = []
    at = 0
    for (start, end), cell, source in zip(spans, cells, sources, strict=True):
        if ipynb.source_of(cell) != source:
            pieces += [text[at:start], _source_json(text, start, end, source)]
            at = end
    return "".join([*pieces, text[at:]])


def _source_json(text: str, start: int, end: int, source: str) -> str:
    """Return the source of a cell as JSON, with the layout of the old one."""
    ascii_only = "\\u" in text
    old = text[start:end]
    if not old.startswith("["):
        return json.dumps(source, ensure_ascii=ascii_only)
    lines = [json.dumps(line, ensure_ascii=ascii_only) for line in split_lines(source)]
    if not lines:
        return "[]"
    if match := re.match(r"\[(\s*\n[ \t]*)", old):
        closing = re.search(r"(\s*)\]\Z", old)
        return f"[{match[1]}{f',{match[1]}'.join(lines)}{closing[1] if closing else ''}]"
    indent = re.match(r"[ \t]*", text[text.rfind("\n", 0, start) + 1 :])
    if old.strip("[] ") == "" and "\n" in text and indent and indent[0]:
        newline = "\r\n" if "\r\n" in text else "\n"
        step = (re.search(r'^[ \t]+(?=")', text, re.MULTILINE) or indent)[0]
        item = f"{newline}{indent[0]}{step}"
        return f"[{item}{f',{item}'.join(lines)}{newline}{indent[0]}]"
    separator = ", " if '": ' in text else ","
    return f"[{separator.join(lines)}]"


def _source_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the span of each cell's source in the JSON of a notebook."""
    root = _skip(text, 0)
    cells = dict(_members(text, root)).get("cells")
    if cells is None:
        return
    at = _skip(text, cells[0] + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        span = dict(_members(text, at)).get("source")
        if span is not None:
            yield span
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _members(text: str, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the names of an object that begins at `at`, and the spans of their values. The JSON is known to be valid."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield name, (start, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at
