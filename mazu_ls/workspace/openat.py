"""Opening files below a folder so that no symbolic link, swapped in at whatever moment, leads out of it.

Linux: openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS. Elsewhere, and where seccomp hides openat2: one
O_NOFOLLOW open per component.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PurePosixPath

SYS_OPENAT2 = 437  # the same number on every architecture, as all calls since Linux 5.0
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
_RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
_TRIES = 64  # openat2(2) says to try again after EAGAIN: a rename elsewhere interfered with the resolution
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@cache
def _syscall() -> Callable[..., int] | None:
    """libc's syscall(2), or None where openat2 is missing or forbidden."""
    if not sys.platform.startswith("linux"):
        return None
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    fd = _openat2(syscall, -100, b"/", DIRECTORY, 0)
    if fd < 0:
        return None
    os.close(fd)
    return syscall


def _openat2(syscall: Callable[..., int], folder: int, path: bytes, flags: int, resolve: int) -> int:
    how = _OpenHow(flags, 0, resolve)
    return syscall(
        SYS_OPENAT2, folder, ctypes.c_char_p(path), ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))
    )


@contextmanager
def folder_beneath(
    root: Path, relative: PurePosixPath, *, create: bool = False, mode: int = 0o777
) -> Iterator[int]:
    """A descriptor of the folder `relative` below `root`; `create` makes what is missing, with `mode` and the umask.

    Raises OSError: ELOOP or ENOTDIR where a component is a link, EXDEV where it would leave `root`.
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
    """A descriptor of a folder that the user opened; links in its own path are followed, below it none are."""
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_beneath(root: int, path: bytes, flags: int) -> int:
    """openat(2) of `path` below the open folder `root`, where no component, the last included, may be a link.

    One system call with openat2. Raises OSError like `folder_beneath`; never blocks with O_NONBLOCK in `flags`.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    if (syscall := _syscall()) is None:
        folder, _, name = path.rpartition(b"/")
        above = _descend(root, PurePosixPath(os.fsdecode(folder)))
        try:
            if name in (b"", b".", b".."):
                raise OSError(errno.EXDEV, "leaves its folder", os.fsdecode(path))
            return os.open(name, flags, dir_fd=above)
        finally:
            os.close(above)
    code = errno.EAGAIN
    for _ in range(_TRIES):
        if (fd := _openat2(syscall, root, path, flags, _RESOLVE)) >= 0:
            return fd
        if (code := ctypes.get_errno()) not in (errno.EINTR, errno.EAGAIN):
            break
    raise OSError(code, os.strerror(code), os.fsdecode(path))


def _descend(root: int, relative: PurePosixPath, create: bool = False, mode: int = 0o777) -> int:
    """A new descriptor of the folder `relative` below the open folder `root`."""
    if not relative.parts:
        return os.dup(root)
    if ".." in relative.parts or relative.is_absolute():
        raise OSError(errno.EXDEV, "leaves its folder", str(relative))
    if _syscall() is not None and not create:
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
    with suppress(FileExistsError):  # somebody else was quicker; what it is shows in the open
        os.mkdir(name, mode, dir_fd=folder)
    return os.open(name, DIRECTORY, dir_fd=folder)


def open_regular(folder: int, name: str) -> int:
    """A read-only descriptor of the regular file `name` in an open folder.

    Never blocks and never opens a device: raises OSError(ENOTSUP) for fifos, sockets and devices, IsADirectoryError
    for folders, OSError(ELOOP) for links.
    """
    _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
    # Between the stat and the open it may become a fifo: O_NONBLOCK keeps that from hanging.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    fd = os.open(name, flags, dir_fd=folder)
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
