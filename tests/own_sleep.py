"""Durations by which the sleeps of this test run are told from those of another one on the same machine."""

import os
import zlib


def own_seconds(seconds: int, of: object = None) -> str:
    """About so many seconds, for `sleep`: its fraction names this process, or what it is `of`."""
    mark = os.getpid() if of is None else zlib.crc32(str(of).encode())
    return f"{seconds}.{mark:010d}"
