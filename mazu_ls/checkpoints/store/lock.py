"""The lock of one store: it ends with its holder, and shows the next process that the holder died."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import try_lock, wait_for_lock
from mazu_ls.state.paths import private_folder

WAIT_SECONDS = 60.0
MOMENT_SECONDS = 0.2
"""Seconds that `is_held` may take."""


@contextmanager
def lock_store(paths: Sequence[Path], wait: float = WAIT_SECONDS) -> Iterator[bool]:
    """Hold the locks of a project: its own, which comes first, and those of the other folders it holds.

    Its own file holds 1 while it is locked and 0 once the work succeeded. Yields False if it holds a 1: the last holder
    was killed, and there may be something to recover. Raises MazuError(busy) after `wait` seconds.
    """
    until = time.monotonic() + wait
    with ExitStack() as stack:
        own = -1
        # one global order of locking, so that no two processes wait for each other
        for path in sorted(paths):
            fd = stack.enter_context(_locked(path, until))
            own = fd if path == paths[0] else own
        clean = os.pread(own, 1, 0) != b"1"
        os.pwrite(own, b"1", 0)
        yield clean
        os.pwrite(own, b"0", 0)


@contextmanager
def lock_exclusively(path: Path, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock `path` exclusively. Raises MazuError(busy) after `wait` seconds."""
    with _locked(path, time.monotonic() + wait):
        yield


def is_held(path: Path) -> bool:
    """Return whether any process, this one included, holds the lock `path` now."""
    try:
        fd = os.open(path, os.O_RDWR | open_flags.CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(fd)
    finally:
        os.close(fd)


def hold(fd: int) -> None:
    """Lock an open file for as long as it is open. Raises MazuError(busy) if it stays locked for more than a moment."""
    _acquire(fd, time.monotonic() + MOMENT_SECONDS)


@contextmanager
def _locked(path: Path, until: float) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | open_flags.CLOEXEC, 0o600)
    except FileNotFoundError:
        private_folder(path.parent)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | open_flags.CLOEXEC, 0o600)
    try:
        _acquire(fd, until)
        yield fd
    finally:
        os.close(fd)


def _acquire(fd: int, until: float) -> None:
    if not wait_for_lock(fd, until - time.monotonic()):
        raise MazuError(
            Kind.BUSY, "Another mazu-ls is working on this project's checkpoints.", "Try again in a moment."
        )
