"""Files that were written since the last checkpoint, as reported by the editor and the file watcher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

MAX_WRITTEN = 10_000
"""Maximum number of written files that are recorded individually."""


class ReportedWrites:
    """Files to read; if there are too many (a checkout, an installation), every file is scanned instead."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._overflows = 0

    def add(self, path: Path) -> None:
        """Record a written file."""
        if len(self._paths) >= MAX_WRITTEN:
            self._paths.clear()
            self._overflows += 1
        self._paths.add(path)

    def named(self) -> Sequence[Path] | None:
        """Return the files; None if there are too many."""
        return None if self._overflows else [*self._paths]

    def mark(self) -> tuple[frozenset[Path], int]:
        """Return the present record, for `forget`."""
        return frozenset(self._paths), self._overflows

    def forget(self, mark: tuple[frozenset[Path], int]) -> None:
        """Forget what was recorded until `mark`: a checkpoint holds it."""
        self._paths -= mark[0]
        self._overflows -= mark[1]
