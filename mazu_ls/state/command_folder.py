"""The folder of one approved command in the state directory: what it writes in the place of `/tmp` and the home.

The server that runs the command holds a lock on it, which the kernel releases when the server ends in any way: so the next one
knows the folders of one that was killed.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.state.paths import private_folder, state_home

FOLDERS = {"tmp": "/tmp", "var-tmp": "/var/tmp", "home": "the home"}
"""The folders of a command's folder, and what the command finds each as."""
_PLACE = "run"
_NEW = ".new-"
"""How the name of a folder begins that has no lock yet."""
_NEW_SECONDS = 60
"""After which nobody will lock such a folder any more."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_locks: dict[Path, int] = {}
"""The locks of the commands of this process."""


def make_scratch(env: Mapping[str, str]) -> Path:
    """Create a folder for what one approved command writes outside the project; `left_files.keep_left` or `discard` ends it.

    Its path is short: of sockets, as programs make them in a temporary folder, it is a part of at most 107 bytes (unix(7)).
    Raises MazuError(storage).
    """
    try:
        made = Path(tempfile.mkdtemp(prefix=_NEW, dir=private_folder(state_home(env) / _PLACE)))
        scratch = made.with_name(made.name.removeprefix(_NEW))
        lock = _lock(made)
        made.rename(scratch)  # it is never seen without its lock
    except OSError as error:
        raise storage_error(error) from error
    if lock is not None:
        _locks[scratch] = lock
    return scratch


def storage_error(error: OSError) -> MazuError:
    """Return what to say where a command's folder cannot be made or written."""
    return MazuError(
        Kind.STORAGE, f"The command's temporary folder cannot be made: {error}.", "Free space in the state directory."
    )  # fmt: skip


def is_storage_fault(error: OSError) -> bool:
    """Return whether the disk is full or cannot be written."""
    return error.errno in _FULL


def mount_points(scratch: Path) -> dict[str, Path]:
    """Create the folders that the sandbox shows in the place of `/tmp`, `/var/tmp` and the home, and return them by their names."""
    made = {name: scratch / name for name in FOLDERS}
    for name, folder in made.items():
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700 if name == "home" else 0o1777)  # the folder around it is the user's alone
    return made


def discard(scratch: Path) -> None:
    """Remove a command's folder, if it is still there. Raises RecursionError where it is too deep for this Python."""
    try:
        shutil.rmtree(scratch, ignore_errors=True)
    finally:
        unlock(scratch)


def unlock(scratch: Path) -> None:
    """Release the lock of a folder that is this process's no more."""
    if (lock := _locks.pop(scratch, None)) is not None:
        os.close(lock)


def left_running(env: Mapping[str, str]) -> list[Path]:
    """Return the folders of commands that run in other processes, or ran in one that was killed."""
    place, found, long_ago = state_home(env) / _PLACE, list[Path](), time.time() - _NEW_SECONDS
    for entry in list(os.scandir(place)) if place.is_dir() else []:
        with suppress(FileNotFoundError):  # its command ended just now
            is_new = entry.name.startswith(_NEW) and entry.stat(follow_symlinks=False).st_mtime > long_ago
            if not is_new and Path(entry.path) not in _locks:
                found.append(Path(entry.path))
    return found


@contextmanager
def locked(scratch: Path) -> Iterator[bool]:
    """Hold the lock of a folder; False where its command runs, or folders have no locks."""
    lock = _lock(scratch)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    fd = None
    with suppress(OSError):
        fd = os.open(folder, open_flags.FOLDER | open_flags.NOFOLLOW)
        if try_lock(fd):
            return fd
    if fd is not None:
        os.close(fd)
    return None
