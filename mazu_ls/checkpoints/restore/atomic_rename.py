"""Renames that exchange two files, or never replace one, as one system call; with link and rename where it is not
available."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}
_NO_REPLACE, _EXCHANGE = (1, 2) if sys.platform.startswith("linux") else (4, 2)


@cache
def _rename() -> Callable[..., int] | None:
    """Return renameat2(2) of Linux or renameatx_np(2) of macOS; None if libc has neither."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = "renameat2" if sys.platform.startswith("linux") else "renameatx_np"
    return getattr(libc, name, None)


def _call(from_folder: int, old: bytes, to_folder: int, new: bytes, flags: int) -> bool:
    """Return False if kernel or file system do not support it; raises OSError for every other failure."""
    rename = _rename()
    if rename is None:
        return False
    if rename(from_folder, ctypes.c_char_p(old), to_folder, ctypes.c_char_p(new), ctypes.c_uint(flags)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), os.fsdecode(new))


def exchange(from_folder: int, staged: bytes, to_folder: int, name: bytes) -> None:
    """Exchange `staged` and `name` atomically, so that no content is lost at any moment.

    Raises FileNotFoundError if `name` no longer exists.
    """
    if _call(from_folder, staged, to_folder, name, _EXCHANGE):
        return
    spare = staged + b".spare"
    try:
        os.link(name, spare, src_dir_fd=to_folder, dst_dir_fd=from_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        os.rename(name, spare, src_dir_fd=to_folder, dst_dir_fd=from_folder)
    os.rename(staged, name, src_dir_fd=from_folder, dst_dir_fd=to_folder)
    os.rename(spare, staged, src_dir_fd=from_folder, dst_dir_fd=from_folder)


def rename_without_replace(from_folder: int, staged: bytes, to_folder: int, name: bytes) -> None:
    """Rename `staged` to `name`, which must not exist: raises FileExistsError."""
    if _call(from_folder, staged, to_folder, name, _NO_REPLACE):
        return
    try:
        os.link(staged, name, src_dir_fd=from_folder, dst_dir_fd=to_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        _refuse_existing(to_folder, name)
        os.rename(staged, name, src_dir_fd=from_folder, dst_dir_fd=to_folder)
        return
    os.unlink(staged, dir_fd=from_folder)


def _refuse_existing(folder: int, name: bytes) -> None:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, "exists", os.fsdecode(name))
