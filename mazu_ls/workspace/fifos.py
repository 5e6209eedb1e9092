"""Named pipes in a work tree, at which a program that reads files by name would block forever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from mazu_ls.platform import open_flags


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


async def release_readers(folders: Iterable[Path], names: Container[str], patience: float = 2.0) -> None:
    """After `patience` seconds, make a process that waits at a fifo with one of these names go on, until cancelled.

    For processes whose input is not ours to open: they read files below `folders`, and those of the repository around each.
    """
    await asyncio.sleep(patience)
    fifos = await asyncio.to_thread(_find_readable, tuple(folders), names)
    while fifos:
        for fifo in fifos:
            end_input(fifo)
        await asyncio.sleep(0.05)


def _find_readable(folders: Iterable[Path], names: Container[str]) -> set[str]:
    around = {parent / ".git" for folder in folders for parent in folder.parents}
    return {fifo for place in (*folders, *around) for fifo in find_fifos(place, names)}
