"""The pipe through which a command reports what it leaves: it holds little, and nobody waits for it."""

from __future__ import annotations

import os
from types import TracebackType

MAX_BYTES = 64 * 1024


class ReportPipe:
    """The child writes to `write`. Any program of the command can do so too: what arrives is data like its output.

    A full pipe refuses further writes, so neither the disk is filled nor the child kept waiting.
    """

    def __init__(self) -> None:
        self._read, self.write = os.pipe()
        self.ends = (self._read, self.write)
        """Both ends are for the child: without a reader, a command that outlives this process would end by SIGPIPE."""
        os.set_blocking(self._read, False)
        os.set_blocking(self.write, False)

    def __enter__(self) -> ReportPipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._read)
        os.close(self.write)

    def read(self) -> tuple[int, str]:
        """Return how many jobs the shell left running, and its final directory, empty where it reported none."""
        try:
            data = os.read(self._read, MAX_BYTES)
        except BlockingIOError:
            return 0, ""
        *jobs, place = data.rstrip(b"\n").split(b"\n")
        return sum(line.isdigit() for line in jobs), os.fsdecode(place)
