"""Reads and edits files that no editor has open, as text, without changing any other byte."""

from __future__ import annotations

import codecs
from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace.encoding.editorconfig import CHARSETS
from mazu_ls.workspace.text import DecodedText, NotText, declared_encoding, decode
from mazu_ls.workspace.workspace import Workspace


def read_text(workspace: Workspace, path: Path) -> str:
    """Return the file's text with its line ends as they are. Raises FileNotFoundError, MazuError(unsupported) for
    binary data."""
    return _decoded(workspace, path, workspace.read_bytes(path)).text


def edit_text(workspace: Workspace, path: Path, before: str | None, after: str | None) -> None:
    """Replace the text `before` by `after`, atomically; None for `before` creates, None for `after` deletes.

    Encoding, byte order mark and mode stay; a new file gets the charset that .editorconfig declares, else UTF-8. Raises
    MazuError(conflict) if the file's text is no longer `before`.
    """
    if before is None:
        workspace.write_bytes(path, _new_bytes(workspace, path, after or ""), expect=None)
        return
    try:
        data = workspace.read_bytes(path)
    except FileNotFoundError as error:
        raise MazuError(
            Kind.CONFLICT, f"{path.name} is gone.", "List the folder and decide again."
        ) from error
    decoded = _decoded(workspace, path, data)
    if decoded.text != before:
        raise MazuError(
            Kind.CONFLICT, f"{workspace.relative(path)} changed on disk since it was read.", "Read it again."
        )
    if after is None:
        workspace.delete(path, data)
    else:
        workspace.write_bytes(path, decoded.encode(after), expect=data)


def _decoded(workspace: Workspace, path: Path, data: bytes) -> DecodedText:
    try:
        return decode(data, lambda: CHARSETS.get(workspace.declared_charset(path) or ""))
    except NotText as error:
        raise MazuError(Kind.UNSUPPORTED, f"{path.name} is not text.", "Use a tool made for it.") from error


def _new_bytes(workspace: Workspace, path: Path, text: str) -> bytes:
    declared = workspace.declared_charset(path) or ""
    encoding = declared_encoding(text[:1024].encode("utf-8", "replace")) or CHARSETS.get(declared, "utf-8")
    marks = {"utf-8-bom": codecs.BOM_UTF8, "utf-16le": codecs.BOM_UTF16_LE, "utf-16be": codecs.BOM_UTF16_BE}
    return DecodedText("", encoding, marks.get(declared, b"")).encode(text)
