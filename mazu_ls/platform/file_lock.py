"""Locks on open files: advisory, released when the file is closed, by the system too when its holder dies.

POSIX: flock(2), which belongs to the open file description and is inherited by children that keep it. Windows: one byte far
behind any content (`LockFile`), exclusive only; a shared lock is taken as an exclusive one.
"""

from __future__ import annotations

import os
import sys
import time

FAR = 2**62
"""Where Windows locks a byte: a lock there is mandatory, and nobody writes that far."""
PAUSE_SECONDS = 0.005

if sys.platform == "win32":
    import msvcrt

    def try_lock(fd: int, *, shared: bool = False) -> bool:
        """Lock an open file unless somebody holds it. Raises OSError where the file system has no locks."""
        at = os.lseek(fd, 0, os.SEEK_CUR)
        try:
            os.lseek(fd, FAR, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            os.lseek(fd, at, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(fd: int, *, shared: bool = False) -> bool:
        """Lock an open file unless somebody holds it. Raises OSError where the file system has no locks."""
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def wait_for_lock(fd: int, seconds: float) -> bool:
    """Lock an open file within `seconds`; False where its holder keeps it longer. Blocks the thread."""
    until = time.monotonic() + seconds
    while not try_lock(fd):
        if time.monotonic() > until:
            return False
        time.sleep(PAUSE_SECONDS)
    return True
