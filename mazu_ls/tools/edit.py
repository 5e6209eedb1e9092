"""Changing files: exact replacement, whole files."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from mazu_ls.errors import ToolError
from mazu_ls.tools.base import Effect, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.elisions import find_elision

NEAR = 0.6  # similarity below which a passage is not worth showing
COMPARED = 4000  # lines up to which a missed passage is looked for


class Replacement(Struct, forbid_unknown_fields=True):
    old: Annotated[str, Meta(min_length=1, description="Text to replace; it must occur once.")]
    new: Annotated[str, Meta(description="What stands there afterwards.")]
    all: Annotated[bool, Meta(description="Replace every occurrence instead.")] = False


class EditFileArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(description="Path from the workspace root.")]
    old: Annotated[
        str, Meta(description="Text to replace, exactly as it stands there; it must occur once.")
    ] = ""
    new: Annotated[str, Meta(description="What stands there afterwards.")] = ""
    edits: Annotated[
        list[Replacement],
        Meta(description="Instead of old and new: several, in order. All of them are made, or none."),
    ] = []


class WriteFileArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(description="Path from the workspace root; missing folders are made.")]
    content: Annotated[str, Meta(description="The whole text of the file.")]


@tool(Effect.EDIT)
async def edit_file(args: EditFileArgs, turn: ToolContext) -> str:
    """Replace passages of a file. Quote enough of the surrounding text that each occurs once; leave out line numbers."""
    path = turn.workspace.resolve(args.path, write=True)
    edits = list(args.edits)
    if args.old:
        edits.insert(0, Replacement(args.old, args.new))
    if not edits:
        raise ToolError("nothing to replace: give `old` and `new`, or `edits`")
    before = await turn.host.read(path)
    known = turn.seen.get(path, before)
    try:
        after = _edited(before, edits, args.path)
    except ToolError as error:
        raise _changed(args.path) if known != before else error from None
    if known != before and any(edit.all for edit in edits):
        raise _changed(args.path)
    if after == before:
        raise ToolError(f"nothing would change in {args.path}: `old` and `new` are the same")
    await turn.host.edit(path, before, after)
    if known == before:
        turn.seen[path] = after
        return f"edited {args.path}"
    with contextlib.suppress(ToolError):  # what the user changed elsewhere is still unseen
        turn.seen[path] = _edited(known, edits, args.path)
    return f"edited {args.path}; other passages of it were changed since you read it: read it again before you rely on them"


@tool(Effect.EDIT)
async def write_file(args: WriteFileArgs, turn: ToolContext) -> str:
    """Create a file, or replace all of its text. For a change within a file use edit_file."""
    path = turn.workspace.resolve(args.path, write=True)
    try:
        before = await turn.host.read(path)
    except FileNotFoundError:
        before = None
    if before is not None and turn.seen.get(path, before) != before:
        raise _changed(args.path)
    content = args.content
    if before is not None:
        _refuse_elision(content, before, args.path)
    if before is not None and "\r\n" in before and "\n" in content and "\r\n" not in content:
        content = content.replace("\n", "\r\n")  # the model writes LF; the file keeps the line ends it had
    if before == content:
        return f"{args.path} already has this text"
    await turn.host.edit(path, before, content)
    turn.seen[path] = content
    return f"{'created' if before is None else 'wrote'} {args.path} ({len(content.splitlines())} lines)"


def _changed(shown: str) -> ToolError:
    return ToolError(f"{shown} was changed since you read it; read it again and redo the edit")


def _edited(text: str, edits: Sequence[Replacement], path: str) -> str:
    """The text with all edits made. Raises ToolError where one does not fit exactly."""
    for number, edit in enumerate(edits, 1):
        where = f"edit {number} of {len(edits)}: " if len(edits) > 1 else ""
        text = _replaced(text, edit, path, where)
    return text


def _replaced(text: str, edit: Replacement, path: str, where: str) -> str:
    old, new = edit.old, edit.new
    count = text.count(old)
    if count == 0 and "\r\n" in text and "\n" in old:  # the same passage, quoted with LF
        crlf = old.replace("\r\n", "\n").replace("\n", "\r\n")
        if text.count(crlf):
            old, new, count = crlf, new.replace("\r\n", "\n").replace("\n", "\r\n"), text.count(crlf)
    if count == 0:
        raise ToolError(f"{where}`old` does not occur in {path}{_miss(text, edit.old)}")
    overlapping = _count_overlapping(text, old)
    if overlapping > count and (edit.all or count == 1):
        raise ToolError(
            f"{where}`old` occurs {overlapping} times in {path}, and the occurrences overlap; quote more context"
        )
    if count > 1 and not edit.all:
        raise ToolError(f"{where}`old` occurs {overlapping} times in {path}; quote more context")
    _refuse_elision(new, text, path, where)
    if "\r\n" in old and "\n" in new and "\r\n" not in new:
        new = new.replace("\n", "\r\n")
    return text.replace(old, new)


def _count_overlapping(text: str, old: str) -> int:
    """How often `old` occurs, an occurrence that begins inside another one included."""
    count, at = 0, text.find(old)
    while at >= 0:
        count, at = count + 1, text.find(old, at + 1)
    return count


def _refuse_elision(new: str, before: str, path: str, where: str = "") -> None:
    """Raises ToolError where a line of `new` only stands for text of the file that it would delete."""
    if elision := find_elision(new, before.split("\n")):
        raise ToolError(
            f"{where}the line {elision!r} stands for text that was left out; written to {path} it would delete that text. "
            "Write the whole text, or change only the passage you mean with edit_file."
        )


def _miss(text: str, old: str) -> str:
    """Why `old` was not found: what stands there instead, with its line number."""
    lines, wanted = text.splitlines(), old.splitlines()
    loose = [line.strip() for line in lines]
    target = [line.strip() for line in wanted]
    for start in range(len(lines) - len(wanted) + 1):
        if loose[start : start + len(wanted)] == target:
            return f": at line {start + 1} it differs only in white space. There it reads:\n" + _quoted(
                lines, start, wanted
            )
    if len(lines) > COMPARED or len(wanted) > 60:
        return "; read that part of the file again"
    best, at = 0.0, 0
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2("\n".join(target))
    for start in range(max(1, len(lines) - len(wanted) + 1)):
        matcher.set_seq1("\n".join(loose[start : start + len(wanted)]))
        if (
            matcher.real_quick_ratio() > best
            and matcher.quick_ratio() > best
            and (ratio := matcher.ratio()) > best
        ):
            best, at = ratio, start
    if best < NEAR:
        return ", nor anything like it; read the file again"
    return f". The nearest passage is at line {at + 1}:\n" + _quoted(lines, at, wanted)


def _quoted(lines: list[str], start: int, wanted: list[str]) -> str:
    return "\n".join(lines[start : start + max(1, len(wanted))])
