"""The lock of one store: it dies with its holder, and tells the next one that the holder died."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mazu_ls.errors import Kind, MazuError

WAIT_SECONDS = 60.0


@contextmanager
def held(path: Path, recover: Callable[[], None], wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock; `recover` runs first if the last holder did not release it.

    The file says 1 while the lock is held and 0 once the work in it succeeded. Raises MazuError(busy) after `wait`
    seconds.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(fd, wait)
        if os.pread(fd, 1, 0) == b"1":
            recover()
        os.pwrite(fd, b"1", 0)
        yield
        os.pwrite(fd, b"0", 0)
    finally:
        os.close(fd)


def _acquire(fd: int, wait: float) -> None:
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise MazuError(
                    Kind.BUSY,
                    "Another mazu-ls is working on this project's checkpoints.",
                    "Try again in a moment.",
                ) from None
            time.sleep(0.005)
        else:
            return
