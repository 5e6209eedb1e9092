"""When a file was created, by statx(2) of Linux (the standard library has no name for it) or stat(2) of macOS."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from functools import cache

_AT_FDCWD, _NO_FOLLOW, _BIRTH = -100, 0x100, 0x800
_SIZE, _MASK_AT, _BIRTH_AT = 256, 0, 80
"""Of struct statx, whose layout is the same everywhere: its size, and where the mask and the time of birth are."""


def birth_time(path: bytes) -> float | None:
    """Return when the file (a link itself) was created, in seconds since the epoch; a rename keeps it, a copy does not.

    None if there is no such file, or if system or file system do not say.
    """
    if sys.platform == "darwin":
        try:
            return os.lstat(path).st_birthtime
        except OSError:
            return None
    statx, found = _statx(), ctypes.create_string_buffer(_SIZE)
    if statx is None or statx(_AT_FDCWD, ctypes.c_char_p(path), _NO_FOLLOW, _BIRTH, found) != 0:
        return None
    (mask,) = struct.unpack_from("=I", found, _MASK_AT)
    seconds, nanoseconds = struct.unpack_from("=qI", found, _BIRTH_AT)
    return seconds + nanoseconds / 1e9 if mask & _BIRTH else None


@cache
def _statx() -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), "statx", None) if sys.platform == "linux" else None
