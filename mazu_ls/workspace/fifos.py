"""Named pipes in a work tree, at which a program that reads files by name would block forever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from mazu_ls.platform import open_flags
from mazu_ls.platform.process_group import sleeping_since

LOOK = 0.1
"""Seconds between two looks at a process that may wait at a fifo."""
POKE = 0.05
"""Seconds between two times at which the fifos that were found are ended."""


def find_fifos(folder: Path, names: Container[str]) -> Iterator[str]:
    """Yield the paths of fifos with one of these names, at any depth; links are not followed."""
    for place, _, files in os.walk(folder):
        for name in files:
            if name in names:
                path = os.path.join(place, name)  # noqa: PTH118 - as os.walk gives it
                with contextlib.suppress(OSError):
                    if stat.S_ISFIFO(os.lstat(path).st_mode):
                        yield path


def end_input(fifo: str) -> None:
    """Make a process that waits for this fifo's writer see an empty file. Not an error if nobody waits."""
    with contextlib.suppress(OSError):  # ENXIO
        os.close(os.open(fifo, os.O_WRONLY | open_flags.NONBLOCK | open_flags.NOFOLLOW | open_flags.CLOEXEC))


class IdleWatch:
    """Says when it is worth to look for fifos: a process that opened one without a writer sleeps and spends no processor time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._spent: float | None = None
        self._idle, self._due = 0, 1

    def is_due(self) -> bool:
        """Return whether the process has been idle for long enough; each further time, for twice as long as before.

        To be called every `LOOK` seconds. Where the system does not say what a process does, each fifth call counts as idle, since a
        search for fifos may cost as much as the work of the process.
        """
        try:
            now = sleeping_since(self._pid)
        except OSError:
            self._idle += 1
            return self._is_reached(5)
        was, self._spent = self._spent, now
        self._idle = self._idle + 1 if now is not None and now == was else 0
        return self._is_reached(1)

    def _is_reached(self, calls: int) -> bool:
        if self._idle < calls * self._due:
            return False
        self._idle, self._due = 0, 2 * self._due
        return True


async def release_readers(folders: Iterable[Path], names: Container[str], pid: int) -> None:
    """While the process `pid` waits, make it go on at each fifo with one of these names, until cancelled.

    For processes whose input is not ours to open: they read files below `folders`, and those of the repository around each.
    """
    watch, fifos = IdleWatch(pid), set[str]()
    while True:
        if not fifos and watch.is_due():
            fifos = await asyncio.to_thread(_find_readable, tuple(folders), names)
        for fifo in fifos:
            end_input(fifo)
        await asyncio.sleep(POKE if fifos else LOOK)


def _find_readable(folders: Iterable[Path], names: Container[str]) -> set[str]:
    around = {parent / ".git" for folder in folders for parent in folder.parents}
    return {fifo for place in (*folders, *around) for fifo in find_fifos(place, names)}
