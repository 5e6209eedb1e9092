"""Files in `.git` that git obeys and does not write by itself: checked before and after a git command that may start
hooks.

Such a command has `.git` writable, and so have the hooks that it starts, which run files of the project.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mazu_ls.gitcmd.repository_config import MAX_BYTES, text_names_programs
from mazu_ls.workspace.project_files import list_folder, read_text

MAX_FOLDERS = 2_000
_RUNS_LATER = re.compile(r"^[^\S\n]*+(?:x|exec)\s", re.MULTILINE)
_COMMON_DIR = "git obeys this file and does not make it itself"
Stamp = tuple[int, int]


@dataclass(frozen=True)
class ObeyedFile:
    """A file or folder in a git folder, and its inode. `never_git`: no git command creates it."""

    path: Path
    inode: int
    changed: int
    why: str
    never_git: bool


def find_obeyed(git: Path, *, modules: bool = True) -> list[ObeyedFile]:
    """Return all of them that exist now. `modules`: the repositories of submodules as well."""
    if not git.is_dir():
        return []
    found = [_seen(git / "commondir", _COMMON_DIR, never_git=True)]
    found += [_configuration(git / "config.worktree"), *_hooks(git)]
    found.append(_seen(git / "info/attributes", "it chooses filters and drivers for files", never_git=False))
    todo = git / "rebase-merge/git-rebase-todo"
    if _RUNS_LATER.search(_text(todo) or ""):
        found.append(_seen(todo, "`git rebase --continue` runs the commands in it", never_git=False))
    for tree in _folders(git / "worktrees"):
        if (_text(tree / "commondir") or "../..").strip() != "../..":
            found.append(_seen(tree / "commondir", _COMMON_DIR, never_git=True))
        found.append(_configuration(tree / "config.worktree"))
    for repository in _repositories(git / "modules") if modules else ():
        found += [_configuration(repository / "config"), _configuration(repository / "config.worktree")]
        found += [*_hooks(repository), _seen(repository / "commondir", _COMMON_DIR, never_git=True)]
    return [one for one in found if one is not None]


def _hooks(git: Path) -> list[ObeyedFile | None]:
    """Return its folder of hooks, if one of them runs; git also copies them from the user's own template."""
    try:
        names = [entry.name for entry in list_folder(git, "hooks") if not entry.name.endswith(".sample")]
    except OSError:
        return []
    return [_seen(git / "hooks", "git runs what is there", never_git=False)] if names else []


def _configuration(path: Path) -> ObeyedFile | None:
    if not os.path.lexists(path):
        return None
    text = _text(path)
    named = "it cannot be read" if text is None else text_names_programs(text)
    return _seen(path, f"git may start a program for it ({named})", never_git=True) if named else None


def _seen(path: Path, why: str, *, never_git: bool) -> ObeyedFile | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return ObeyedFile(path, status.st_ino, status.st_ctime_ns, why, never_git)


def _text(path: Path) -> str | None:
    try:
        return read_text(path.parent, path.name, MAX_BYTES, "replace")
    except OSError:
        return None


def _folders(path: Path) -> list[Path]:
    try:
        entries = list_folder(path.parent, path.name)
        return [path / entry.name for entry in entries if entry.kind == "folder"][:MAX_FOLDERS]
    except OSError:
        return []


def _repositories(modules: Path) -> list[Path]:
    """Return the git folders below `modules`; names of submodules may hold slashes."""
    found: list[Path] = []
    todo, looked = _folders(modules), 0
    while todo and looked < MAX_FOLDERS:
        folder = todo.pop()
        looked += 1
        if os.path.lexists(folder / "HEAD"):
            found.append(folder)
            todo += _folders(folder / "modules")
        else:
            todo += _folders(folder)
    return found
