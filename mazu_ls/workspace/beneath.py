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
def folder_beneath(root: Path, relative: PurePosixPath, *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder `relative` below `root`; `create` makes what is missing.

    Raises OSError: ELOOP or ENOTDIR where a component is a link, EXDEV where it would leave `root`.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = _descend(fd, relative, create)
        yield fd
    finally:
        os.close(fd)


def _descend(root: int, relative: PurePosixPath, create: bool) -> int:
    """Replaces the descriptor `root` by that of the folder below it; closes `root` only on success."""
    if not relative.parts:
        return root
    if ".." in relative.parts or relative.is_absolute():
        raise OSError(errno.EXDEV, "leaves its folder", str(relative))
    syscall = _syscall()
    if syscall is not None and not create:
        resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
        fd = _openat2(syscall, root, os.fsencode(str(relative)), DIRECTORY, resolve)
        if fd < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(relative))
    else:
        fd = _step_by_step(root, relative, create)
    os.close(root)
    return fd


def _step_by_step(root: int, relative: PurePosixPath, create: bool) -> int:
    fd = os.dup(root)
    try:
        for part in relative.parts:
            deeper = _enter(fd, part, create)
            os.close(fd)
            fd = deeper
    except BaseException:
        os.close(fd)
        raise
    return fd


def _enter(folder: int, name: str, create: bool) -> int:
    try:
        return os.open(name, DIRECTORY, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):  # somebody else was quicker; what it is shows in the open
        os.mkdir(name, dir_fd=folder)
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
