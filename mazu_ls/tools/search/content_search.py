"""Searches files: with ripgrep if there is one, otherwise with our own walk. Unsaved text replaces the disk's."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import find_program
from mazu_ls.redact import MARK, find_private_keys
from mazu_ls.tools.search.bounded_pattern import BoundedPattern
from mazu_ls.tools.search.gitignore_walk import walk
from mazu_ls.workspace import NotText, Workspace, decode
from mazu_ls.workspace import path_rules as names
from mazu_ls.workspace.fifos import release_readers
from mazu_ls.workspace.text import split_lines

FILE_BYTES = 4 * 2**20
TIME_LIMIT = 60.0
Line = tuple[Path, int, str, bool]
"""A file, a 1-based line number, the line, and whether it is a match rather than context."""


@dataclass(frozen=True)
class SearchRequest:
    """What is searched: the pattern compiled and as it was given, and which files, without those that are `withheld`."""

    pattern: BoundedPattern
    source: str
    fixed: bool
    ignore_case: bool
    names: BoundedPattern | None
    glob: str | None
    context: int
    limit: int
    withheld: Callable[[Path], bool] = lambda path: False


@dataclass
class SearchResult:
    """Lines in the order of files; `more`: the limit cut them; `note`: what was not searched.

    `withheld` are the files whose lines were left out; `otherwise` those that ripgrep divides into other lines.
    """

    lines: list[Line] = field(default_factory=list)
    matches: int = 0
    more: bool = False
    note: str = ""
    withheld: set[Path] = field(default_factory=set)
    otherwise: set[Path] = field(default_factory=set)

    def leaves_out(self, path: Path, wanted: SearchRequest) -> bool:
        """Return whether this file's lines must not be shown, and record it."""
        if wanted.withheld(path):
            self.withheld.add(path)
        return path in self.withheld


async def search(
    workspace: Workspace, places: Sequence[Path], wanted: SearchRequest, unsaved: Mapping[Path, str]
) -> SearchResult:
    """Search the places; files in `unsaved` by the text given there. A file that is a place itself is not withheld."""
    found = SearchResult()
    asked = wanted.withheld
    wanted = replace(wanted, withheld=cache(lambda path: path not in places and asked(path)))
    here = {
        path: text for path, text in unsaved.items() if any(path.is_relative_to(place) for place in places)
    }
    await asyncio.to_thread(_unsaved, here, wanted, places, found)
    known = (
        wanted.source.isascii() and (wanted.glob or "").isascii()
    )  # it supports UTF-8 and UTF-16 alone, no decomposed names
    ripgrep = find_program("rg") if known else None
    done = ripgrep is not None and not found.more and await _ripgrep(ripgrep, places, wanted, here, found)
    await asyncio.to_thread(_search_otherwise, workspace, wanted, found)
    if not done and not found.more:
        await asyncio.to_thread(_walk_and_match, workspace, places, wanted, here, found)
    found.lines.sort(key=lambda line: (line[0], line[1]))
    await asyncio.to_thread(_hide_private_keys, workspace, here, found)
    return found


def _hide_private_keys(workspace: Workspace, unsaved: Mapping[Path, str], found: SearchResult) -> None:
    """Show one line of each private key, as a mark: by itself a line of its body looks like any other text."""
    lines: list[Line] = []
    for path, group in groupby(found.lines, key=lambda line: line[0]):
        hidden = _private_key_lines(workspace, path, unsaved)
        shown: set[int] = set()
        for line in group:
            if (key := hidden.get(line[1])) is None:
                lines.append(line)
            elif key not in shown:
                shown.add(key)
                lines.append((path, line[1], MARK.format("private key"), line[3]))
    found.lines = lines


