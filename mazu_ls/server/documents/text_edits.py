"""Computes few small edits from one text to another, so that cursors, folds and undo steps elsewhere stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mazu_ls.agent.proposals.hunks import LineChange, line_changes
from mazu_ls.server.client.profile import ClientProfile
from mazu_ls.server.documents.documents import OpenDocument, split_lines
from mazu_ls.server.rpc.lsp_types import AnnotatedEdit, LspRange, TextEdit

ANNOTATION = "mazu"


def text_edits(document: OpenDocument, after: str) -> list[TextEdit]:
    """Return edits in the document's position encoding that make its text `after`."""
    return [_edit(document, change) for change in line_changes(document.lines, split_lines(after))]


def annotated(
    profile: ClientProfile, steps: Sequence[dict[str, Any]], label: str, *, confirm: bool = True
) -> dict[str, Any]:
    """Return a workspace edit of `documentChanges`, annotated with a label if the editor declares support.

    With `confirm` the editor should show it to the user first. An id without its annotation makes some editors fail,
    and an editor without support need not know the field.
    """
    if not profile.reviews:
        return {"documentChanges": list(steps)}
    marked = [
        {**step, "edits": [AnnotatedEdit(edit.range, edit.new_text, ANNOTATION) for edit in step["edits"]]}
        if "edits" in step
        else {**step, "annotationId": ANNOTATION}
        for step in steps
    ]
    annotation = {"label": label, "needsConfirmation": confirm}
    return {"documentChanges": marked, "changeAnnotations": {ANNOTATION: annotation}}


def _edit(document: OpenDocument, change: LineChange) -> TextEdit:
    """Return one change, narrowed to the characters that differ. CRLF and surrogate pairs are never cut."""
    old, new = "".join(document.lines[change.start : change.end]), "".join(change.lines)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    if old[:head].endswith("\r") and "\n" in (old[head : head + 1], new[head : head + 1]):
        head -= 1
    if tail and old[len(old) - tail] == "\n" and "\r" in (_before(old, tail), _before(new, tail)):
        tail -= 1
    start = _advance(document, change.start, head)
    end = _advance(document, change.start, len(old) - tail)
    text = new[head : len(new) - tail]
    if start[0] == len(document.lines) and text:
        return _appended(document, text)
    return TextEdit(LspRange(document.position(*start), document.position(*end)), text)


def _appended(document: OpenDocument, text: str) -> TextEdit:
    """Return an edit that appends lines. Neovim adds an empty line to what is inserted after the last line end, so if
    the line ends allow it, the lines are inserted before that one."""
    lines = document.lines
    last = lines[-1] if lines else ""
    ending = last[len(last.rstrip("\r\n")) :]
    at = document.position(len(lines), 0)
    if ending and text.endswith(ending) and (ending != "\n" or not text.endswith("\r\n")):
        at = document.position(len(lines) - 1, len(last) - len(ending))
        text = ending + text[: -len(ending)]
    return TextEdit(LspRange(at, at), text)


def _before(text: str, tail: int) -> str:
    return text[len(text) - tail - 1 : len(text) - tail]


def _common(one: str, other: str) -> int:
    """Return the length of the common start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _advance(document: OpenDocument, line: int, count: int) -> tuple[int, int]:
    """Return the line and column `count` characters after the start of `line`."""
    while line < len(document.lines) and count >= len(document.lines[line]):
        if line == len(document.lines) - 1 and document.lines[line][-1] not in "\r\n":
            return line, len(document.lines[line])
        count -= len(document.lines[line])
        line += 1
    return line, count
