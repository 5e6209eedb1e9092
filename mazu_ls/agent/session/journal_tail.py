"""Reads a growing journal again: only what was appended since the last read is decoded."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from threading import Lock

from mazu_ls.journal import journal
from mazu_ls.journal.order import put_in_order

MAX_KEPT_BYTES = 32 << 20
"""Bytes above which a journal is read as a whole each time, so that it does not stay in memory."""


class JournalTail:
    """Caches the events of the journal read last. May be called from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key: tuple[Path, int] | None = None
        self._offset = 0
        self._events: list[journal.Event] = []

    def events(self, path: Path) -> list[journal.Event]:
        """Return every whole event of the journal at `path`, in order of writing. Blocks; raises OSError."""
        with self._lock, path.open("rb") as file:
            status = os.fstat(file.fileno())
            key = (path, status.st_ino)
            if key != self._key or status.st_size < self._offset:
                self._key, self._offset, self._events = key, 0, []
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # being written, or truncated by a crash: read again next time
                self._offset += len(line)
                if event := journal.decode(line):
                    self._events.append(event)
            found = put_in_order(self._events) if _is_damaged(self._events) else list(self._events)
            if self._offset > MAX_KEPT_BYTES:
                self._key, self._events = None, []
            return found


def _is_damaged(events: list[journal.Event]) -> bool:
    return any(one.seq >= next.seq for one, next in pairwise(events))
