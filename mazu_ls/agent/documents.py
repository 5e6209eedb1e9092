"""Small documents that are looked at before every model call, and read only when they changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 64_000
"""What counts of a role document or a convention; more would crowd the work out of the window."""


class Documents:
    """Texts by path, held for as long as size, times and inode stay the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def text(self, path: Path) -> str:
        """The text, cut at MAX_BYTES; empty where there is no such regular file. A link is not followed: it may lead out."""
        try:
            status = os.lstat(path)
        except OSError:
            return ""
        if not stat.S_ISREG(status.st_mode):
            return ""
        stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            try:
                with path.open("rb") as file:
                    known = (stamp, file.read(MAX_BYTES).decode("utf-8", "replace"))
            except OSError:
                return ""
            self._known[path] = known
        return known[1]
