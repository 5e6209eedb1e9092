"""Walks the workspace as git sees it: .gitignore respected at every level, `.git` and `.mazu` left out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from mazu_ls.workspace.openat import folder_beneath
from mazu_ls.workspace.project_files import read_text
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIPPED = frozenset((".git", ".mazu", ".hg", ".svn", ".jj"))
MAX_RULES = 1 << 20
IGNORE_FILES = (".gitignore", ".ignore")
MAX_DEPTH = 100
"""Folders between an ignore file and the path in question; deeper down nothing is ignored."""


@lru_cache(maxsize=256)
def _spec(lines: tuple[str, ...]) -> GitIgnoreSpec:
    from mazu_ls.tools.search.ignore_patterns import compile_ignore_file

    return compile_ignore_file(lines)


def _rules(folder: Path, names: set[str]) -> GitIgnoreSpec | None:
    lines: list[str] = []
    for name in IGNORE_FILES:
        if name in names:
            try:
                lines += split_lines(read_text(folder, name, MAX_RULES, "replace"), ends=False)
            except OSError:
                continue  # unreadable, a link or no regular file: git does not read it either
    return _spec(tuple(lines)) if lines else None


class WalkedFile(NamedTuple):
    """A regular file found by the walk."""

    path: str
    name: str
    modified: float


def walk(root: Path, start: Path, *, ignored: bool = False) -> Iterator[WalkedFile]:
    """Yield every regular file below `start`, a folder in `root`; `ignored` includes ignored ones.

    Each folder is opened below `root`: one that is swapped for a link meanwhile is skipped, not followed.
    """
    above = [] if ignored else list(_above(root, start))
    stack = [(start, above)]
    while stack:
        folder, rules = stack.pop()
        try:
            entries = sorted(_listed(root, folder))
        except OSError:
            continue
        if not ignored and (own := _rules(folder, {name for name, _, _ in entries})) is not None:
            rules = [*rules, (str(folder), own)]
        folders = []
        for name, mode, modified in entries:
            path, is_folder = f"{str(folder).rstrip('/')}/{name}", stat.S_ISDIR(mode)
            if name in SKIPPED or (rules and is_ignored(path, is_folder, rules)):
                continue
            if is_folder:
                folders.append((Path(path), rules))
            elif stat.S_ISREG(mode):
                yield WalkedFile(path, name, modified)
        stack.extend(reversed(folders))


def _listed(root: Path, folder: Path) -> list[tuple[str, int, float]]:
    """Return name, mode and modification time of a folder's entries."""
    with (
        folder_beneath(root, PurePosixPath(os.path.relpath(folder, root))) as opened,
        os.scandir(opened) as entries,
    ):
        seen = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    return [(name, status.st_mode, status.st_mtime) for name, status in seen]


def _above(root: Path, start: Path) -> Iterator[tuple[str, GitIgnoreSpec]]:
    folders = [start, *start.parents]
    for folder in reversed(folders[1 : folders.index(root) + 1] if root in folders else ()):
        names = {name for name in IGNORE_FILES if (folder / name).is_file()}
        if (found := _rules(folder, names)) is not None:
            yield str(folder), found


def is_ignored(path: str, is_folder: bool, rules: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Return whether a path is ignored: the innermost file with a matching rule decides. `rules`: folder and spec,
    outermost first."""
    for folder, spec in reversed(rules):
        relative = path[len(folder) + 1 :] + ("/" if is_folder else "")
        if relative.count("/") > MAX_DEPTH:
            continue
        if (verdict := spec.check_file(relative).include) is not None:
            return verdict
    return False