def _private_key_lines(workspace: Workspace, path: Path, unsaved: Mapping[Path, str]) -> dict[int, int]:
    """Return the numbers of all lines that hold a part of a private key, with the number of the key's first line."""
    try:
        text = unsaved[path] if path in unsaved else decode(workspace.read_bytes(path, FILE_BYTES + 1)).shown
    except (NotText, MazuError, OSError):
        return {}
    hidden: dict[int, int] = {}
    for start, end in find_private_keys(text):
        first = len(split_lines(text[: start + 1]))
        last = first + len(split_lines(text[start:end])) - 1
        hidden |= {number: hidden.get(number, first) for number in range(first, last + 1)}
    return hidden


def _unsaved(
    texts: Mapping[Path, str], wanted: SearchRequest, places: Sequence[Path], found: SearchResult
) -> None:
    for path, text in sorted(texts.items()):
        if _named(path, wanted, places):
            _add(found, path, split_lines(text, ends=False), wanted)


def _named(path: Path, wanted: SearchRequest, places: Sequence[Path]) -> bool:
    if wanted.names is None:
        return True
    place = next(place for place in places if path.is_relative_to(place))
    return wanted.names.match(path.relative_to(place).as_posix() if path != place else path.name)


def _add(found: SearchResult, path: Path, lines: Sequence[str], wanted: SearchRequest) -> None:
    shown: dict[int, bool] = {}
    for number, text in enumerate(lines):
        if not wanted.pattern.search(text):
            continue
        if found.leaves_out(path, wanted):
            return
        if found.matches == wanted.limit:
            found.more = True
            break
        found.matches += 1
        for near in range(max(0, number - wanted.context), min(len(lines), number + wanted.context + 1)):
            shown.setdefault(near, False)
        shown[number] = True
    found.lines += [(path, number + 1, lines[number], shown[number]) for number in sorted(shown)]


def _walk_and_match(
    workspace: Workspace,
    places: Sequence[Path],
    wanted: SearchRequest,
    unsaved: Mapping[Path, str],
    found: SearchResult,
) -> None:
    skipped = 0
    spared = {str(path) for path in unsaved}
    needed = literal(wanted)
    for path, data in _contents(workspace, places, wanted, spared):
        if len(data) > FILE_BYTES:
            skipped += 1
            continue
        if needed and needed not in data and b"\0" not in data[:4096] and data[:2] not in _WIDE:
            continue
        try:
            text = decode(data).shown
        except NotText:
            continue
        if wanted.pattern.search(text) or "^" in wanted.source or "$" in wanted.source:
            _add(found, Path(path), split_lines(text, ends=False), wanted)
        if found.more:
            break
    if skipped:
        found.note = f"{skipped} files over {FILE_BYTES // 2**20} MiB were not searched"


