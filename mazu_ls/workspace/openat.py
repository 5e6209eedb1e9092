"""Opens files below a folder so that no symbolic link, swapped in at any moment, leads out of it (symlink races).

Linux: openat2(2) (`platform/openat2.py`). Elsewhere, and where a seccomp filter hides openat2: one O_NOFOLLOW open per
component. On Windows, which cannot open a folder, all of it raises OSError.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from mazu_ls.platform import open_flags, openat2

DIRECTORY = open_flags.FOLDER | open_flags.NOFOLLOW


@contextmanager
def folder_beneath(
    root: Path, relative: PurePosixPath, *, create: bool = False, mode: int = 0o777
) -> Iterator[int]:
    """Yield a descriptor of the folder `relative` below `root`; `create` makes missing ones, with `mode` and the umask.

    Raises OSError: ELOOP or ENOTDIR if a component is a link, EXDEV if it would leave `root`.
    """
    top = open_root(root)
    try:
        fd = _descend(top, relative, create, mode)
    finally:
        os.close(top)
    try:
        yield fd
    finally:
        os.close(fd)


def open_root(root: Path) -> int:
    """Return a descriptor of a folder that the user opened; links in its own path are followed, below it none are."""
    return os.open(root, open_flags.FOLDER)


def open_beneath(root: int, path: bytes, flags: int) -> int:
    """Open `path` below the open folder `root` (openat(2)); no component, the last included, may be a link.

    One system call with openat2. Raises OSError like `folder_beneath`; never blocks with O_NONBLOCK in `flags`.
    """
    flags |= open_flags.NOFOLLOW | open_flags.CLOEXEC
    if openat2.is_available():
        return openat2.open_without_links(root, path, flags)
    folder, _, name = path.rpartition(b"/")
    above = _descend(root, PurePosixPath(os.fsdecode(folder)))
    try:
        if name in (b"", b".", b".."):
            raise OSError(errno.EXDEV, "leaves its folder", os.fsdecode(path))
        return os.open(name, flags, dir_fd=above)
    finally:
        os.close(above)


def _descend(root: int, relative: PurePosixPath, create: bool = False, mode: int = 0o777) -> int:
    """Return a new descriptor of the folder `relative` below the open folder `root`."""
    if not relative.parts:
        return os.dup(root)
    if ".." in relative.parts or relative.is_absolute():
        raise OSError(errno.EXDEV, "leaves its folder", str(relative))
    if openat2.is_available() and not create:
        return open_beneath(root, os.fsencode(str(relative)), DIRECTORY)
    return _step_by_step(root, relative, create, mode)


def _step_by_step(root: int, relative: PurePosixPath, create: bool, mode: int) -> int:
    fd = os.dup(root)
    try:
        for part in relative.parts:
            deeper = _enter(fd, part, create, mode)
            os.close(fd)
            fd = deeper
    except BaseException:
        os.close(fd)
        raise
    return fd


def _enter(folder: int, name: str, create: bool, mode: int) -> int:
    try:
        return os.open(name, DIRECTORY, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):  # another process was faster; the open shows what it created
        os.mkdir(name, mode, dir_fd=folder)
    return os.open(name, DIRECTORY, dir_fd=folder)


def make_folders(root: Path, relative: PurePosixPath, modes: Sequence[int]) -> tuple[int, int]:
    """Return a descriptor of a folder below `root`, and how many of the last components were missing. These are created with exactly
    these modes, one for each of the last components, whatever the umask. Raises OSError as `folder_beneath`."""
    above = len(relative.parts) - len(modes)
    with folder_beneath(root, PurePosixPath(*relative.parts[:above]), create=True) as top:
        fd = os.dup(top)
    made = 0
    for name, mode in zip(relative.parts[above:], modes, strict=True):
        try:
            deeper, is_new = _make_folder(fd, name, mode)
        finally:
            os.close(fd)
        fd, made = deeper, made + is_new
    return fd, made


def _make_folder(folder: int, name: str, mode: int) -> tuple[int, bool]:
    try:  # nobody else can enter it before it has its mode
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        return os.open(name, DIRECTORY, dir_fd=folder), False
    fd = os.open(name, DIRECTORY, dir_fd=folder)
    try:
        open_flags.set_mode(fd, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd, True


def open_regular(folder: int, name: str) -> int:
    """Return a read-only descriptor of the regular file `name` in an open folder.

    Never blocks and never opens a device: raises OSError(ENOTSUP) for fifos, sockets and devices, IsADirectoryError for
    folders, OSError(ELOOP) for links.
    """
    _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
    # Between the stat and the open it may become a fifo: O_NONBLOCK keeps that from hanging.
    fd = os.open(name, open_flags.READ_REGULAR, dir_fd=folder)
    try:
        _require_regular(os.fstat(fd), name)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _require_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "is a symbolic link", name)
    raise OSError(errno.ENOTSUP, "is not a regular file", name)
