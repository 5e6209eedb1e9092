"""Processes that are started in a group of their own, so that they can be ended together with their children.

POSIX: a session (setsid(2)), whose process group has the number of its first process; killpg(2) reaches all of it. Windows (never
run): a process group for Ctrl-Break and `taskkill /T`, which walks the tree of parents, so a child whose parent ended
before is missed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

if sys.platform == "win32":
    NEW_SESSION = False
    CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP

    def ask_group_to_end(pid: int) -> None:
        """Send Ctrl-Break, which programs without a handler end at. Does nothing where the group has ended."""
        try:
            os.kill(pid, signal.CTRL_BREAK_EVENT)
        except OSError:
            return

    def kill_group(pid: int) -> None:
        """End a process and its children at once. Does nothing where it has ended."""
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip

else:
    NEW_SESSION = True
    """`start_new_session` of `subprocess.Popen` and of asyncio's subprocesses, for a process in a group of its own."""
    CREATION_FLAGS = 0
    """`creationflags` to go with it."""

    def ask_group_to_end(pid: int) -> None:
        """Send SIGTERM to the group that `pid` was started with. Does nothing where it has ended or is another user's."""
        _signal_group(pid, signal.SIGTERM)

    def kill_group(pid: int) -> None:
        """Send SIGKILL to the group that `pid` was started with. Does nothing where it has ended or is another user's."""
        _signal_group(pid, signal.SIGKILL)

    def _signal_group(pid: int, number: signal.Signals) -> None:
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return


def sleeping_since(pid: int) -> float | None:
    """Return the processor seconds that a process has spent, if it sleeps; None while it works. Raises OSError where the system
    does not say so."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - not a file of a project
        fields = file.read().rpartition(b") ")[2].split()
    return float(fields[11]) + float(fields[12]) if fields[0] == b"S" else None
