"""Finding files by name and lines by pattern."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mazu_ls.errors import ToolError
from mazu_ls.tools import output_limits
from mazu_ls.tools.base import Effect, ToolOutput, tool
from mazu_ls.tools.context import FILES_FOUND, ToolContext
from mazu_ls.tools.edit.long_lines import LINE_CHARS, show_around
from mazu_ls.tools.search import content_search
from mazu_ls.tools.search.bounded_pattern import BoundedPattern, compile_pattern
from mazu_ls.tools.search.gitignore_walk import walk
from mazu_ls.tools.search.name_pattern import name_matcher
from mazu_ls.workspace.file_names import fold_name, typed_name
from mazu_ls.workspace.workspace import Workspace, suggestion

FOUND = 200
ALIKE = 5
WITHHELD = "files that read_file needs approval for are left out"


class GlobFilesArgs(Struct, forbid_unknown_fields=True):
    pattern: Annotated[
        str, Meta(min_length=1, description='Such as "*.py" (anywhere) or "src/**/test_*.py".')
    ]
    path: Annotated[str, Meta(description="Folder to look in.")] = "."
    limit: Annotated[int, Meta(ge=1, le=2000)] = FOUND


class GrepArgs(Struct, forbid_unknown_fields=True):
    pattern: Annotated[str, Meta(min_length=1, description="Regular expression, matched line by line.")]
    path: Annotated[str, Meta(description="Folder or file to search.")] = "."
    glob: Annotated[str | None, Meta(description='Only files of this name, such as "*.py".')] = None
    ignore_case: bool = False
    fixed: Annotated[bool, Meta(description="The pattern is plain text.")] = False
    context: Annotated[int, Meta(ge=0, le=10, description="Lines around each match.")] = 0
    limit: Annotated[int, Meta(ge=1, le=2000, description="Matches at most.")] = FOUND


@tool(Effect.READ)
async def glob_files(args: GlobFilesArgs, turn: ToolContext) -> ToolOutput:
    """Find files by name. What .gitignore leaves out is left out; the newest come first."""
    folder = _folder(args.path, turn.workspace)
    matches = name_matcher(args.pattern)
    found = await asyncio.to_thread(_globbed, turn.workspace, folder, matches)
    if not found:
        alike = await asyncio.to_thread(_alike, turn.workspace, folder, args.pattern)
        meant = f"; did you mean {' or '.join(alike)}?" if alike else ""
        return ToolOutput(
            f"no file matches {args.pattern}{meant}", untrusted="names of files" if alike else None
        )
    more = len(found) - args.limit
    lines = [turn.workspace.relative(path) for path in found[: args.limit]]
    rest = [f"[{more} more; narrow the pattern, or raise limit]"] if more > 0 else []
    return ToolOutput(
        "\n".join([*lines, *rest]), untrusted="names of files", summary=_counted(len(found), "file")
    )


def _globbed(workspace: Workspace, folder: Path, matches: BoundedPattern) -> list[Path]:
    found: list[tuple[float, Path]] = []
    for root in _roots(workspace, folder):
        for entry in walk(_root_of(workspace, root), root):
            inside = entry.path[len(str(root)) + 1 :]
            if matches.match(inside):
                found.append((-entry.modified, Path(entry.path)))
    return [path for _, path in sorted(found)]


def _alike(workspace: Workspace, folder: Path, pattern: str) -> list[str]:
    """Return files that a pattern would match if kinds of spaces, quotes and case were equal."""
    matches = name_matcher(fold_name(pattern))
    found: list[str] = []
    for root in _roots(workspace, folder):
        for entry in walk(_root_of(workspace, root), root):
            if matches.match(fold_name(entry.path[len(str(root)) + 1 :])):
                found.append(typed_name(workspace.relative(Path(entry.path))))
                if len(found) == ALIKE:
                    return found
    return found


@tool(Effect.READ)
async def grep(args: GrepArgs, turn: ToolContext) -> ToolOutput:
    """Search the text of files, unsaved changes included. Left out: what .gitignore leaves out, binary files, and those that
    read_file needs approval for, such as .env."""
    target = turn.workspace.resolve(args.path)
    if not target.exists():
        raise ToolError(f"there is no file or folder {args.path}{suggestion(turn.workspace, target)}")
    pattern = compile_pattern(args.pattern, ignore_case=args.ignore_case, fixed=args.fixed)
    names = name_matcher(args.glob) if args.glob else None
    wanted = content_search.SearchRequest(
        pattern,
        args.pattern,
        args.fixed,
        args.ignore_case,
        names,
        args.glob,
        args.context,
        args.limit,
        turn.withheld,
    )
    roots = _roots(turn.workspace, target)
    unsaved = {
        b.path: b.text
        for b in await turn.host.buffers()
        if b.dirty and b.path and turn.workspace.contains(b.path)
    }
    found = await content_search.search(turn.workspace, roots, wanted, unsaved)
    # Whether such a file holds the text, or is there at all, must make no difference, or the note would tell it.
    if turn.by_rule or (not found.lines and target.is_dir()):
        found.note = "; ".join(filter(None, (found.note, WITHHELD)))
    return ToolOutput(
        await asyncio.to_thread(_report, found, args, pattern, turn.workspace),
        untrusted=FILES_FOUND if found.lines else None,
        summary=_summary(found, args.limit),
    )


def _summary(found: content_search.SearchResult, limit: int) -> str:
    """Return how much was found, which says more in one line than the first match; "" for nothing."""
    matches = sum(is_match for *_, is_match in found.lines)
    if not matches:
        return ""
    count = f"more than {limit}" if found.more else str(matches)
    noun = "match" if matches == 1 else "matches"
    return f"{count} {noun} in {_counted(len({path for path, *_ in found.lines}), 'file')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _report(
    found: content_search.SearchResult, args: GrepArgs, pattern: BoundedPattern, workspace: Workspace
) -> str:
    if not found.lines:
        return f"no match for {args.pattern}" + (f" [{found.note}]" if found.note else "")
    shown, last = [], None
    for path, number, text, is_match in found.lines:
        if args.context and last is not None and (path, number) != (last[0], last[1] + 1):
            shown.append("--")
        last = (path, number)
        sign = ":" if is_match else "-"
        span = (pattern.span(text) if is_match else None) or (0, 0)
        line = show_around(text, *span) if len(text) > LINE_CHARS else text
        shown.append(f"{workspace.relative(path)}{sign}{number}{sign}{output_limits.clean(line)}")
    if found.more:
        shown.append(f"[more than {args.limit} matches; narrow the pattern or the path, or raise limit]")
    if found.note:
        shown.append(f"[{found.note}]")
    return output_limits.limit_head("\n".join(shown), "narrow the pattern or the path")


def _folder(shown: str, workspace: Workspace) -> Path:
    path = workspace.resolve(shown)
    if not path.is_dir():
        raise ToolError(
            f"{shown} is not a folder"
            if path.exists()
            else f"there is no folder {shown}{suggestion(workspace, path)}"
        )
    return path


def _roots(workspace: Workspace, target: Path) -> tuple[Path, ...]:
    """Return the folders of a target; with several roots, "." means all of them."""
    return workspace.roots if len(workspace.roots) > 1 and target == workspace.roots[0] else (target,)


def _root_of(workspace: Workspace, path: Path) -> Path:
    return next((root for root in workspace.roots if path.is_relative_to(root)), path)
