"""Marks of editors' servers that have begun to start on a project, and do not share yet what is unsaved in their editor.

From the first message of its editor until then a server holds one locked file beside its live socket; the kernel
releases the lock when the process ends in any way. Whoever is about to change files waits for it. Standard library only:
short commands import this.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.state import paths
from mazu_ls.state.live_socket import FOLDER, STARTING, is_private

WAIT_SECONDS = 20.0
"""Seconds to wait for a server that starts."""
PAUSE_SECONDS = 0.05
STILL_STARTING = "An editor that just opened this project is not ready: what is unsaved there is not known here, and stays as it is."


class StartingMark:
    """The locked file of one server. `close` removes it; closing it twice does nothing."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def close(self) -> None:
        """Remove the file, then release its lock. Never raises."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1


def mark_starting(root: Path, env: Mapping[str, str] = os.environ) -> StartingMark | None:
    """Return the mark of a server that starts on the project at `root`; None where none can be written."""
    try:
        folder = paths.state_home(env) / FOLDER
        paths.private_folder(folder.parent)
        if not is_private(paths.private_folder(folder)):
            return None
        name = f"{paths.root_key(root)}.{os.getpid()}-{os.urandom(4).hex()}"
        made, path = folder / f"{name}.new", folder / f"{name}{STARTING}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC | open_flags.NOFOLLOW
        lock = os.open(made, flags, 0o600)
        try:
            try_lock(lock)
            made.rename(path)  # it is never seen without its lock
        except BaseException:
            made.unlink(missing_ok=True)
            os.close(lock)
            raise
    except OSError:
        return None
    return StartingMark(path, lock)


def is_another_starting(
    root: Path, env: Mapping[str, str] = os.environ, own: StartingMark | None = None
) -> bool:
    """Return whether a server starts on the project at `root`, other than the one with the mark `own`. Removes the
    marks of servers that died."""
    folder, key = paths.state_home(env) / FOLDER, f"{paths.root_key(root)}."
    try:
        found = [one for one in folder.iterdir() if one.suffix == STARTING and one.name.startswith(key)]
    except OSError:
        return False
    return any(_is_held(path) for path in found if own is None or path != own.path)


def _is_held(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDWR | open_flags.CLOEXEC | open_flags.NOFOLLOW)
    except OSError:
        return False
    try:
        if not try_lock(lock):
            return True
        path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    return False


def wait_for_others(root: Path, env: Mapping[str, str] = os.environ, own: StartingMark | None = None) -> bool:
    """Wait until every server that starts on the project shares what is unsaved; return whether all do now. Blocks."""
    until = time.monotonic() + WAIT_SECONDS
    while is_another_starting(root, env, own):
        if time.monotonic() > until:
            return False
        time.sleep(PAUSE_SECONDS)
    return True
