"""Reading files and folders."""

from __future__ import annotations

import asyncio
import codecs
import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO

from msgspec import Meta, Struct

from mazu_ls.errors import Kind, MazuError, ToolError
from mazu_ls.messages import Image
from mazu_ls.tools import output_limits
from mazu_ls.tools.base import Effect, ToolOutput, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.edit.long_lines import LINE_CHARS, MARGIN, show_columns
from mazu_ls.tools.edit.shown_text import WHOLE_CHARS, numbered_lines
from mazu_ls.tools.edit.text_or_notebook import notebook_form
from mazu_ls.workspace.file_names import show_name
from mazu_ls.workspace.openat import folder_beneath
from mazu_ls.workspace.pictures import LARGEST_FILE, UnreadablePicture
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.workspace import Workspace, suggestion

DEFAULT_LINES = 2000
WHOLE_BYTES = 8 * 2**20  # larger files are read by line from the disk, never as a whole
SHORT = 32_000  # characters that are numbered at once: a thread would cost more
LISTED = 500
SECRET_LINES = 400
"""Lines around the wanted ones of a long text that are searched for secrets too: a private key has about 50."""
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0")


class ReadFileArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(description="Path from the workspace root.")]
    offset: Annotated[int, Meta(ge=1, description="First line to read, counted from 1.")] = 1
    limit: Annotated[int, Meta(ge=1, le=10_000, description="How many lines to read.")] = DEFAULT_LINES
    column: Annotated[
        int,
        Meta(
            ge=1, description="First character of each line to show, from 1; for lines over 2000 characters."
        ),
    ] = 1


class ListDirArgs(Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(description="Folder, from the workspace root.")] = "."
    depth: Annotated[int, Meta(ge=1, le=5, description="How many levels to show.")] = 1


@tool(Effect.READ)
async def read_file(args: ReadFileArgs, turn: ToolContext) -> ToolOutput:
    """Read a file as the user sees it, unsaved changes included. Lines are numbered; images and notebooks work too."""
    path = turn.workspace.resolve(args.path)
    if path.is_dir():
        raise ToolError(f"{args.path} is a folder; use list_dir")
    buffers = {buffer.path for buffer in await turn.host.buffers()}
    large = path not in buffers and path.stat().st_size > WHOLE_BYTES
    if large and (special := await asyncio.to_thread(_special, turn.workspace, path, args)):
        turn.seen.pop(path, None)
        return special
    try:
        text = await turn.host.read(path)
    except MazuError as error:
        if error.kind is not Kind.UNSUPPORTED:
            raise
        if special := await asyncio.to_thread(_special, turn.workspace, path, args):
            return special
        raise ToolError(f"{args.path} is a binary file of {path.stat().st_size} bytes, not text") from error
    turn.seen[path] = text
    shown = _shown(text, args) if len(text) <= SHORT else await asyncio.to_thread(_shown, text, args)
    return ToolOutput(shown, untrusted=args.path)


def _special(workspace: Workspace, path: Path, args: ReadFileArgs) -> ToolOutput | None:
    """Return the output for images, and for files too large to be read whole; None for all others."""
    with workspace.open(path) as file:
        start = file.read(16)
        size = path.stat().st_size
        looks_it = start.startswith(_PICTURES) or start[8:12] in (b"WEBP", b"avif")
        if looks_it and (shown := _picture(args.path, start + file.read(LARGEST_FILE), size)):
            return shown
        if size <= WHOLE_BYTES:
            return None
        file.seek(0)
        if b"\0" in file.read(8192):
            raise ToolError(f"{args.path} is a binary file of {size} bytes, not text")
        file.seek(0)
        lines = _huge_lines(file, args)
        return ToolOutput(_bounded(lines, args, None, f"of a file of {size} bytes"), untrusted=args.path)


