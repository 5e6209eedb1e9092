"""Limits and use of CPU and memory: getrlimit(2), prlimit(2), getrusage(2).

Windows has none of them: limits are not set there, and CPU time counts this process alone.
"""

from __future__ import annotations

import os
import sys
import time

UNLIMITED = -1

if sys.platform == "win32":

    def cpu_limit() -> int:
        """The hard limit of this process's CPU time in seconds, or UNLIMITED."""
        return UNLIMITED

    def limit_cpu(pid: int, soft: int, hard: int) -> None:
        """Limit the CPU seconds of another process. Does nothing where the system cannot, or it has ended."""

    def ended_at_cpu_limit(returncode: int) -> bool:
        """Whether a child with this `returncode` of subprocess was ended for its CPU time."""
        return False

    def children_cpu_seconds() -> float:
        """CPU time of all ended children of this process; 0.0 where the system does not count it."""
        return 0.0

    def memory_total_bytes() -> int:
        """Physical memory of the machine; 0 where it is not known."""
        return 0

else:
    import resource
    import signal

    def cpu_limit() -> int:
        """The hard limit of this process's CPU time in seconds, or UNLIMITED."""
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        return UNLIMITED if hard == resource.RLIM_INFINITY else hard

    def limit_cpu(pid: int, soft: int, hard: int) -> None:
        """Limit the CPU seconds of another process. Does nothing where the system cannot, or it has ended."""
        try:
            resource.prlimit(pid, resource.RLIMIT_CPU, (soft, hard))
        except (AttributeError, OSError):  # not Linux, or it has ended already
            return

    def ended_at_cpu_limit(returncode: int) -> bool:
        """Whether a child with this `returncode` of subprocess was ended for its CPU time."""
        return returncode == -signal.SIGXCPU

    def children_cpu_seconds() -> float:
        """CPU time of all ended children of this process; 0.0 where the system does not count it."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    def memory_total_bytes() -> int:
        """Physical memory of the machine; 0 where it is not known."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def page_bytes() -> int:
    """The size of a page of memory; what /proc counts in."""
    import mmap

    return mmap.PAGESIZE


def cpu_seconds() -> float:
    """CPU time of this thread and of all ended children of this process."""
    return time.thread_time() + children_cpu_seconds()
