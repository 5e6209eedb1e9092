"""The source files of the workspace as git lists them, with the stamps that show whether one changed."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from mazu_ls.errors import MazuError
from mazu_ls.gitcmd import user_repository
from mazu_ls.syntax import language_of
from mazu_ls.syntax.grammar import MAX_BYTES
from mazu_ls.syntax.languages import has_definitions
from mazu_ls.tools.search.gitignore_walk import walk
from mazu_ls.workspace import path_rules

log = logging.getLogger(__name__)
MAX_FILES = 50_000
_NESTED = 4
Stamp = tuple[int, int, int]


def list_source_files(roots: Sequence[Path]) -> dict[bytes, Stamp]:
    """Return (size, mtime in ns, inode) of every source file by absolute path, at most MAX_FILES; names that suggest
    secrets are left out.

    Tracked files and those that git does not ignore, also of submodules; without git, a directory walk that reads
    `.gitignore`.
    """
    found: dict[bytes, Stamp] = {}
    for root in roots:
        for path, status in _source(root, 0):
            if len(found) == MAX_FILES:
                log.warning("the project map stops at %d files", MAX_FILES)
                return found
            found[path] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def _source(root: Path, depth: int) -> Iterator[tuple[bytes, os.stat_result]]:
    listed = _listed(root)
    if not listed:  # no git, a folder that an outer repository ignores, or an empty one
        listed = [os.fsencode(os.path.relpath(entry.path, root)) for entry in walk(root, root)]
    above = os.fsencode(root)
    for name in listed:
        path = os.path.join(above, name.rstrip(b"/"))  # noqa: PTH118 - 10,000 Path objects cost more than their stats
        known = _worth_reading(name)
        if not known and depth == _NESTED:
            continue
        try:
            status = os.lstat(path) if known or name.endswith(b"/") or b"." not in name else None
        except OSError:
            continue  # deleted, but still in git's index
        if status is None:
            continue
        if stat.S_ISDIR(status.st_mode) and depth < _NESTED:
            yield from _source(Path(os.fsdecode(path)), depth + 1)
        elif known and stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
            yield path, status


def _listed(root: Path) -> list[bytes]:
    try:
        repository = user_repository.find(root)
        return repository.files() if repository is not None else []
    except (OSError, MazuError) as error:
        log.warning("%s is walked, since git cannot list it: %s", root, error)
        return []


@lru_cache(maxsize=2 * MAX_FILES)
def _worth_reading(name: bytes) -> bool:
    text = os.fsdecode(name)
    language = language_of(PurePosixPath(text))
    return (
        language is not None
        and has_definitions(language)
        and text.isprintable()
        and path_rules.is_secret(PurePosixPath(text).parts) is None
    )