def _huge_lines(file: BinaryIO, args: ReadFileArgs) -> list[tuple[int, str]]:
    """Return the wanted columns of the wanted lines, read in pieces: one endless line must not fill the memory."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    low = max(0, args.column - 1 - MARGIN)
    high = args.column - 1 + LINE_CHARS + MARGIN
    found: list[tuple[int, str]] = []
    number, length, used, part = 1, 0, 0, ""
    for raw in iter(lambda: file.readline(64 * 1024), b""):
        ended = raw.endswith(b"\n")
        if number >= args.offset:
            text = decoder.decode(raw, ended).rstrip("\r\n" if ended else "")
            part += text[max(0, low - length) : max(0, high - length)]
            length += len(text)
        if not ended:
            continue
        if number >= args.offset:
            found.append((number, show_columns(part, args.column, low=low, length=length)))
            used += len(found[-1][1])
            length, part = 0, ""
        number += 1
        if number >= args.offset + args.limit or used > output_limits.RESULT_CHARS:
            return found
    if length:
        found.append((number, show_columns(part, args.column, low=low, length=length)))
    return found


def _picture(name: str, data: bytes, size: int) -> ToolOutput | None:
    """Return a picture as shown to the model, None if it is none; the result says if it is not the file byte for byte."""
    try:
        image = Image.of_bytes(data)
    except UnreadablePicture as error:
        if data.startswith(b"BM"):  # two letters prove little
            return None
        raise ToolError(f"{name} looks like an image, but {error}; it cannot be shown") from error
    changed = "" if len(image.data) == (size + 2) // 3 * 4 else ", scaled or converted for you"
    return ToolOutput(f"{name}: {image.media_type}, {size} bytes{changed}", images=(image,))


def _shown(text: str, args: ReadFileArgs) -> str:
    """Return the wanted lines of a whole file with their numbers; those of a notebook have none, since its file is JSON."""
    notebook = notebook_form(args.path, text)
    text = text if notebook is None else notebook.text
    lines = split_lines(text)
    if not lines:
        return "(the file is empty)"
    if args.offset > len(lines):
        raise ToolError(f"{args.path} has {len(lines)} lines; offset {args.offset} is past its end")
    first, last = args.offset, min(args.offset + args.limit - 1, len(lines))
    near = SECRET_LINES if len(text) > WHOLE_CHARS else len(lines)  # a secret may begin above
    start = max(0, first - 1 - near)
    near_lines = [_columns(line, args.column) for line in lines[start : last + near]]
    shown = numbered_lines("".join(near_lines), start + 1)
    wanted = [
        (number, line)
        for (number, line), (behind, _) in zip(shown, [*shown[1:], (len(lines) + 1, "")], strict=True)
        if behind > first and number <= last
    ]
    return _bounded(wanted, args, len(lines), f"of {len(lines)}", numbered=notebook is None)


def _columns(line: str, column: int) -> str:
    body = line.rstrip("\r\n")
    return line if column == 1 and len(body) <= LINE_CHARS else show_columns(body, column) + line[len(body) :]


def _bounded(
    lines: list[tuple[int, str]], args: ReadFileArgs, total: int | None, of: str, *, numbered: bool = True
) -> str:
    """Return as many of these lines as one result holds, and how to continue. `total` is None if it is unknown."""
    shown, used, last = [], 0, args.offset - 1
    for number, text in lines:
        line = f"{number}\t{text}" if numbered else text
        used += len(line) + 1
        if shown and used > output_limits.RESULT_CHARS:
            break
        shown.append(line)
        last = number
    if lines and last == lines[-1][0]:
        last = max(
            last, args.offset + args.limit - 1 if total is None else min(total, args.offset + args.limit - 1)
        )
    if total is None or last < total:
        shown.append(f"[lines {args.offset}-{last} {of}; continue with offset={last + 1}]")
    return "\n".join(shown)


@tool(Effect.READ)
async def list_dir(args: ListDirArgs, turn: ToolContext) -> ToolOutput:
    """List a folder: folders end in "/", files show their size. What .gitignore leaves out is marked, not hidden."""
    folder = turn.workspace.resolve(args.path)
    if not folder.is_dir():
        raise ToolError(
            f"{args.path} is not a folder"
            if folder.exists()
            else f"there is no folder {args.path}{suggestion(turn.workspace, folder)}"
        )
    entries = await asyncio.to_thread(_entries, folder, args.depth, turn.workspace)
    if not entries:
        return ToolOutput("(the folder is empty)")
    rest = len(entries) - LISTED
    more = [f"[{rest} more; list a subfolder, or use glob_files]"] if rest > 0 else []
    return ToolOutput("\n".join(entries[:LISTED] + more), untrusted="names of files")


def _entries(folder: Path, depth: int, workspace: Workspace, indent: str = "") -> list[str]:
    """Return the entries; each folder is opened below its root, so that one swapped for a link meanwhile is not followed."""
    root = next((root for root in workspace.roots if folder.is_relative_to(root)), folder)
    try:
        children = _listed(root, PurePosixPath(os.path.relpath(folder, root)))
    except PermissionError:
        return [f"{indent}(may not be read)"]
    lines: list[str] = []
    for name, status, target in children:
        shown = show_name(name)
        if target is not None:
            outside = "" if workspace.contains(folder / name) else ", outside the workspace"
            lines.append(f"{indent}{shown} -> {show_name(target)} (link{outside})")
        elif stat.S_ISDIR(status.st_mode):
            lines.append(f"{indent}{shown}/")
            if depth > 1 and name not in (".git", ".mazu", "node_modules", "__pycache__"):
                with suppress(OSError):  # it was removed, or became a link
                    lines += _entries(folder / name, depth - 1, workspace, indent + "  ")
        elif stat.S_ISREG(status.st_mode):
            lines.append(f"{indent}{shown} ({_size(status.st_size)})")
        else:
            lines.append(f"{indent}{shown} (special file)")
        if len(lines) > 4 * LISTED:
            break
    return lines


def _listed(root: Path, relative: PurePosixPath) -> list[tuple[str, os.stat_result, str | None]]:
    """Return name, status and, for a link, its target, of the entries of a folder below `root`; folders first."""
    with folder_beneath(root, relative) as opened, os.scandir(opened) as entries:
        found = [
            (
                entry.name,
                entry.stat(follow_symlinks=False),
                os.readlink(entry.name, dir_fd=opened) if entry.is_symlink() else None,
            )
            for entry in entries
        ]
    return sorted(found, key=lambda child: (not stat.S_ISDIR(child[1].st_mode), child[0].casefold()))


def _size(size: int) -> str:
    return (
        f"{size} B"
        if size < 10_000
        else f"{size // 1024} KiB"
        if size < 10 * 2**20
        else f"{size // 2**20} MiB"
    )
