"""Keys out of `/proc/PID/environ`: what a process was started with stays readable there, whatever it unsets.

So the program starts itself once more without them, and hands them over through an open file that nobody else has.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

HANDED_OVER = "MAZU_SECRETS_FD"
_PROGRAMS = frozenset(("mazu-ls", "__main__.py"))


def hide_environment_secrets(is_secret: Callable[[str, str], bool]) -> None:
    """Restart without the variables for which `is_secret(name, value)` holds, or take over those that were handed over. Linux only.

    Returns in the process that has the keys in `os.environ` alone; where there is none, at once. A program that only
    imports mazu-ls is left alone.
    """
    if sys.platform != "linux" or sys.argv[0].rpartition("/")[2] not in _PROGRAMS:
        return
    if handed := os.environ.pop(HANDED_OVER, None):
        import json  # only where there is something to hand over: most starts have to be short

        with contextlib.suppress(OSError, ValueError), os.fdopen(int(handed), "rb") as file:
            os.environ.update(json.loads(file.read()))
        return
    secrets = {name: value for name, value in os.environ.items() if is_secret(name, value)}
    if not secrets:
        return
    import json

    descriptor = os.memfd_create("mazu-ls", os.MFD_CLOEXEC)
    os.write(descriptor, json.dumps(secrets).encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    kept = {name: value for name, value in os.environ.items() if name not in secrets}
    try:
        os.execve(
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**kept, HANDED_OVER: str(descriptor)}
        )
    except OSError:  # then the keys stay where they are
        os.close(descriptor)
