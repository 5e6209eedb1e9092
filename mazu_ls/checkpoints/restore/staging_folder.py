"""The folder for a rollback's new files, and for its old ones for a while: next to the project's own files, so that
every exchange is one atomic rename.

Its name holds a secret of the store, so that no clone can contain a folder or link of that name; it stays the same for
the life of the store, so that recovery after a kill finds it. It exists only while it holds something.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from mazu_ls.platform import open_flags
from mazu_ls.state.paths import private_folder
from mazu_ls.workspace.openat import DIRECTORY, open_root

PREFIX = ".mazu-staging-"
IGNORE = b".gitignore"
_SECRET = "staging"
_HEX = 32
_PROBE = "draft-probe-"  # a name that the sweep removes


def folder_name(place: Path) -> str:
    """Return the name of the staging folders of the store in `place`, which is created with its secret if missing."""
    file = private_folder(place) / _SECRET
    try:
        fd = os.open(file, open_flags.CREATE_NEW, 0o600)
    except FileExistsError:
        secret = file.read_text(encoding="ascii", errors="replace")
        if len(secret) == _HEX and secret.isalnum():
            return PREFIX + secret
        file.unlink()  # truncated by a crash or a full disk: nothing was staged under it
        return folder_name(place)
    secret = secrets.token_hex(_HEX // 2)
    with os.fdopen(fd, "w", encoding="ascii") as new:
        new.write(secret)
        new.flush()
        os.fsync(new.fileno())
    return PREFIX + secret


def open_staging(work: Path, *, create: bool = False) -> int:
    """Return a descriptor of a staging folder that is verified to be ours: a real folder of this user that no one else
    enters.

    On file systems without owners and modes (exFAT, Windows drives in WSL) only its secret name protects it. Raises
    OSError: FileNotFoundError if it is missing and not to be created, EPERM if something else has its name.
    """
    top = open_root(work.parent)
    try:
        if create:
            with suppress(FileExistsError):
                os.mkdir(work.name, 0o700, dir_fd=top)
        fd = os.open(work.name, DIRECTORY, dir_fd=top)
    finally:
        os.close(top)
    try:
        status = os.fstat(fd)
        if not _is_private(status) and _holds_modes(fd):
            raise PermissionError(errno.EPERM, "is not a folder of mazu-ls; remove it", str(work))
        if create:
            with suppress(FileExistsError):
                _write_ignore(fd)
    except BaseException:
        os.close(fd)
        if create:
            with suppress(OSError):  # leave nothing behind; a folder with something in it stays
                work.rmdir()
        raise
    return fd


def _write_ignore(folder: int) -> None:
    """Create the file that keeps git out. On a full disk it is removed again: empty it would hide nothing, and keep the folder."""
    fd = os.open(IGNORE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | open_flags.CLOEXEC, 0o600, dir_fd=folder)
    try:
        os.write(fd, b"*\n")
    except BaseException:
        os.unlink(IGNORE, dir_fd=folder)
        raise
    finally:
        os.close(fd)


def _is_private(status: os.stat_result) -> bool:
    return open_flags.is_own(status) and not status.st_mode & 0o077


def _holds_modes(folder: int) -> bool:
    """Return whether the file system keeps the mode of a private folder made in `folder`. Raises OSError if none can be
    made."""
    probe = _PROBE + secrets.token_hex(4)
    os.mkdir(probe, 0o700, dir_fd=folder)
    try:
        return _is_private(os.stat(probe, dir_fd=folder, follow_symlinks=False))
    finally:
        os.rmdir(probe, dir_fd=folder)


def remove_staging(work: Path) -> None:
    """Remove a staging folder if it is empty. Never raises OSError: one that cannot be read or removed stays."""
    with suppress(OSError):
        fd = open_staging(work)
        try:
            with os.scandir(fd) as found:
                if any(item.name != IGNORE.decode() for item in found):
                    return
            with suppress(FileNotFoundError):
                os.unlink(IGNORE, dir_fd=fd)
        finally:
            os.close(fd)
        work.rmdir()
