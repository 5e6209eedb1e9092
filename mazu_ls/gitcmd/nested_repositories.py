"""Finds repositories in folders that are not scanned, such as ignored build output, and whether their configuration
changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from mazu_ls.workspace.openat import folder_beneath

MAX_LOOKED = 10_000  # folders below the given ones, each of which costs an lstat(2) of its `.git`
# Inode and ctime of a `.git` and of what in it names programs; None for what does not exist.
RepositoryStamp = tuple[tuple[int, int] | None, ...]
_NAMES_PROGRAMS = ("config", "config.worktree", "commondir", "hooks")


def find_repositories(top: str, folders: Sequence[str]) -> dict[Path, RepositoryStamp]:
    """Return each `.git` in one of `folders` or directly below it; of those below, at most MAX_LOOKED folders are
    examined."""
    found: dict[Path, RepositoryStamp] = {}
    left = MAX_LOOKED
    for folder in folders:
        try:
            with folder_beneath(Path(top), PurePosixPath(os.path.relpath(folder, top))) as opened:
                with os.scandir(opened) as listing:
                    below = [
                        entry.name for entry in islice(listing, left) if entry.is_dir(follow_symlinks=False)
                    ]
                left -= len(below)
                for name in (".", *below):
                    if (stamp := _repository_stamp(opened, f"{name}/.git")) is not None:
                        found[Path(folder, name, ".git")] = stamp
        except OSError:
            continue
    return found


def _repository_stamp(opened: int, git: str) -> RepositoryStamp | None:
    try:
        status = os.stat(git, dir_fd=opened, follow_symlinks=False)
    except OSError:
        return None
    # A folder's ctime changes with every lock file in it.
    own = (status.st_ino, 0 if stat.S_ISDIR(status.st_mode) else status.st_ctime_ns)
    return own, *(_stamp_at(opened, f"{git}/{name}") for name in _NAMES_PROGRAMS)


def _stamp_at(opened: int, path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path, dir_fd=opened, follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns
