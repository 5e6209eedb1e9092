"""Ignored files that a command may write again: programs, which builds make.

No checkpoint holds ignored files, so that a command which nobody approved must leave them alone. When a file appeared proves nothing
about who made it: the user works on while a command runs.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mazu_ls.workspace import project_files

_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_ELF = b"\x7fELF"
_OF_BUILDS = (1, 2, 3)
"""What ELF calls object files, programs and shared objects. A core dump (4) is no build's."""


def is_program(root: Path, path: Path) -> bool:
    """Return whether a file below `root` is executable and begins as programs of Linux and macOS do."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or not status.st_mode & 0o111:
            return False
        with project_files.open_file(root, path.relative_to(root).as_posix()) as file:
            start = file.read(18)
    except OSError:
        return False
    order = "big" if start[5:6] == b"\2" else "little"
    return start[:4] in _MACH_O or (start[:4] == _ELF and int.from_bytes(start[16:], order) in _OF_BUILDS)
