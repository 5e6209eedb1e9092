"""Changing files: exact replacement, whole files."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mazu_ls.errors import MazuError, ToolError
from mazu_ls.tools.base import Effect, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.edit.file_syntax import has_parser, syntax_problem
from mazu_ls.tools.edit.replace import Replacement
from mazu_ls.tools.edit.text_or_notebook import edited_text, written_text
from mazu_ls.workspace.file_names import same_but_for_case, show_name, typed_name
from mazu_ls.workspace.text import split_lines

SHORT = 2_000
"""Characters, old and new, that are worked on at once; a thread would cost more than it spares the event loop."""


class EditFileArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(description="Path from the workspace root.")]
    old: Annotated[
        str, Meta(description="Text to replace, exactly as it appears in the file; it must occur once.")
    ] = ""
    new: Annotated[str, Meta(description="The replacement text.")] = ""
    all: Annotated[bool, Meta(description="Replace every occurrence of old instead.")] = False
    edits: Annotated[
        list[Replacement],
        Meta(description="Instead of old and new: several, in order. All of them are made, or none."),
    ] = []


class WriteFileArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(description="Path from the workspace root; missing folders are made.")]
    content: Annotated[str, Meta(description="The whole text of the file.")]


@tool(Effect.EDIT)
async def edit_file(args: EditFileArgs, turn: ToolContext) -> str:
    """Replace passages of a file. Quote enough of the surrounding text that each occurs once; leave out line numbers.

    The cells of a notebook are edited as read_file shows them, marks included.
    """
    path = turn.workspace.resolve(args.path, write=True)
    edits = list(args.edits)
    if args.old:
        edits.insert(0, Replacement(args.old, args.new, args.all))
    if not edits:
        raise ToolError("nothing to replace: give `old` and `new`, or `edits`")
    before = await turn.host.read(path)
    known = turn.seen.get(path, before)
    try:
        after = await asyncio.to_thread(edited_text, before, edits, args.path)
    except ToolError as error:
        raise _changed(args.path) if known != before else error from None
    if known != before and any(edit.all for edit in edits):
        raise _changed(args.path)
    if after == before:
        raise ToolError(f"nothing would change in {args.path}: `old` and `new` are the same")
    await turn.host.edit(path, before, after)
    problem = await _problem(turn, path, before)
    if known == before:
        turn.seen[path] = after
        return f"edited {args.path}{problem}"
    with contextlib.suppress(ToolError):  # the user's changes elsewhere are still unseen
        turn.seen[path] = await asyncio.to_thread(edited_text, known, edits, args.path)
    return (
        f"edited {args.path}; other passages of it were changed since you read it: read it again before you rely on "
        f"them{problem}"
    )


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
    twins = turn.workspace.similar(path) if before is None else []
    _refuse_lookalike(path, args.path, twins)
    short = len(args.content) + len(before or "") <= SHORT
    written = partial(written_text, args.content, before, args.path)
    content = written() if short else await asyncio.to_thread(written)
    withheld = before is not None and turn.withheld(path)  # whether it had the text says what is in it
    if before == content:
        return f"{args.path} {'has this text now' if withheld else 'already has this text'}"
    await turn.host.edit(path, before, content)
    turn.seen[path] = content
    if withheld:
        return f"{args.path} has this text now"
    problem = await _problem(turn, path, before)
    verb = "created" if before is None else "wrote"
    note = f"\nnote: {twins[0]} is in the same folder" if twins else ""
    return f"{verb} {args.path} ({len(split_lines(content))} lines){note}{problem}"


def _refuse_lookalike(path: Path, shown: str, twins: list[str]) -> None:
    """Raise ToolError for a new file whose name looks like an existing one's but differs by more than case."""
    alike = [twin for twin in twins if not same_but_for_case(show_name(path.name), twin.rpartition("/")[2])]
    if alike:
        raise ToolError(
            f"there is no file {shown}, but {typed_name(alike[0])}, whose name looks the same; did you mean that one? Type its "
            "name so, or choose one that cannot be mistaken"
        )


def _changed(shown: str) -> ToolError:
    return ToolError(f"{shown} was changed since you read it; read it again and redo the edit")


async def _problem(turn: ToolContext, path: Path, before: str | None) -> str:
    """Return a note about a structured file that no longer parses as it is now, which may differ from the intended
    text."""
    if not has_parser(path.name):
        return ""
    try:
        now = await turn.host.read(path)
    except (OSError, MazuError):
        return ""
    problem = await asyncio.to_thread(syntax_problem, path.name, before, now)
    if problem is None:
        return ""
    return f"\nwarning: {path.name} {'parsed before and ' if before else ''}does not parse now: {problem}. Fix it before you continue."
