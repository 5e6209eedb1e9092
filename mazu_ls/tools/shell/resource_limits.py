"""Memory, process, disk and CPU limits of a command with all its children.

The kernel's own limits (setrlimit(2)) hold each process; a watch over the whole tree holds their sum, since a limit on
address space would stop programs that only reserve it (Go's race detector, sanitizers, V8, Java).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

from msgspec import Struct

from mazu_ls.platform import process_limits
from mazu_ls.workspace.text import split_lines

GIB = 2**30
CPU_SECONDS = 3600  # of one process
MAX_PROCESSES = 1_000
FILE_BYTES = 16 * GIB
SCRATCH_BYTES = 4 * GIB
INTERVAL = 0.2  # seconds between two measurements
WALK_SECONDS = 0.01
"""CPU seconds of one measurement that may be spent on looking through the temporary files."""
HURRIED_SECONDS = 0.1
"""The same where the disk has so much less room than before that the limit may be passed."""
WALKED_AT_ONCE = 64
CONTAINER_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files that hold the memory limit of a container in bytes: cgroups version 2, version 1."""
MACHINE_MEMORY = "/proc/meminfo"


@cache
def memory_bytes() -> int:
    """Return the memory limit of a command with its children: three quarters of the machine's or container's, at least
    1 GiB."""
    total = process_limits.memory_total_bytes()
    for place in CONTAINER_MEMORY:
        try:
            total = min(total, int(Path(place).read_text()))
        except (OSError, ValueError):
            continue
    return max(GIB, total * 3 // 4)


def shell_limits(*, own_users: bool) -> str:
    """Return a line of bash that sets the limits of the shell that runs it and of its children.

    `own_users`: it runs in a user namespace, where the number of processes counts only its own.
    """
    kib = FILE_BYTES // 1024
    processes = f"ulimit -u {4 * MAX_PROCESSES}; " if own_users else ""
    first_to_be_killed = (
        "echo 1000 > /proc/self/oom_score_adj"  # if the machine runs out of memory all the same
    )
    return f"{{ ulimit -c 0; ulimit -t {_cpu_seconds()}; ulimit -f {kib}; {processes}{first_to_be_killed}; }} 2>/dev/null"


def _cpu_seconds() -> int:
    """Return CPU seconds of one process; less than this process may use itself, by which the live socket recognises a
    tool call's."""
    hard = process_limits.cpu_limit()
    return CPU_SECONDS if hard == process_limits.UNLIMITED else max(1, min(CPU_SECONDS, hard - 1))


class TreeUsage(Struct, frozen=True):
    """The present resource usage of a tree of processes."""

    memory: int
    processes: int
    scratch: int


class ScratchMeter:
    """Measures the bytes in a command's folder, a part at a time, since it may hold any number of files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begin()
        self._whole, self._free_before = 0, self._free

    def _begin(self) -> None:
        self._walk, self._so_far, self._free = _sizes(self._folder), 0, _free_bytes(self._folder)

    def look(self) -> int:
        """Look through some of the files; return the bytes of all when they were last looked through, or of those so far if that is
        more. Blocks."""
        gone = self._free_before - _free_bytes(self._folder)
        until = time.thread_time() + (HURRIED_SECONDS if self._whole + gone > SCRATCH_BYTES else WALK_SECONDS)
        while part := list(islice(self._walk, WALKED_AT_ONCE)):
            self._so_far += sum(part)
            if self._so_far > SCRATCH_BYTES or time.thread_time() > until:
                return max(self._whole, self._so_far)
        self._whole, self._free_before = self._so_far, self._free
        self._begin()
        return self._whole


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the bytes on the disk of each file and folder in `folder`; of what cannot be looked at, nothing."""
    waiting = [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    yield entry.stat(follow_symlinks=False).st_blocks * 512


def _free_bytes(folder: Path) -> int:
    """Return the free bytes of a folder's disk; 0 where that is not known."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    return status.f_bfree * status.f_frsize


def measure(pids: Iterable[int], scratch: int) -> TreeUsage:
    """Measure resident memory and swap of these processes (proc_pid_statm(5)) and their number; `scratch`: bytes of their
    temporary files."""
    page, memory, count = process_limits.page_bytes(), 0, 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        except OSError:
            continue
        count += 1
        memory += (int(fields[1]) - int(fields[2])) * page  # shared pages are not counted
    return TreeUsage(memory, count, scratch)


def exceeded(usage: TreeUsage) -> str | None:
    """Return which limit is passed, as a sentence for the model; None if none is."""
    if usage.memory > memory_bytes() or (usage.memory > memory_bytes() // 3 and _nearly_out_of_memory()):
        return f"it used {usage.memory / GIB:.1f} GiB of memory, more than a command may"
    if usage.processes > MAX_PROCESSES:
        return f"it had {usage.processes} processes, more than the {MAX_PROCESSES} that a command may have"
    if usage.scratch > SCRATCH_BYTES:
        return f"it wrote more than {SCRATCH_BYTES // GIB} GiB of temporary files"
    return None


def _nearly_out_of_memory() -> bool:
    """Return whether less than a twentieth of the machine's memory is available: proc_meminfo(5)."""
    try:
        lines = split_lines(Path(MACHINE_MEMORY).read_text(), ends=False)
        kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return kib["MemAvailable"] < kib["MemTotal"] // 20
    except (OSError, KeyError, ValueError, IndexError):
        return False


def supported() -> bool:
    """Return whether the sum over a tree of processes can be limited here."""
    return sys.platform == "linux"
