"""Small documents that are needed before every model call, cached and read again only when they changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mazu_ls.workspace import project_files

MAX_BYTES = 64_000
"""Bytes of a role document or convention that are used; more would crowd the task out of the context window."""


class CachedFiles:
    """Texts by path, cached for as long as size, times and inode stay the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def text(self, root: Path, name: str) -> str:
        """Return the text of a file below a project's folder, cut at MAX_BYTES; empty if there is no such regular file.

        No link is followed at any level, since it may lead outside.
        """
        inside = PurePosixPath(os.path.normpath(name))
        return self._text(root / inside, lambda: project_files.open_file(root, inside))

    def text_of_user(self, path: Path) -> str:
        """Return the text of a file that the user's own settings name, wherever it is."""
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
