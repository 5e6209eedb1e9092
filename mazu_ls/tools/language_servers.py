"""Tools that ask the editor's other language servers, as far as the editor shares them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from msgspec import Meta, Struct

from mazu_ls.errors import ToolError
from mazu_ls.host import Severity
from mazu_ls.tools import output_limits
from mazu_ls.tools.base import Effect, ToolOutput, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.workspace import path_rules
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.host import Diagnosed, EditorDiagnostic, LanguageServices, Spot
    from mazu_ls.workspace import Workspace

RANKS: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2, "hint": 3}
LISTED = 100
TRIES = 4
"""Maximum number of occurrences of a name that are tried if no line is given."""
QUOTED = 200  # characters of a line
ORIGIN = "the editor's language servers"

_Found = TypeVar("_Found")
Limit = Annotated[int, Meta(ge=1, le=1000, description="Lines at most.")]
File = Annotated[str, Meta(min_length=1)]


class DiagnosticsArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str | None, Meta(description="One file; without it, all that have diagnostics.")] = None
    severity: Annotated[Severity, Meta(description="The least severe to list.")] = "hint"
    limit: Limit = LISTED


class SymbolNameArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[File, Meta(description="A file in which the name occurs.")]
    symbol: Annotated[
        str, Meta(min_length=1, description='The name, such as "total", or "Cart.total" for the last part.')
    ]
    line: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Its line; the nearest occurrence is used."),
    ] = None
    limit: Limit = LISTED


class SymbolsArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str | None, Meta(description="List what this file defines.")] = None
    query: Annotated[str | None, Meta(description="Find names like this in the whole project.")] = None
    limit: Limit = LISTED


@tool(Effect.READ)
async def diagnostics(args: DiagnosticsArgs, turn: ToolContext) -> ToolOutput:
    """Errors and warnings that the editor's language servers report now, most severe first."""
    lender = lender_of(turn)
    path = _file(args.path, turn.workspace) if args.path else None
    found = [
        one
        for one in await lender.diagnostics(path)
        if one.path and turn.workspace.contains(one.path) and (path is None or _same(one.path, path))
    ]
    if path is None:  # messages quote the names and texts that they are about
        found = await _readable(found, lambda one: one.path, turn)
    lines: list[str] = []
    for one in sorted(found, key=lambda one: str(one.path)):
        wanted = [each for each in one.diagnostics if RANKS[each.severity] <= RANKS[args.severity]]
        if wanted or path:
            lines.append(f"[{_of_version(one, lender, turn.workspace)}]")
            lines += diagnostic_lines(wanted, turn.workspace) or ["no diagnostics"]
    if not lines:
        about = f" of {args.path}" if args.path else ""
        return ToolOutput(f"the editor has no diagnostics{about}{_if_closed(path, lender)}")
    text = _bounded(lines, args.limit, "ask about one path or a severity, or raise limit")
    return ToolOutput(text, untrusted=ORIGIN)


@tool(Effect.READ)
async def definition(args: SymbolNameArgs, turn: ToolContext) -> ToolOutput:
    """Where a name is defined, by the language server rather than by text."""
    return await _places(args, turn, "definition", lender_of(turn).definition)


@tool(Effect.READ)
async def references(args: SymbolNameArgs, turn: ToolContext) -> ToolOutput:
    """Every place where a name is used, its declaration included, by the language server rather than by text."""
    return await _places(args, turn, "references", lender_of(turn).references)


@tool(Effect.READ)
async def symbols(args: SymbolsArgs, turn: ToolContext) -> ToolOutput:
    """The functions, classes and other names that one file defines (path), or that fit a query in the project."""
    lender = lender_of(turn)
    if (args.path is None) == (args.query is None):
        raise ToolError("give either path or query")
    path = _file(args.path, turn.workspace) if args.path else None
    found = await lender.symbols(path, args.query or "")
    if path is None:
        found = await _readable(found, lambda one: one.spot.path, turn)
    if not found:
        about = args.path or f"names like {args.query}"
        return ToolOutput(f"the language server knows no symbols of {about}{_if_closed(path, lender)}")
    lines = []
    for one in found:
        within = f" in {one.container}" if one.container else ""
        lines.append(
            output_limits.clean(f"{_place(one.spot, turn.workspace)}: {one.kind} {one.name}{within}".strip())
        )
    lines = list(dict.fromkeys(output_limits.line(line) for line in lines))
    text = _bounded(lines, args.limit, "narrow the query, or raise limit")
    return ToolOutput(text + _version_note(path, lender, turn), untrusted=ORIGIN)


async def _readable(
    found: Sequence[_Found], path_of: Callable[[_Found], Path | None], turn: ToolContext
) -> list[_Found]:
    """Return what is not about files of the project that read_file may not read unasked."""
    paths = {path for one in found if (path := path_of(one)) and turn.workspace.contains(path)}
    hidden = await asyncio.to_thread(lambda: {path for path in paths if turn.withheld(path)})
    return [one for one in found if path_of(one) not in hidden]


