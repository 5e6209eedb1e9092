"""Finds the project that a command means: the one that the editor means in that folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from mazu_ls.state import paths

if TYPE_CHECKING:
    import argparse
    import re

ENOUGH = 2
"""Number of projects directly inside a folder that make it a folder of projects."""
SCANNED = 400
"""Maximum number of entries of a folder that are examined for that."""
Why = Literal["known", "git", "here", "named", "none"]


class ProjectRoot(NamedTuple):
    """The folders of a project and how they were found; no folders if `why` is "none", `problem` says why not."""

    folders: tuple[Path, ...]
    why: Why
    problem: str = ""

    @property
    def sentence(self) -> str:
        """Return which project it is, in a sentence."""
        if not self.folders:
            return self.problem
        reason = {
            "known": "mazu-ls was used there before",
            "git": "the top of the git repository",
            "here": "this folder",
            "named": "named with --folder",
        }[self.why]
        outer = enclosing_project(self.folders[0]) if self.why in ("known", "named") else None
        apart = f"; a project of its own inside {outer}" if outer else ""
        if (
            self.folders[0] / ".git"
        ).is_file():  # else nothing heavy is imported for a command that a server answers
            from mazu_ls.state.worktrees import main_worktree

            if main := main_worktree(self.folders[0]):
                apart = f"; a linked worktree of {main}, whose memory is its own"
        return f"{self.folders[0]} ({reason}{apart})"


def resolve_project(given: argparse.Namespace) -> ProjectRoot:
    """Return the project: the folders that were named, else the one that the current folder belongs to."""
    if named := getattr(given, "folder", None):
        return named_project(named)
    return find_project(Path.cwd())


def find_project(cwd: Path, env: Mapping[str, str] = os.environ) -> ProjectRoot:
    """Return the nearest folder upwards that has state, else the git top level, else `cwd`; reads only.

    Never the root of the file system, a home folder, or a folder that holds several projects.
    """
    home = _real(Path.home())
    top: Path | None = None
    for folder in (cwd, *cwd.parents):
        if why := _unfit(folder, home):
            if folder == cwd:
                return ProjectRoot((), "none", f"{folder} is {why}, not a project.")
            break
        if has_state(folder, env):
            return ProjectRoot((folder,), "known")
        if top is None and (folder / ".git").exists():
            top = folder
    return ProjectRoot((top,), "git") if top else ProjectRoot((cwd,), "here")


def named_project(folders: list[Path]) -> ProjectRoot:
    """The folders that the user named; `problem` says which of them is no folder."""
    if missing := [folder for folder in folders if not folder.is_dir()]:
        return ProjectRoot((), "named", f"{missing[0]} is not a folder.")
    return ProjectRoot(tuple(folder.absolute() for folder in folders), "named")


def path_in_project(typed: str, folders: Sequence[Path], cwd: Path | None = None) -> str:
    """Return a path as the project names it: what was typed in a folder below its top is relative to there, as in git.

    As it was typed if only the top has it, as completion and messages of the agent name it, or if it leads out of the project.
    """
    cwd = cwd or Path.cwd()
    if len(folders) != 1 or cwd == folders[0] or not cwd.is_relative_to(folders[0]):
        return typed
    here, named = Path(os.path.normpath(cwd / typed)), typed.partition("*")[0]
    if not here.is_relative_to(folders[0]) or Path(typed).is_absolute() or not named:
        return typed
    if not (cwd / named).exists() and (folders[0] / named).exists():
        return typed
    return here.relative_to(folders[0]).as_posix()


def message_in_project(message: str, folders: Sequence[Path]) -> str:
    """Return a message with its `@path` mentions as the project names them; those that name no file here stay."""
    if "@" not in message or len(folders) != 1 or Path.cwd() == folders[0]:
        return message
    from mazu_ls.server.chat.markdown import MENTION, mention_of, mentioned_path

    def named(found: re.Match[str]) -> str:
        typed = mentioned_path(found)
        if not Path(typed).is_file():
            return found[0]
        lines = found[0].rpartition('"')[2] if found["quoted"] else found[0].removeprefix(f"@{typed}")
        return mention_of(path_in_project(typed, folders)) + lines

    return MENTION.sub(named, message)


def enclosing_project(folder: Path, env: Mapping[str, str] = os.environ) -> Path | None:
    """Return the project to which a folder would belong if it were none itself; None if it would be one all the same."""
    if (folder / ".git").exists():
        return None
    home, top = _real(Path.home()), None
    for above in folder.parents:
        if _unfit(above, home):
            break
        if has_state(above, env):
            return above
        if top is None and (above / ".git").exists():
            top = above
    return top


def has_state(folder: Path, env: Mapping[str, str]) -> bool:
    """Return whether mazu-ls was used in a folder as a project."""
    try:
        return paths.root_state(folder, env).is_dir()
    except OSError:
        return False


def _unfit(folder: Path, home: Path) -> str:
    if folder.parent == folder:
        return "the root of the file system"
    if _real(folder) == home:
        return "your home folder"
    if not (folder / ".git").exists() and _holds_projects(folder):
        return "a folder of several projects"
    return ""


def _holds_projects(folder: Path) -> bool:
    found = 0
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(SCANNED), entries, strict=False):
                if entry.is_dir(follow_symlinks=False) and Path(entry.path, ".git").exists():
                    found += 1
                    if found >= ENOUGH:
                        return True
    except OSError:
        return False
    return False


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path
