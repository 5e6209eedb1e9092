"""What a tool round does, counted: hops to threads, turns of the event loop, statements, syncs, opened files. Load changes none of it.

`python benchmarks/tool_round.py --counts`. Git's processes and what C libraries do by themselves (SQLite's own files) are not seen.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import zlib
from asyncio import base_events
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import apsw

ROWS = (
    "hops to a thread", "turns of the event loop", "tasks", "statements", "commits", "syncs of files and folders",
    "files opened", "status of a file read", "SHA-1 sums", "streams compressed", "processes started",
)  # fmt: skip
_CALLS: tuple[tuple[Any, str, str], ...] = (
    (ThreadPoolExecutor, "submit", "hops to a thread"),
    (base_events.BaseEventLoop, "_run_once", "turns of the event loop"),
    (base_events.BaseEventLoop, "create_task", "tasks"),
    (os, "fsync", "syncs of files and folders"),
    (os, "fdatasync", "syncs of files and folders"),
    (os, "open", "files opened"),
    (os, "stat", "status of a file read"),
    (os, "lstat", "status of a file read"),
    (os, "fstat", "status of a file read"),
    (hashlib, "sha1", "SHA-1 sums"),
    (zlib, "compressobj", "streams compressed"),
    (zlib, "compress", "streams compressed"),
    (subprocess.Popen, "__init__", "processes started"),
)


class CountedConnection(apsw.Connection):
    """A connection of which each statement is counted in `counts`."""

    counts: ClassVar[Counter[str]] = Counter()

    def execute(self, statements: Any, *arguments: Any, **options: Any) -> Any:
        """Count the statement and run it."""
        self.counts["commits" if statements == "COMMIT" else "statements"] += 1
        return super().execute(statements, *arguments, **options)

    def executemany(self, statements: Any, *arguments: Any, **options: Any) -> Any:
        """Count it once, whatever the number of rows."""
        self.counts["statements"] += 1
        return super().executemany(statements, *arguments, **options)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count what happens in this process while the block runs."""
    counts = CountedConnection.counts = Counter()
    with ExitStack() as undo:
        for owner, name, row in _CALLS:
            known = getattr(owner, name)
            setattr(owner, name, _counted(known, counts, row))
            undo.callback(setattr, owner, name, known)
        known = apsw.Connection
        apsw.Connection = CountedConnection
        undo.callback(setattr, apsw, "Connection", known)
        yield counts


def _counted(call: Callable[..., Any], counts: Counter[str], row: str) -> Callable[..., Any]:
    @functools.wraps(call)
    def counted(*arguments: Any, **options: Any) -> Any:
        counts[row] += 1
        return call(*arguments, **options)

    return counted


def table(columns: dict[str, Counter[str]], rounds: int) -> str:
    """Return the counts of each loop divided by its rounds."""
    head = f"{'counted for each round':34}" + "".join(f"{name:>24}" for name in columns)
    rows = [
        f"{row:34}" + "".join(f"{counts[row] / rounds:24.1f}" for counts in columns.values()) for row in ROWS
    ]
    return "\n".join((head, *rows))
