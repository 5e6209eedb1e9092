"""The parent of an MCP server: ends it, with all its descendants, when mazu-ls ends in any way, or a limit is passed.

Runs as a script of its own (`python -I -S guard.py LIFE_FD MEMORY_BYTES PROCESSES -- COMMAND...`), from the standard
library alone. mazu-ls holds the other end of the pipe LIFE_FD: when it dies, by SIGKILL too, the pipe ends. On Linux
the guard is the subreaper (prctl(2)) of every orphaned descendant, so that nothing escapes it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_SECONDS = 0.5
ROUNDS = 20
FILE_BYTES = 16 * 2**30
CPU_SECONDS = 10 * 365 * 86_400
"""A CPU limit that is never reached, but by which the live socket recognises such a process: it cannot be raised again."""


def main() -> NoReturn:
    """Start the server and wait for the first of its end, the end of mazu-ls and a limit."""
    life, memory, processes = (int(word) for word in sys.argv[1:4])
    command = sys.argv[5:]
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda number, frame: _end(child))
    child = os.fork()
    if child == 0:
        _become(command, life)
    for number in (0, 1):  # the server's, not ours: they close when it ends
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    ends = select.poll()  # select() takes no descriptor above 1023
    ends.register(life, select.POLLIN)
    while True:
        if ends.poll(LOOK_SECONDS * 1000):
            _end(child)
        if (ended := _reaped(child)) is not None:
            _end(child, ended)
        if (why := _passed(memory, processes)) is not None:
            sys.stderr.write(f"ended: {why}\n")
            sys.stderr.flush()
            _end(child)


def _become(command: list[str], life: int) -> None:
    os.close(life)
    os.setpgid(0, 0)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        seconds = min(CPU_SECONDS, hard if hard != resource.RLIM_INFINITY else CPU_SECONDS) - 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{error.strerror}: {command[0]}\n".encode("utf-8", "replace"))
        os._exit(127)


def _reaped(child: int) -> int | None:
    """Reap ended processes; return the server's exit status once it has ended."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == child:
                status = os.waitstatus_to_exitcode(found[1]) & 0xFF
    return status


def _end(child: int, status: int = 1) -> NoReturn:
    """Kill the server's group and every descendant, until none is left; then exit with `status`."""
    for _ in range(ROUNDS):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        left = _descendants()
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            break
        time.sleep(0.02)
    os._exit(status)


def _descendants() -> list[int]:
    """Return all processes below this one: proc_pid_children(5). Empty if there is no such file."""
    found: list[int] = []
    stack = [os.getpid()]
    while stack:
        try:
            with open(f"/proc/{stack[-1]}/task/{stack.pop()}/children", encoding="ascii") as file:  # noqa: PTH123
                below = [int(word) for word in file.read().split()]
        except (OSError, ValueError):
            continue
        found += below
        stack += below
    return found


def _passed(memory: int, processes: int) -> str | None:
    pids = _descendants()
    if len(pids) > processes:
        return f"it had {len(pids)} processes, more than the {processes} that an MCP server may have"
    held, page = 0, resource.getpagesize()
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123
            resident, shared = file.read().split()[1:3]
            held += (int(resident) - int(shared)) * page
    return f"it used {held / 2**30:.1f} GiB of memory, more than an MCP server may" if held > memory else None


def _prctl(option: int, value: int) -> None:
    """Call prctl(2) if there is one."""
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
