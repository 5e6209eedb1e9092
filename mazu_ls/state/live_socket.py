"""The unix socket on which the server that has a project open answers this user's other mazu-ls processes.

It is in the state directory (0700), is 0600 itself, and belongs to the holder of its lock file, which the kernel
releases when the process ends in any way. Standard library only: short commands import this first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.platform.peer_credentials import peer_credentials
from mazu_ls.state import paths

FOLDER = "live"
STARTING = ".starting"
"""What the file of a server that starts ends with (`starting.py`)."""
BACKLOG = 64
LONGEST_ADDRESS = 100
"""Maximum bytes of a path in `sun_path` on every system: unix(7) has 108, the BSDs 104."""


def socket_path(root: Path, env: Mapping[str, str] = os.environ) -> Path:
    """Return where the server of the project at `root` listens (it need not exist)."""
    return paths.state_home(env) / FOLDER / f"{paths.root_key(root)}.sock"


def is_any_bound(env: Mapping[str, str] = os.environ) -> bool:
    """Return whether a server of any project listens or starts, or died while it did."""
    try:
        return any(
            entry.suffix in (".sock", STARTING) for entry in (paths.state_home(env) / FOLDER).iterdir()
        )
    except OSError:
        return False


def is_private(folder: Path) -> bool:
    """Return whether `folder` is a folder, not a link to one, that only this user may enter."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and open_flags.is_own(status) and not status.st_mode & 0o077


def connect(path: Path, timeout: float) -> socket.socket | None:
    """Return a connection to the server at `path`; None if nobody listens or it is not this user's."""
    if not is_private(path.parent):
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        with _short_address(path) as address:
            connection.connect(address)
        if peer_credentials(connection)[1] == open_flags.user_id():
            return connection
    except OSError:
        pass
    connection.close()
    return None


class BoundSocket:
    """A listening socket and the lock that makes its path this process's. `close` releases both."""

    def __init__(self, path: Path, listener: socket.socket, lock: int) -> None:
        self.path = path
        self.listener = listener
        self._lock = lock

    def close(self) -> None:
        """Remove the path while it is still ours, then release the lock. Never raises."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.listener.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def bind(path: Path) -> BoundSocket | None:
    """Listen at `path`, where a server that died may have left its socket; None while another process holds the lock.

    Raises OSError if the folder cannot be written, has no locks or is not this user's alone.
    """
    paths.private_folder(path.parent.parent)
    if not is_private(paths.private_folder(path.parent)):
        raise PermissionError(errno.EPERM, "not a folder of this user alone (0700)", str(path.parent))
    lock = os.open(
        path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | open_flags.CLOEXEC | open_flags.NOFOLLOW, 0o600
    )
    listener = None
    try:
        if not try_lock(lock):
            os.close(lock)
            return None
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The mode that bind(2) gives the file, from its first moment.
        open_flags.set_mode(listener.fileno(), 0o600)
        with _short_address(path) as address:
            listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        if listener is not None:
            listener.close()
        os.close(lock)
        raise
    return BoundSocket(path, listener, lock)


@contextlib.contextmanager
def _short_address(path: Path) -> Iterator[str]:
    """Yield `path`, or a name of the same file that is short enough for a socket's address."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, open_flags.FOLDER)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
