"""The files that a rollback set aside because no checkpoint can hold them: returning to the state before it brings them back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from msgspec import Struct

from mazu_ls.checkpoints.context import CheckpointContext
from mazu_ls.checkpoints.git.objects import EXECUTABLE_MODE, FILE_MODE, TreeEntry, large_blob_id
from mazu_ls.platform import open_flags


class RescuedFile(Struct, frozen=True):
    """A file that was set aside: where it is, and what it holds."""

    path: Path
    entry: TreeEntry
    permissions: int


def rescued_path(project: CheckpointContext, safety: str, place: bytes) -> Path:
    """Return where a file of this place is set aside by the rollback that took this safety checkpoint."""
    return project.rescue_folder / safety / os.fsdecode(place)


def rescued_since(project: CheckpointContext, safety: str) -> dict[bytes, RescuedFile]:
    """Return the files that the rollback after a safety checkpoint set aside, by place. Each is read once.

    One that cannot be read is left out.
    """
    folder = project.rescue_folder / safety
    found: dict[bytes, RescuedFile] = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            fd = os.open(path, open_flags.READ_REGULAR)
        except OSError:  # a folder, or not readable
            continue
        try:
            status = os.fstat(fd)
            if stat.S_ISREG(status.st_mode):
                mode = EXECUTABLE_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE
                entry = TreeEntry(mode, large_blob_id(fd))
                found[os.fsencode(path.relative_to(folder))] = RescuedFile(
                    path, entry, stat.S_IMODE(status.st_mode)
                )
        finally:
            os.close(fd)
    return found


def drop_rescued(path: Path, folder: Path) -> None:
    """Remove a file that is back in its place, and the folders below `folder` that this empties."""
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.is_relative_to(folder):
            return
        try:
            parent.rmdir()
        except OSError:  # not empty
            return