def _contents(
    workspace: Workspace, places: Iterable[Path], wanted: SearchRequest, spared: set[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of each file to be searched, at most one byte more than FILE_BYTES."""
    for place in places:
        if place.is_file():
            if str(place) not in spared and _named(place, wanted, [place]):
                for _, data in workspace.read_each(place.parent, [place.name], FILE_BYTES + 1):
                    yield str(place), data
            continue
        root = next((root for root in workspace.roots if place.is_relative_to(root)), place)
        start = len(str(place).rstrip("/")) + 1
        for folder, entries in groupby(walk(root, place), lambda entry: entry.path.rpartition("/")[0]):
            chosen = [
                entry.name
                for entry in entries
                if entry.path not in spared
                and (wanted.names is None or wanted.names.match(entry.path[start:]))
                and not names.is_secret((entry.name,))
            ]
            for name, data in workspace.read_each(Path(folder), chosen, FILE_BYTES + 1):
                yield f"{folder}/{name}", data


_READ_BY_RIPGREP = frozenset(("exclude", "config", "commondir", ".git", ".gitignore", ".ignore", ".rgignore"))
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # the byte order marks of UTF-16, in which ASCII text has other bytes
_RUN = re.compile(r"\\(\W)|\\(.)|\[\^?\]?(?:[^\]\\]|\\.)*\]|(.)", re.DOTALL)


def literal(wanted: SearchRequest) -> bytes | None:
    """Return ASCII text that occurs in every file with a match, to skip other files quickly; None if there is none."""
    source = wanted.source
    if wanted.ignore_case or not source.isascii() or (not wanted.fixed and ("|" in source or "(?" in source)):
        return None
    if wanted.fixed:
        return source.encode()
    runs, depth = [""], 0
    for escaped, special, char in _RUN.findall(source):
        if char in ("(", ")"):
            depth += 1 if char == "(" else -1
        if char and char in "*?{":  # what precedes it may be missing
            runs[-1] = runs[-1][:-1]
        plain = escaped or (char if char not in "()*?{}+.^$" else "")
        if plain and not special and depth == 0:
            runs[-1] += plain
        else:
            runs.append("")
    best = max(runs, key=len)
    return best.encode() if len(best) > 1 and not re.search(r"\{[^}]*\}", source) else None


async def _ripgrep(
    program: str,
    places: Sequence[Path],
    wanted: SearchRequest,
    unsaved: Mapping[Path, str],
    found: SearchResult,
) -> bool:
    """Add what ripgrep finds; False if it does not support the pattern, so that our own search has to run."""
    command = [program, "--json", "--no-config", "--hidden", f"--max-filesize={FILE_BYTES}"]
    command += ["--no-require-git", "--glob=!.git", "--glob=!.mazu", f"--context={wanted.context}"]
    command += ["--fixed-strings"] if wanted.fixed else []
    command += ["--ignore-case"] if wanted.ignore_case else []
    command += [f"--glob={wanted.glob}"] if wanted.glob else []
    command += [f"--regexp={wanted.source}", "--", *map(str, places)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        limit=2 * FILE_BYTES, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert process.stdout is not None
    releasing = asyncio.ensure_future(release_readers(places, _READ_BY_RIPGREP, process.pid))
    try:
        async with asyncio.timeout(TIME_LIMIT):
            async for raw in process.stdout:
                _take(json.loads(raw), unsaved, places, wanted, found)
                if found.more:  # the rest of its output may end in the middle of a line
                    return True
            return await process.wait() != 2 or found.more
    except TimeoutError:
        found.note = f"stopped after {TIME_LIMIT:.0f} s"
        return True
    except ValueError:  # of asyncio's reader: ripgrep prints a line whole
        found.note = (
            "stopped at a match in a line of several megabytes; read_file with `column` shows parts of it"
        )
        return True
    finally:
        releasing.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


def _take(
    event: dict[str, Any],
    unsaved: Mapping[Path, str],
    places: Sequence[Path],
    wanted: SearchRequest,
    found: SearchResult,
) -> None:
    if event["type"] not in ("match", "context") or found.more:
        return
    data = event["data"]
    path = Path(os.fsdecode(_bytes(data["path"])))
    if path in unsaved or (path not in places and names.is_secret(path.parts[-1:])):
        return
    if found.leaves_out(path, wanted):
        return
    text = data["lines"].get("text", "").rstrip("\r\n")
    if "text" not in data["lines"] or "\r" in text:
        found.otherwise.add(path)
    is_match = event["type"] == "match"
    if is_match and found.matches == wanted.limit:
        found.more = True
        return
    found.matches += is_match
    found.lines.append((path, data["line_number"], text, is_match))


def _bytes(value: dict[str, str]) -> bytes:
    """Decode what ripgrep writes as text if it is UTF-8, else in base64."""
    return base64.b64decode(value["bytes"]) if "bytes" in value else value["text"].encode()


def _search_otherwise(workspace: Workspace, wanted: SearchRequest, found: SearchResult) -> None:
    """Search files again whose lines ripgrep reads differently: in another encoding, or ended by CR alone."""
    for path in sorted(found.otherwise):
        found.matches -= sum(line[3] for line in found.lines if line[0] == path)
        found.lines = [line for line in found.lines if line[0] != path]
        try:
            text = decode(workspace.read_bytes(path, FILE_BYTES + 1)).shown
        except (NotText, MazuError, OSError):
            continue
        _add(found, path, split_lines(text, ends=False), wanted)
