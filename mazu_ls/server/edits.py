"""From one text to another by the fewest small changes, so that cursors, folds and undo steps elsewhere stay."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from mazu_ls.server.documents import Document, split_lines
from mazu_ls.server.lsp import Range, TextEdit

DIFF_LINES = 4000
"""Above this many lines on either side, after the common start and end, the middle is one hunk: a finer diff
would take longer than it is worth."""


@dataclass(frozen=True)
class Hunk:
    """Lines `start` to `end` (excluded) of the old text become `lines`."""

    start: int
    end: int
    lines: list[str]


def hunks(before: list[str], after: list[str]) -> list[Hunk]:
    """The changed runs of lines, in order. Applying all of them to `before` gives `after`."""
    head = 0
    shortest = min(len(before), len(after))
    while head < shortest and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shortest - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if not old and not new:
        return []
    if not old or not new or max(len(old), len(new)) > DIFF_LINES:
        return [Hunk(head, head + len(old), new)]
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Hunk(head + i, head + j, new[k:m]) for tag, i, j, k, m in codes if tag != "equal"]


def text_edits(document: Document, after: str) -> list[TextEdit]:
    """Edits in the document's position encoding that make its text `after`."""
    return [_edit(document, hunk) for hunk in hunks(document.lines, split_lines(after))]


def _edit(document: Document, hunk: Hunk) -> TextEdit:
    """One hunk, narrowed to the characters that differ. CRLF and pairs of surrogates are never cut."""
    old, new = "".join(document.lines[hunk.start : hunk.end]), "".join(hunk.lines)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    if old[:head].endswith("\r") and "\n" in (old[head : head + 1], new[head : head + 1]):
        head -= 1
    if tail and old[len(old) - tail] == "\n" and "\r" in (_before(old, tail), _before(new, tail)):
        tail -= 1
    start = _advance(document, hunk.start, head)
    end = _advance(document, hunk.start, len(old) - tail)
    text = new[head : len(new) - tail]
    if start[0] == len(document.lines) and text:
        return _appended(document, text)
    return TextEdit(Range(document.position(*start), document.position(*end)), text)


def _appended(document: Document, text: str) -> TextEdit:
    """New lines after the last one. Neovim adds an empty line to what is inserted behind the last line end, so
    where the line ends allow it, it is inserted before that one."""
    lines = document.lines
    last = lines[-1] if lines else ""
    ending = last[len(last.rstrip("\r\n")) :]
    at = document.position(len(lines), 0)
    if ending and text.endswith(ending) and (ending != "\n" or not text.endswith("\r\n")):
        at = document.position(len(lines) - 1, len(last) - len(ending))
        text = ending + text[: -len(ending)]
    return TextEdit(Range(at, at), text)


def _before(text: str, tail: int) -> str:
    return text[len(text) - tail - 1 : len(text) - tail]


def _common(one: str, other: str) -> int:
    """Length of the common start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _advance(document: Document, line: int, count: int) -> tuple[int, int]:
    """The line and column `count` characters after the start of `line`."""
    while line < len(document.lines) and count >= len(document.lines[line]):
        if line == len(document.lines) - 1 and document.lines[line][-1] not in "\r\n":
            return line, len(document.lines[line])
        count -= len(document.lines[line])
        line += 1
    return line, count
