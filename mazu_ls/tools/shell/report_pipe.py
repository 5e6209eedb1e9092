"""Where a command says in which directory it ended: a pipe that holds little, and that nobody waits for."""

from __future__ import annotations

import os
from types import TracebackType

MAX_BYTES = 64 * 1024


class ReportPipe:
    """The child writes to `write`. Any program of the command can do so too: what comes is data like its output.

    A full pipe refuses what more is written, so neither the disk is filled nor the child kept waiting.
    """

    def __init__(self) -> None:
        self._read, self.write = os.pipe()
        self.ends = (self._read, self.write)
        """Both are for the child: with no reader left, a command that outlives this would end by SIGPIPE."""
        os.set_blocking(self._read, False)
        os.set_blocking(self.write, False)

    def __enter__(self) -> ReportPipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._read)
        os.close(self.write)

    def read_last_line(self) -> str:
        """What was written last; empty where nothing was."""
        try:
            data = os.read(self._read, MAX_BYTES)
        except BlockingIOError:
            return ""
        return os.fsdecode(data.rstrip(b"\n").rpartition(b"\n")[2])
