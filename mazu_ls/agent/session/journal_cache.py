"""What is kept of journals that were read: the events of the last one, and what lists show of each, also on the disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Lock

import msgspec

from mazu_ls import __version__
from mazu_ls.agent.session.journal_views import SessionInfo
from mazu_ls.journal import journal
from mazu_ls.journal.order import put_in_order
from mazu_ls.workspace.atomic_write import replace_private_file

log = logging.getLogger(__name__)
MAX_KEPT_BYTES = 32 << 20
"""Bytes above which a journal is read as a whole each time, so that it does not stay in memory."""
WORTH_KEEPING_BYTES = 256 << 10
"""Bytes of journals that must have been read since the summaries were written to the disk, before they are written again."""
_FORMAT = f"{__version__} 1"
"""Increase the number whenever `describe` finds something else in the same journal."""


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


class Summary(msgspec.Struct, frozen=True, array_like=True):
    """What lists show of one journal as it was: its size in bytes, its time, and where its conversation was moved to."""

    size: int
    mtime_ns: int
    moved: tuple[int, int] | None
    info: SessionInfo


class _Kept(msgspec.Struct):
    format: str
    summaries: dict[str, Summary]


class JournalSummaries:
    """Describes journals, each once for every state of it. May be called from several threads.

    A file next to the journals holds the summaries, so that a new process need not read all conversations of a project before it
    lists them or undoes a turn. It may be deleted at any time.
    """

    def __init__(self, folder: Path, describe: Callable[[Path, tuple[int, int] | None], SessionInfo]) -> None:
        self._folder = folder
        self._file = folder / "summaries.json"
        self._describe = describe
        self._lock = Lock()
        self._unsaved = 0
        self._known: dict[Path, Summary] | None = None

    def summary(self, path: Path, moved: tuple[int, int] | None) -> SessionInfo:
        """Return what lists show of a journal. Blocks; raises OSError."""
        status = path.stat()
        with self._lock:
            if self._known is None:
                self._known = self._load()
            known = self._known.get(path)
        if known is None or (known.size, known.mtime_ns, known.moved) != (
            status.st_size, status.st_mtime_ns, moved,
        ):  # fmt: skip
            known = Summary(status.st_size, status.st_mtime_ns, moved, self._describe(path, moved))
            with self._lock:
                self._known[path] = known
                self._unsaved += status.st_size
        return known.info

    def save(self) -> None:
        """Write the summaries to the disk if reading the journals again would take time, or one is gone, whose name must not stay.
        Blocks; never raises OSError."""
        with self._lock:
            if self._known is None:
                self._known = self._load()
            gone = [path for path in self._known if not path.exists()]
            if self._unsaved < WORTH_KEEPING_BYTES and not gone:
                return
            for path in gone:
                del self._known[path]
            kept = {path.name: one for path, one in self._known.items() if path.parent == self._folder}
            self._unsaved = 0
            try:
                replace_private_file(self._file, msgspec.json.encode(_Kept(_FORMAT, kept)))
            except OSError as error:
                log.info("%s: %s", self._file, error)

    def _load(self) -> dict[Path, Summary]:
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except (OSError, ValueError):  # there is none, or it is damaged or of another version
            return {}
        return (
            {self._folder / name: one for name, one in kept.summaries.items()}
            if kept.format == _FORMAT
            else {}
        )
