"""The `charset` that .editorconfig files declare for a file (editorconfig.org, version 0.17). Other properties are
ignored."""

from __future__ import annotations

import logging
import os
import re
import time
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mazu_ls.workspace.project_files import read_text

if TYPE_CHECKING:
    import regex

NAME = ".editorconfig"
MAX_BYTES = 1 << 18
CHARSETS = {"latin1": "iso8859-1", "utf-8": "utf-8", "utf-8-bom": "utf-8", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le"}  # fmt: skip
MATCH_SECONDS = 0.2
FILE_SECONDS = 1.0
"""CPU seconds for all sections of one file; a file that takes longer is hostile and is ignored."""
MAX_GLOB = 1024
MAX_PATTERN = 1 << 14
"""Characters of a section's glob as a regular expression: compiling takes time, too, and cannot be interrupted."""
_unusable: set[str] = set()
_unusable_files: set[int] = set()
log = logging.getLogger(__name__)
NUMBER = "(-?(?:0|[1-9][0-9]{0,8}))"
Section = tuple[str, dict[str, str]]


def declared_charset(root: Path, inside: PurePosixPath) -> str | None:
    """Return the charset of a file as .editorconfig spells it, in lower case; None if none is declared.

    Files from the file's folder up to `root` are read, the nearest one decides, and one with `root = true` is the last.
    """
    for folder in inside.parents:
        if not os.path.lexists(
            f"{root}/{folder}/{NAME}"
        ):  # as almost always; this is asked at every read and edit
            continue
        try:
            text = read_text(root, folder / NAME, MAX_BYTES, "replace")
        except OSError:
            continue  # missing, or no regular file
        is_root, sections = _parsed(text)
        below = inside.relative_to(folder).as_posix()
        found = _charset(hash(text), sections, below)
        if found and found != "unset":
            return found
        if found or is_root:
            return None
    return None


@lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[bool, tuple[Section, ...]]:
    is_root = False
    sections: list[Section] = []
    for raw in re.split(r"\r\n|\r|\n", text):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            sections.append((line[1:-1], {}))
        elif line and line[0] not in "#;" and (match := re.match(r"([^=:]+)[=:](.*)", line)):
            name, value = match[1].strip().lower(), match[2].strip().lower()
            if sections:
                sections[-1][1][name] = value
            elif name == "root":
                is_root = value == "true"
    return is_root, tuple(sections)


def _charset(file: int, sections: tuple[Section, ...], path: str) -> str | None:
    """Return the value of the last matching section; None if none matches, or if `file` takes too long."""
    found: str | None = None
    spent = 0.0
    for glob, values in sections if file not in _unusable_files else ():
        if "charset" not in values or glob in _unusable:
            continue
        began = time.thread_time()
        found = values["charset"] if _matches(glob, path) else found
        # A match that timed out used up its time, however little CPU the process got.
        spent += max(time.thread_time() - began, MATCH_SECONDS if glob in _unusable else 0.0)
        if spent > FILE_SECONDS:
            _unusable_files.add(file)
            log.warning("an .editorconfig takes too long to match and is left out")
            return None
    return found


def _matches(glob: str, path: str) -> bool:
    if (pattern := _pattern(glob)) is None:
        return False
    compiled, ranges = pattern
    try:
        match = compiled.match(path, timeout=MATCH_SECONDS, concurrent=True)
        numbers = match.groups() if match else ()
        return match is not None and all(
            number is None or low <= int(number) <= high
            for number, (low, high) in zip(numbers, ranges, strict=True)
        )
    except TimeoutError:  # a cloned project's line of many stars: one failure is enough
        _unusable.add(glob)
        log.warning("a section of an .editorconfig takes too long to match and is left out: [%.80s]", glob)
        return False


@lru_cache(maxsize=256)
def _pattern(glob: str) -> tuple[regex.Pattern[str], list[tuple[int, int]]] | None:
    """Return a section's glob, and the numeric range of each of its groups. None for an invalid pattern.

    Without a slash it matches the name in any folder.
    """
    import regex

    if len(glob) > MAX_GLOB:
        return None
    anchored = "/" in glob
    body, ranges = _translated(glob.removeprefix("/"))
    if len(body) > MAX_PATTERN:
        return None
    try:
        return regex.compile(f"{body if anchored else f'(?:.*/)?{body}'}\\Z", regex.DOTALL), ranges
    except (regex.error, RecursionError, OverflowError):
        return None


def _translated(glob: str) -> tuple[str, list[tuple[int, int]]]:
    out: list[str] = []
    ranges: list[tuple[int, int]] = []
    index = depth = 0
    while index < len(glob):
        char = glob[index]
        closing = glob.find("}" if char == "{" else "]", index)
        if char == "\\" and index + 1 < len(glob):
            out.append(re.escape(glob[index + 1]))
            index += 1
        elif glob.startswith("**", index):
            out.append(".*")
            index += 1
        elif char == "{" and (span := re.match(r"\{([+-]?\d{1,9})\.\.([+-]?\d{1,9})\}", glob[index:])):
            low, high = sorted((int(span[1]), int(span[2])))
            ranges.append((low, high))
            out.append(NUMBER)
            index += span.end() - 1
        elif char == "{" and closing > 0 and "," in glob[index:closing]:
            out.append("(?:")
            depth += 1
        elif char in ",}" and depth:
            out.append("|" if char == "," else ")")
            depth -= char == "}"
        elif char == "[" and closing > index + 1 and "/" not in glob[index:closing]:
            inner = glob[index + 1 : closing].replace("\\", "\\\\")
            out.append(f"[{'^' + inner[1:] if inner[0] == '!' else inner}]")
            index = closing
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char))
        index += 1
    return "".join(out), ranges