async def _places(
    args: SymbolNameArgs,
    turn: ToolContext,
    what: str,
    ask: Callable[[Path, int, int], Awaitable[Sequence[Spot]]],
) -> ToolOutput:
    lender = lender_of(turn)
    path = _file(args.path, turn.workspace)
    spots = occurrences(await lender.text(path), args.symbol, args.line)
    if not spots:
        raise ToolError(f"{args.path} does not contain {args.symbol!r}; name a file in which it occurs")
    for line, column in spots if args.line is None else spots[:1]:
        if found := await ask(path, line, column):
            lines = [_quoted(spot, turn) for spot in found]
            asked = f"[{what} of {args.symbol} at {args.path}:{line + 1}{_at_version(path, lender)}]"
            text = _bounded([asked, *dict.fromkeys(lines)], args.limit + 1, "raise limit")
            return ToolOutput(text, untrusted=ORIGIN)
    raise ToolError(
        f"the language server knows no {what} of {args.symbol} in {args.path}{_if_closed(path, lender)}. Use grep instead"
    )


def lender_of(turn: ToolContext) -> LanguageServices:
    """Return the editor's language servers. Raises ToolError if they are no longer shared."""
    if (lender := turn.host.lender) is None:
        raise ToolError("the editor does not share its language servers")
    return lender


def occurrences(text: str, symbol: str, line: int | None) -> list[tuple[int, int]]:
    """Return where a name occurs as a word: 0-based lines and columns of its last part, nearest to `line` first.

    A qualified name that does not occur literally is searched by its last part.
    """
    last = re.split(r"::|->|[.#/]", symbol.rstrip("()"))[-1]
    rows = split_lines(text)
    for name in dict.fromkeys((symbol.rstrip("()"), last)):
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        if last and (
            found := [(n, m.end() - len(last)) for n, row in enumerate(rows) for m in word.finditer(row)]
        ):
            if line is not None:
                found.sort(key=lambda spot: abs(spot[0] - (line - 1)))
            return found[:TRIES]
    return []


def diagnostic_lines(found: Iterable[EditorDiagnostic], workspace: Workspace) -> list[str]:
    """Return one line each, most severe first, then by place in the file."""
    ordered = sorted(found, key=lambda one: (RANKS[one.severity], one.spot.line, one.spot.column))
    return [_diagnostic_line(one, workspace) for one in ordered]


def _diagnostic_line(one: EditorDiagnostic, workspace: Workspace) -> str:
    message = " ".join(one.message.split())
    source = " ".join(part for part in (one.source, one.code) if part)
    place = f"{_place(one.spot, workspace)}:{one.spot.column + 1}"
    text = f"{place}: {one.severity}: {message}{f' ({source})' if source else ''}"
    return output_limits.line(output_limits.clean(text))


def _of_version(one: Diagnosed, lender: LanguageServices, workspace: Workspace) -> str:
    assert one.path is not None
    name, now = workspace.relative(one.path), lender.version(one.path)
    if now is None:
        return f"{name}, not open in the editor"
    if one.version is None:
        return f"{name}, the editor does not say of which version; it is at version {now}"
    if one.version != now:
        return f"{name}, of version {one.version}, which is out of date: it is at version {now} now"
    return f"{name}, version {now}"


def _at_version(path: Path, lender: LanguageServices) -> str:
    version = lender.version(path)
    return "" if version is None else f", version {version}"


def _version_note(path: Path | None, lender: LanguageServices, turn: ToolContext) -> str:
    if path is None or (version := lender.version(path)) is None:
        return ""
    return f"\n[{turn.workspace.relative(path)}, version {version}]"


def _if_closed(path: Path | None, lender: LanguageServices) -> str:
    if path is None or lender.version(path) is not None:
        return ""
    return " (it is not open in the editor, and language servers may know only what is)"


def _file(shown: str, workspace: Workspace) -> Path:
    path = workspace.resolve(shown)
    if path.is_dir():
        raise ToolError(f"{shown} is a folder; name a file")
    return path


def _same(one: Path, other: Path) -> bool:
    return one == other or one.resolve() == other.resolve()


def _place(spot: Spot, workspace: Workspace) -> str:
    inside = spot.path is not None and workspace.contains(spot.path)
    name = workspace.relative(spot.path) if inside and spot.path else str(spot.path or spot.uri)
    return f"{name}:{spot.line + 1}"


def _quoted(spot: Spot, turn: ToolContext) -> str:
    """Return a place with its line, as grep has it; a place outside, or in an unreadable file, is only named."""
    path, workspace = spot.path, turn.workspace
    readable = (
        path is not None
        and workspace.contains(path)
        and not path_rules.is_secret(path.parts[-1:])
        and not turn.withheld(path)
    )
    text = spot.text.strip()[:QUOTED] if readable else ""
    place = f"{_place(spot, workspace)}:{spot.column + 1}"
    return output_limits.clean(f"{place}: {text}" if text else place)


def _bounded(lines: Sequence[str], limit: int, pointer: str) -> str:
    shown = list(lines[:limit])
    if len(lines) > limit:
        shown.append(f"[{len(lines) - limit} more; {pointer}]")
    return output_limits.limit_head("\n".join(shown), pointer)
