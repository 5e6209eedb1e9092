"""openat2(2), Linux 5.6: resolve a whole path below an open folder without a link, in one system call.

The standard library has no name for it, so libc's syscall(2) is called. Not available: on other systems, on older kernels,
and where a seccomp filter refuses it. Callers then go one component at a time (`workspace/openat.py`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

from mazu_ls.platform import open_flags

SYS_OPENAT2 = 437  # the same number on every architecture, as all calls since Linux 5.0
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
_RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
_TRIES = 64  # openat2(2) says to try again after EAGAIN: a rename elsewhere interfered with the resolution


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def is_available() -> bool:
    """Whether `open_without_links` works here."""
    return _syscall() is not None


def open_without_links(root: int, path: bytes, flags: int) -> int:
    """A new descriptor of `path` below the open folder `root`; no component may be a link or lead out of it.

    Raises OSError: ELOOP for a link, EXDEV for a path that leaves `root`, ENOSYS where `is_available` is false.
    """
    if (syscall := _syscall()) is None:
        raise OSError(errno.ENOSYS, "openat2 is not available", os.fsdecode(path))
    code = errno.EAGAIN
    for _ in range(_TRIES):
        if (fd := _call(syscall, root, path, flags, _RESOLVE)) >= 0:
            return fd
        if (code := ctypes.get_errno()) not in (errno.EINTR, errno.EAGAIN):
            break
    raise OSError(code, os.strerror(code), os.fsdecode(path))


@cache
def _syscall() -> Callable[..., int] | None:
    """libc's syscall(2), or None where openat2 is missing or forbidden."""
    if sys.platform != "linux":
        return None
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    fd = _call(syscall, -100, b"/", open_flags.FOLDER, 0)  # -100: AT_FDCWD
    if fd < 0:
        return None
    os.close(fd)
    return syscall


def _call(syscall: Callable[..., int], folder: int, path: bytes, flags: int, resolve: int) -> int:
    how = _OpenHow(flags, 0, resolve)
    return syscall(
        SYS_OPENAT2, folder, ctypes.c_char_p(path), ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))
    )
