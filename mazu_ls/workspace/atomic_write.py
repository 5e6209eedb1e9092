"""Atomic, durable replacement of one file."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform import open_flags
from mazu_ls.workspace.openat import open_regular, open_root


class UncheckedContent:
    """Marks a write that may replace any content."""


UNCHECKED: Final = UncheckedContent()
NEW_FILE_MODE = 0o666
PRIVATE_MODE = 0o600


def replace_file(
    folder: int,
    name: str,
    data: bytes,
    expect: bytes | UncheckedContent | None,
    mode: int | None = None,
    *,
    keep_mode: bool = True,
    durable: bool = True,
) -> None:
    """Write a temporary file next to `name`, sync it, check the content of `name`, and rename over it.

    `expect` is the content that `name` must still have: bytes, None for nothing, UNCHECKED for any regular file or
    nothing. `mode` is that of a new file (absent: by the umask); an existing one keeps its own, unless `keep_mode` is
    False. `durable` False does not wait for the disk: for many files that can be created again. Raises
    MazuError(conflict) for another content, OSError(ELOOP, ENOTSUP, EISDIR) for links, special files and folders.
    """
    kept = _mode(folder, name)
    mode = kept if keep_mode and kept is not None else mode
    temporary = f".{name[:40]}.{secrets.token_hex(6)}.mazu"
    flags = open_flags.CREATE_NEW
    fd = os.open(temporary, flags, NEW_FILE_MODE if mode is None else mode & 0o600, dir_fd=folder)
    try:
        with os.fdopen(fd, "wb") as file:
            if mode is not None:
                open_flags.set_mode(file.fileno(), mode)
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if expect is None:
            _publish_new(folder, temporary, name)
        else:
            require_content(folder, name, expect)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        if durable:
            os.fsync(folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def replace_private_file(path: Path, data: bytes) -> None:
    """Replace or create a file in a folder of the user's own, readable for the user alone (0600).

    If `path` is a link, its target is replaced: people keep their settings elsewhere and link to them. Atomic and
    synced. Blocks. Raises OSError.
    """
    path = Path(os.path.realpath(path))
    folder = open_root(path.parent)
    try:
        replace_file(folder, path.name, data, UNCHECKED, PRIVATE_MODE, keep_mode=False)
    finally:
        os.close(folder)


def _publish_new(folder: int, temporary: str, name: str) -> None:
    """Rename the file only if the name is free: link(2) never replaces, rename(2) always does."""
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise _conflict(name, "it exists by now") from None
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if _mode(folder, name) is not None:  # a file system without hard links: the check alone has to do
            raise _conflict(name, "it exists by now") from error
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    os.unlink(temporary, dir_fd=folder)


def _mode(folder: int, name: str) -> int | None:
    """Return the permission bits of `name`; None if it does not exist. Raises OSError if it is no regular file."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(
            errno.ELOOP if stat.S_ISLNK(status.st_mode) else errno.ENOTSUP, "is not a regular file", name
        )
    return stat.S_IMODE(status.st_mode)


def require_content(folder: int, name: str, expect: bytes | UncheckedContent) -> None:
    """Raise MazuError(conflict) unless the regular file `name` holds exactly `expect`."""
    if isinstance(expect, UncheckedContent):
        return
    try:
        fd = open_regular(folder, name)
    except FileNotFoundError:
        raise _conflict(name, "it is gone") from None
    with os.fdopen(fd, "rb") as file:
        if file.read(len(expect) + 1) != expect:
            raise _conflict(name, "it changed on disk")


def _conflict(name: str, what: str) -> MazuError:
    return MazuError(Kind.CONFLICT, f"{name} was not written: {what}.", "Read it again and redo the edit.")
