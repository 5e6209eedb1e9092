"""Small documents that are looked at before every model call, and read only when they changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mazu_ls.workspace import project_files

MAX_BYTES = 64_000
"""What counts of a role document or a convention; more would crowd the work out of the window."""


class CachedFiles:
    """Texts by path, held for as long as size, times and inode stay the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def text(self, root: Path, name: str) -> str:
        """The text of a file below a project's folder, cut at MAX_BYTES; empty where there is no such regular file.

        No link is followed at any level: it may lead out.
        """
        inside = PurePosixPath(os.path.normpath(name))
        return self._text(root / inside, lambda: project_files.open_file(root, inside))

    def text_of_user(self, path: Path) -> str:
        """The text of a file that the user's own settings name, wherever it is."""
        return self._text(path, lambda: project_files.open_file(path.parent, path.name))

    def _text(self, path: Path, opened: Callable[[], BinaryIO]) -> str:
        try:
            with opened() as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
                known = self._known.get(path)
                if known is None or known[0] != stamp:
                    known = (stamp, file.read(MAX_BYTES).decode("utf-8", "replace"))
                    self._known[path] = known
        except OSError:
            return ""
        return known[1]
