"""Files that were written since the last checkpoint, as the editor and the watch report them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

MAX_WRITTEN = 10_000
"""Written files that are noted one by one."""


class ReportedWrites:
    """Names to look at; where they are too many (a checkout, an installation), every file is looked at instead."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._overflows = 0

    def add(self, path: Path) -> None:
        """A file was written."""
        if len(self._paths) >= MAX_WRITTEN:
            self._paths.clear()
            self._overflows += 1
        self._paths.add(path)

    def named(self) -> Sequence[Path] | None:
        """The files; None for more than are noted."""
        return None if self._overflows else [*self._paths]

    def mark(self) -> tuple[frozenset[Path], int]:
        """What is noted now, for `forget`."""
        return frozenset(self._paths), self._overflows

    def forget(self, mark: tuple[frozenset[Path], int]) -> None:
        """A checkpoint holds what was noted until then."""
        self._paths -= mark[0]
        self._overflows -= mark[1]
