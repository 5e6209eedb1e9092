"""The pipe through which a command reports its final directory: it holds little, and nobody waits for it."""

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

    def read_last_line(self) -> str:
        """Return the last line written; empty if nothing was."""
        try:
            data = os.read(self._read, MAX_BYTES)
        except BlockingIOError:
            return ""
        return os.fsdecode(data.rstrip(b"\n").rpartition(b"\n")[2])
