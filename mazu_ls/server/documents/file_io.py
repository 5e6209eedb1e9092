"""Reads and writes files that are not open, through the workspace, keeping their encoding and line ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.workspace import NotText, Workspace
from mazu_ls.workspace.disk import edit_text, read_text
from mazu_ls.workspace.project_files import read_file
from mazu_ls.workspace.text import decode_like, require_encodable

MAX_BYTES = 1 << 26
"""Characters; a larger file counts as differing from its document: no editor shows so much text unchanged."""


class DiskFiles:
    """The disk side of LspHost. `workspace` returns the present folders."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._compared: dict[str, tuple[tuple[int, int, int, int], bool]] = {}

    def read(self, path: Path) -> str:
        """Return the file's text. Raises FileNotFoundError, and MazuError for binary data."""
        return read_text(self._workspace(), path)

    def replace(self, path: Path, before: str | None, after: str | None) -> None:
        """Replace, create (`before` is None) or delete (`after` is None), if the text is still `before`."""
        edit_text(self._workspace(), path, before, after)

    def follow(self, path: Path, looked: dict[Path, str]) -> Path:
        """Return the one place of a file, links followed inside the folders: see `Workspace.follow`."""
        return self._workspace().follow(path, looked)

    async def differs(self, document: OpenDocument) -> bool:
        """Return whether an open document differs from its file. Line ends are ignored: editors unify them on reading."""
        assert document.path is not None
        try:
            stat = document.path.stat()
        except OSError:
            return True
        state = (document.version, id(document), stat.st_mtime_ns, stat.st_size)
        known = self._compared.get(document.uri)
        if known is None or known[0] != state:
            text = document.text
            known = (state, await asyncio.to_thread(self._differs, document.path, text))
            self._compared[document.uri] = known
        return known[1]

    async def require_encodable(self, path: Path, text: str, new: str) -> None:
        """Raise MazuError(unsupported) if an open file's encoding cannot represent the characters `new`.

        The editor's `text` reveals the encoding; if several fit, they must agree on the new characters.
        """
        await asyncio.to_thread(self._require_encodable, path, text, new)

    def _require_encodable(self, path: Path, text: str, new: str) -> None:
        try:
            real = path.resolve()
            require_encodable(read_file(real.parent, real.name, MAX_BYTES), text, new)
        except (OSError, NotText):
            return

    def _differs(self, path: Path, text: str) -> bool:
        try:
            real = path.resolve()
            data = read_file(real.parent, real.name, MAX_BYTES)
            return unified_text(decode_like(data, text).shown) != unified_text(text)
        except (OSError, NotText):
            return True


def unified_text(text: str) -> str:
    """Return the text with LF for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
