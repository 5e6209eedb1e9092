"""The temporary folder for git directories of ours. Where the usual place is full, another one is used: undo must not need it."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from mazu_ls.platform import file_lock, open_flags

PREFIX = "mazu-git-"
OWNER = "owner"
"""The file in a folder that its process keeps locked while it lives."""
MOST_SWEPT = 200
"""Number of folders removed at a time."""
UNOWNED_SECONDS = 86_400
"""Age from which a folder without that file is removed: its process was killed as it began, or is of an earlier version."""
_lock = threading.Lock()
_used: list[Path | None] = []
"""The folder in each place that was tried, the last one current; None if the place took none."""


def current() -> Path:
    """Return the folder of this process, made when it is first needed. Raises OSError if no place takes one."""
    with _lock:
        return (_used[-1] if _used else None) or _make_next(None)


def move_on(folder: Path, error: OSError) -> None:
    """Use the next place from now on: this folder takes no more. Raises the error, with the place, if none is left."""
    with _lock:
        if _used and _used[-1] == folder:
            _make_next(error)


def _make_next(error: OSError | None) -> Path:
    usual = tempfile.gettempdir()
    for place in _places(usual)[len(_used) :]:
        _used.append(None)
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        except OSError as failed:
            error = error or failed
            continue
        _take(folder)
        _sweep(Path(place))
        _used[-1] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder
    number, text = (error.errno, error.strerror) if error else (errno.ENOSPC, os.strerror(errno.ENOSPC))
    _used.clear()  # the next one tries them all again
    raise OSError(number, text, usual)


def _places(usual: str) -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [usual, *([runtime] if runtime else []), "/dev/shm", "/var/tmp", str(Path.home())]


def _take(folder: Path) -> None:
    """Show other processes that this one uses the folder. The file is locked before it has its name."""
    with contextlib.suppress(
        OSError
    ):  # a full disk: the folder is removed by its age if this process is killed
        fd = os.open(folder / f"{OWNER}.new", open_flags.CREATE_NEW, 0o600)  # open until the process ends
        if file_lock.try_lock(fd):
            (folder / f"{OWNER}.new").rename(folder / OWNER)


def _sweep(place: Path) -> None:
    """Remove the folders of this user whose processes were killed."""
    found = 0
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if found == MOST_SWEPT:
                return
            if entry.name.startswith(PREFIX) and _is_left(entry):
                shutil.rmtree(entry.path, ignore_errors=True)
                found += 1


def _is_left(folder: os.DirEntry[str]) -> bool:
    """Return whether nobody uses a folder any more; another user's is none of ours."""
    try:
        status = folder.stat(follow_symlinks=False)
        if not folder.is_dir(follow_symlinks=False) or not open_flags.is_own(status):
            return False
        try:
            fd = os.open(Path(folder.path, OWNER), open_flags.READ_REGULAR)
        except FileNotFoundError:
            return time.time() - status.st_mtime > UNOWNED_SECONDS
        try:
            return file_lock.try_lock(fd)
        finally:
            os.close(fd)
    except OSError:
        return False
