"""Reading and editing files that no editor has open, as text, without touching the bytes that were not meant."""

from __future__ import annotations

from pathlib import Path

from mazu_ls.errors import Kind, MazuError
from mazu_ls.workspace.text import DecodedText, NotText, decode
from mazu_ls.workspace.workspace import Workspace


def read_text(workspace: Workspace, path: Path) -> str:
    """The file's text with its line ends as they are. Raises FileNotFoundError, MazuError(unsupported) for binary data."""
    return _decoded(path, workspace.read_bytes(path)).text


def edit_text(workspace: Workspace, path: Path, before: str | None, after: str | None) -> None:
    """Replace the text `before` by `after`, atomically; None for `before` creates, None for `after` deletes.

    Encoding, byte order mark and mode stay. Raises MazuError(conflict) where the file no longer says `before`.
    """
    if before is None:
        workspace.write_bytes(path, (after or "").encode(), expect=None)
        return
    try:
        data = workspace.read_bytes(path)
    except FileNotFoundError as error:
        raise MazuError(
            Kind.CONFLICT, f"{path.name} is gone.", "List the folder and decide again."
        ) from error
    decoded = _decoded(path, data)
    if decoded.text != before:
        raise MazuError(
            Kind.CONFLICT, f"{workspace.relative(path)} changed on disk since it was read.", "Read it again."
        )
    if after is None:
        workspace.delete(path, data)
    else:
        workspace.write_bytes(path, decoded.encode(after), expect=data)


def _decoded(path: Path, data: bytes) -> DecodedText:
    try:
        return decode(data)
    except NotText as error:
        raise MazuError(Kind.UNSUPPORTED, f"{path.name} is not text.", "Use a tool made for it.") from error
