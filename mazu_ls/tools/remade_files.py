"""Ignored files that a command may write again: programs, which builds make, and what an earlier command made.

No checkpoint holds ignored files, so that a command which nobody approved must leave them alone. What such a command made itself
is nobody's work, as long as nobody else changed it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from mazu_ls.platform.birth_time import birth_time
from mazu_ls.workspace import project_files

_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How programs begin on Linux and macOS; on Windows their names say it."""
_CLOCK = 0.05  # seconds by which the clock of a file system may be behind
MAX_NOTED = 10_000
MADE_WITHIN = 60.0
"""Seconds: ignored files that a longer command made may as well be the user's, who did other things meanwhile."""
_State = tuple[int, int, int]
_made: dict[str, _State] = {}


def is_remade(root: Path, path: Path) -> bool:
    """Return whether a file below `root` is a program, or is as a command left it that made it."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return False
        if _made.get(str(path)) == _state(status):
            return True
        with project_files.open_file(root, path.relative_to(root).as_posix()) as file:
            return file.read(4) in _PROGRAMS
    except OSError:
        return False


def note_made(paths: Iterable[Path], since: float, others: Iterable[Path]) -> None:
    """Note which of these files a command made that ran since then (seconds since the epoch), or changed after another had made them.

    `others` are files that an editor or an edit has written. Nothing is noted after MADE_WITHIN seconds.
    """
    if time.time() - since > MADE_WITHIN:
        return
    if len(_made) > MAX_NOTED:
        _made.clear()
    written = {os.path.realpath(other) for other in others}
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            born = birth_time(os.fsencode(path))
            is_new = born is not None and born >= since - _CLOCK
            is_made = is_new or _made.get(str(path), (0,))[0] == status.st_ino
            if stat.S_ISREG(status.st_mode) and is_made and os.path.realpath(path) not in written:
                _made[str(path)] = _state(status)


def _state(status: os.stat_result) -> _State:
    return status.st_ino, status.st_mtime_ns, status.st_size
