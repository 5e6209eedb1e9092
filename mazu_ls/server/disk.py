"""Files that are not open: read and written through the workspace, their encoding and line ends kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.documents import Document
from mazu_ls.workspace import Decoded, NotText, Workspace, decode


class Disk:
    """The disk side of LspHost. `workspace` gives the folders of the moment."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._compared: dict[str, tuple[tuple[int, int, int, int], bool]] = {}

    def read(self, path: Path) -> str:
        """The file's text. Raises FileNotFoundError, and MazuError for binary data."""
        return self._decoded(self._workspace().read_bytes(path), path).text

    def replace(self, path: Path, before: str | None, after: str | None) -> None:
        """Replace, create (`before` is None) or delete (`after` is None), if the text is still `before`."""
        if before is None:
            self._workspace().write_bytes(path, (after or "").encode("utf-8"), expect=None)
            return
        if after is None:
            self.remove(path, before)
            return
        data, decoded = self._expected(path, before)
        self._workspace().write_bytes(path, decoded.encode(after), expect=data)

    def remove(self, path: Path, before: str) -> None:
        """Delete the file, if its text is still `before`."""
        data, _ = self._expected(path, before)
        self._workspace().delete(path, data)

    async def differs(self, document: Document) -> bool:
        """Whether an open document is not what its file holds. Line ends do not count: editors unify them on reading."""
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

    def _differs(self, path: Path, text: str) -> bool:
        try:
            return unified(decode(path.read_bytes()).text) != unified(text)
        except (OSError, NotText):
            return True

    def _expected(self, path: Path, before: str) -> tuple[bytes, Decoded]:
        try:
            data = self._workspace().read_bytes(path)
        except FileNotFoundError as error:
            raise MazuError(
                Kind.CONFLICT, f"{path.name} is gone.", "List the folder and decide again."
            ) from error
        decoded = self._decoded(data, path)
        if decoded.text != before:
            raise MazuError(
                Kind.CONFLICT,
                f"{path.name} was changed on disk meanwhile.",
                "Read it again and redo the edit.",
            )
        return data, decoded

    def _decoded(self, data: bytes, path: Path) -> Decoded:
        try:
            return decode(data)
        except NotText as error:
            raise MazuError(
                Kind.UNSUPPORTED,
                f"{path.name} is not a text file.",
                "Use a tool that is made for such files.",
            ) from error


def unified(text: str) -> str:
    """The text with LF for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
