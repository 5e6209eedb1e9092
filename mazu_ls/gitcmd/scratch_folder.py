"""The temporary folder for git directories of ours. Where the usual place is full, another one is used: undo must not need it."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
import threading
from pathlib import Path

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
            folder = Path(tempfile.mkdtemp(prefix="mazu-git-", dir=place))
        except OSError as failed:
            error = error or failed
            continue
        _used[-1] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder
    number, text = (error.errno, error.strerror) if error else (errno.ENOSPC, os.strerror(errno.ENOSPC))
    _used.clear()  # the next one tries them all again
    raise OSError(number, text, usual)


def _places(usual: str) -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [usual, *([runtime] if runtime else []), "/dev/shm", "/var/tmp", str(Path.home())]
