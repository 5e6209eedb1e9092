"""The parent of a command without a PID namespace of its own: no descendant leaves its tree.

Runs as a script of its own (`python -I -S supervisor.py PARENT COMMAND...`, PARENT: the process id of mazu-ls), from
the standard library alone, outside the command's confinement. It is the subreaper (prctl(2)) of detached processes, so
a process that forks twice, starts a session and clears its environment is still below this one. When the command ends,
processes with its mark are stopped for mazu-ls to count and end, and all others are killed; when mazu-ls dies, all are
killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
MARK = b"MAZU_CHILD="
ROUNDS = 50
STOP_SECONDS = 2.0
_HALTED = (b"T", b"t", b"Z", b"X")
"""States of proc_pid_stat(5): stopped, stopped by a tracer, ended and not waited for, gone."""
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
"""Sent to the whole group: they are for the command."""


def main() -> NoReturn:
    """Run the command and exit as it does."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, lambda *_: _end_all() if os.getppid() != parent else None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGUSR2, 0, 0, 0)
    if os.getppid() != parent:  # it died before this was requested: no signal will come
        os._exit(1)
    child = os.fork()
    if child == 0:
        _become(command)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            _hold_rest()
            _end_like(status)


def _become(command: list[str]) -> NoReturn:
    for number in (*_IGNORED, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores the last two
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{error.strerror}: {command[0]}\n".encode("utf-8", "replace"))
        os._exit(127)


def _hold_rest() -> None:
    """Stop processes with the mark, kill the others, until no new one is found: stopped processes cannot fork."""
    mark = MARK + os.environb.get(MARK[:-1], b"")
    met: set[int] = set()
    for _ in range(ROUNDS):
        new = _below() - met
        if not new:
            return
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        _await_stop(new)
        for pid in new:
            if not _carries(pid, mark):
                _signal(pid, signal.SIGKILL)
        met |= new


def _await_stop(pids: set[int]) -> None:
    """Wait until these processes are stopped or gone: one inside execve(2) stops only with its new program, and the mark
    that it carried until then may not be in its new environment."""
    deadline = time.monotonic() + STOP_SECONDS
    for pid in pids:
        while _stat(str(pid))[0] not in _HALTED and time.monotonic() < deadline:
            time.sleep(0.001)


def _end_all() -> NoReturn:
    for _ in range(ROUNDS):
        if not (left := _below()):
            break
        for pid in left:
            _signal(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(1)


def _end_like(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core file of this program in the project
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)


def _below() -> set[int]:
    """Return all living processes below this one, by their parents: fields 3 and 4 of proc_pid_stat(5)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            state, parent = _stat(name)
            if state not in (b"Z", b"X"):
                children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    stack = [os.getpid()]
    while stack:
        below = [pid for pid in children.get(stack.pop(), ()) if pid not in found]
        found.update(below)
        stack += below
    return found


def _stat(pid: str) -> tuple[bytes, int]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            state, parent = file.read().rpartition(b")")[2].split()[:2]
            return state, int(parent)
    except (OSError, ValueError):
        return b"X", 0


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return mark in file.read()
    except OSError:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


if __name__ == "__main__":
    main()
