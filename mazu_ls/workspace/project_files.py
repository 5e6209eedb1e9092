"""The one way to open, write, list and remove files below a project folder.

A project folder is untrusted: any name below it may be a link, a fifo, a device or 10 GB. Each function takes the
folder (`root`, as the user opened it) and a path relative to it, follows no symbolic link below the root, never blocks,
opens regular files only and reads no more than its limit. All failures are OSError, so that "missing" and "not what it
should be" are one case for callers that can do without the file: FileNotFoundError, IsADirectoryError, ELOOP (a link),
ENOTSUP (a fifo, socket or device), EXDEV (leads out), FileTooLarge.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, NamedTuple

from mazu_ls.workspace.atomic_write import UNCHECKED, UncheckedContent, replace_file
from mazu_ls.workspace.openat import folder_beneath, open_regular

Kind = Literal["file", "folder", "link", "other"]
Relative = str | PurePosixPath
MAX_ENTRIES = 100_000


class FileTooLarge(OSError):
    """The file is larger than the caller's limit (errno EFBIG)."""


class FolderEntry(NamedTuple):
    """A name in a folder and its present type; "other" is a fifo, socket or device."""

    name: str
    kind: Kind


def open_file(root: Path, relative: Relative) -> BinaryIO:
    """Open a regular file below `root` for reading."""
    inside = _inside(relative)
    with folder_beneath(root, inside.parent) as folder:
        return os.fdopen(open_regular(folder, inside.name), "rb")


def read_file(root: Path, relative: Relative, limit: int) -> bytes:
    """Return the bytes of a regular file. Raises FileTooLarge above `limit` bytes."""
    with open_file(root, relative) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileTooLarge(errno.EFBIG, f"is larger than {limit:,} bytes", str(relative))
    return data


def read_end(root: Path, relative: Relative, limit: int) -> bytes:
    """Return the whole lines at the end of a regular file that are within its last `limit` bytes."""
    with open_file(root, relative) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - limit - 1))
        data = file.read(limit + 1)  # it may have grown meanwhile
    return data if size <= limit else data.partition(b"\n")[2]


def read_text(root: Path, relative: Relative, limit: int, errors: str = "strict") -> str:
    """Return the text of a UTF-8 file, without its byte order mark, line ends as they are.

    Raises like `read_file`, and UnicodeDecodeError (a ValueError) unless `errors` names another handler.
    """
    return read_file(root, relative, limit).decode("utf-8", errors).removeprefix("\ufeff")


def write_file(
    root: Path,
    relative: Relative,
    data: bytes,
    *,
    mode: int = 0o600,
    expect: bytes | UncheckedContent | None = UNCHECKED,
    durable: bool = True,
) -> None:
    """Create or replace a regular file atomically and durably, missing folders included (0700).

    A new file gets `mode`; an existing one keeps its own. With `expect` it is replaced only if it still holds those
    bytes (None: only created): MazuError(conflict) otherwise. `durable` False does not wait for the disk. A link, fifo
    or folder with that name is refused.
    """
    inside = _inside(relative)
    with folder_beneath(root, inside.parent, create=True, mode=0o700) as folder:
        replace_file(folder, inside.name, data, expect, mode, durable=durable)


def create_folder(root: Path, relative: Relative, mode: int = 0o700) -> None:
    """Create a folder and missing ones above it. Raises OSError if something else is on the way."""
    with folder_beneath(root, PurePosixPath(relative), create=True, mode=mode):
        pass


def list_folder(root: Path, relative: Relative = ".") -> list[FolderEntry]:
    """Return a folder's entries, by name, at most MAX_ENTRIES. Raises FileTooLarge above that."""
    found: list[FolderEntry] = []
    with folder_beneath(root, PurePosixPath(relative)) as folder, os.scandir(folder) as entries:
        for entry in entries:
            found.append(FolderEntry(entry.name, _kind(entry)))
            if len(found) > MAX_ENTRIES:
                raise FileTooLarge(errno.EFBIG, f"holds more than {MAX_ENTRIES:,} entries", str(relative))
    return sorted(found)


def stamp_folder(root: Path, relative: Relative = ".") -> tuple[tuple[str, int, int, int], ...]:
    """Return name, inode, size and time of change (ns) of a folder's entries: equal while none of them was written.

    Empty if there is no such folder. Raises FileTooLarge as `list_folder` does.
    """
    found: list[tuple[str, int, int, int]] = []
    try:
        with folder_beneath(root, PurePosixPath(relative)) as folder, os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                found.append((entry.name, status.st_ino, status.st_size, status.st_mtime_ns))
                if len(found) > MAX_ENTRIES:
                    raise FileTooLarge(errno.EFBIG, f"holds more than {MAX_ENTRIES:,} entries", str(relative))
    except FileNotFoundError:
        return ()
    return tuple(sorted(found))


def stat_entry(root: Path, relative: Relative) -> os.stat_result | None:
    """Return the status of a path, of the link itself if it is one; None if it does not exist."""
    inside = PurePosixPath(relative)
    try:
        with folder_beneath(root, inside.parent) as folder:
            return os.stat(inside.name or ".", dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_regular(root: Path, relative: Relative) -> bool:
    """Return whether the path is a regular file that no link leads to."""
    try:
        status = stat_entry(root, relative)
    except OSError:
        return False
    return status is not None and stat.S_ISREG(status.st_mode)


def is_folder(root: Path, relative: Relative) -> bool:
    """Return whether the path is a folder that no link leads to."""
    try:
        status = stat_entry(root, relative)
    except OSError:
        return False
    return status is not None and stat.S_ISDIR(status.st_mode)


def remove_file(root: Path, relative: Relative, *, missing_ok: bool = False) -> None:
    """Remove a name that is no folder; of a link the link. Raises FileNotFoundError unless `missing_ok`."""
    inside = _inside(relative)
    try:
        with folder_beneath(root, inside.parent) as folder:
            os.unlink(inside.name, dir_fd=folder)
    except FileNotFoundError:
        if not missing_ok:
            raise


def _inside(relative: Relative) -> PurePosixPath:
    """Return a relative path that names something below its root."""
    inside = PurePosixPath(relative)
    if not inside.name or inside.name == ".." or inside.is_absolute():
        raise OSError(errno.EXDEV, "names nothing below its folder", str(relative))
    return inside


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"
