"""Flags of open(2), and the modes and owners of files, that not every system has.

Windows has no folder descriptors, owners, permission bits, FIFOs in folders or controlling terminals: there the flags are 0 and
`is_own` and `set_mode` do nothing. What depends on a folder descriptor (`workspace/openat.py`) raises OSError there,
because `os.open` cannot open a folder and `dir_fd` is missing. Standard library only: short commands import this.
"""

from __future__ import annotations

import os

CLOEXEC: int = getattr(os, "O_CLOEXEC", 0) or getattr(os, "O_NOINHERIT", 0)
NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
NOCTTY: int = getattr(os, "O_NOCTTY", 0)
DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
PATH: int = getattr(os, "O_PATH", 0)

FOLDER = os.O_RDONLY | DIRECTORY | CLOEXEC
"""Opens a folder; a link as its last component is followed."""
READ_REGULAR = os.O_RDONLY | NOFOLLOW | NONBLOCK | NOCTTY | CLOEXEC
"""Opens a file for reading without following a link, waiting at a FIFO or taking a terminal."""
CREATE_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC
"""Creates a file that must not exist yet."""


def set_mode(fd: int, mode: int) -> None:
    """Set the permission bits of an open file; nothing where the system has none. Raises OSError."""
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)


def user_id() -> int:
    """The number of the user this process acts for; 0 where the system has no such numbers."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def is_own(status: os.stat_result) -> bool:
    """Whether a file belongs to this user; True where the system has no owners."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
