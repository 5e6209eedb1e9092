"""The append-only journal of a session: one JSON object a line. Transcripts, resume, audit and usage are read from it."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mazu_ls.errors import Kind, MazuError, system_advice
from mazu_ls.journal.events import (
    OPAQUE,
    TRANSIENT,
    Attached,
    Body,
    CallDecided,
    CallEnded,
    CallOutput,
    CallStarted,
    Changes,
    CheckpointTaken,
    Compacted,
    ContentWithheld,
    Delta,
    Event,
    MemoryTouched,
    MessageDequeued,
    MessageQueued,
    MessageRestarted,
    ModelChosen,
    ModelSaid,
    QuestionAsked,
    QuestionClosed,
    ResumeAnswered,
    Retrying,
    SessionEnded,
    SessionNamed,
    SessionStarted,
    TurnEnded,
    TurnLimits,
    TurnStarted,
    UsageRecorded,
    UserSaid,
)
from mazu_ls.journal.order import has_order, put_in_order
from mazu_ls.platform import open_flags
from mazu_ls.platform.file_lock import try_lock, wait_for_lock
from mazu_ls.redact import redact
from mazu_ls.workspace.file_names import show_name
from mazu_ls.workspace.lazy_pattern import lazy_pattern

__all__ = [
    "OPAQUE",
    "TRANSIENT",
    "Attached",
    "Body",
    "CallDecided",
    "CallEnded",
    "CallOutput",
    "CallStarted",
    "Changes",
    "CheckpointTaken",
    "Compacted",
    "ContentWithheld",
    "Delta",
    "Event",
    "Journal",
    "Listener",
    "MemoryTouched",
    "MessageDequeued",
    "MessageQueued",
    "MessageRestarted",
    "ModelChosen",
    "ModelSaid",
    "QuestionAsked",
    "QuestionClosed",
    "ResumeAnswered",
    "Retrying",
    "SessionEnded",
    "SessionNamed",
    "SessionStarted",
    "TurnEnded",
    "TurnLimits",
    "TurnStarted",
    "UsageRecorded",
    "UserSaid",
    "branch_events",
    "decode",
    "is_locked",
    "last_seq",
    "now",
    "read",
]


Listener = Callable[[str, Event], None]
_encode_into = msgspec.json.Encoder().encode_into
LONG_TEXT = 64 * 1024
"""Characters; a longer text is searched for secrets by itself, which saves a copy of it."""
GLANCE_SECONDS = 0.02
"""Seconds; `is_locked` holds a journal for a moment, for which a process that opens it just then waits."""
_decode = msgspec.json.Decoder(Event).decode


def now() -> str:
    """Return the time as RFC 3339 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """One session's file, locked for as long as this process writes to it."""

    def __init__(self, path: Path, listener: Listener = lambda session, event: None) -> None:
        """Open or create `path` for appending. Raises MazuError(busy) if another process holds the session."""
        self.path = path
        self.session_id = path.stem
        self._listener = listener
        self._file = self._open(os.O_CREAT)
        self._released = False
        self.stale = False
        """Whether another process wrote to the session after `release`: its conversation has to be read again."""
        self.last = last_seq(self._file)
        self.head = self.last
        self._unsynced = False

    def _open(self, flags: int) -> int:
        """Return the file, locked and ready for the next line."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | open_flags.CLOEXEC | flags, 0o600)
        except OSError as error:
            raise MazuError(
                Kind.STORAGE,
                f"{self.path} cannot be opened: {error.strerror}.",
                system_advice(error),
            ) from error
        self._lock(file)
        _end_torn_line(file)
        return file

    def _lock(self, file: int) -> None:
        """Lock the session, or close the file and raise MazuError: busy, or storage if the file system has no locks."""
        try:
            free = wait_for_lock(file, GLANCE_SECONDS)
        except OSError as error:
            os.close(file)
            raise MazuError(
                Kind.STORAGE,
                f"{self.path} cannot be locked: {error.strerror}.",
                "Put the state directory (MAZU_STATE_HOME) on a disk that has locks.",
            ) from error
        if not free:
            os.close(file)
            raise MazuError(
                Kind.BUSY,
                "This conversation is open in another terminal or editor.",
                "Continue there, or start a new one.",
            )

    def append(self, body: Body, turn: str | None = None, clean: str = "") -> Event:
        """Record `body` after the head and notify the listener. A transient event is not stored.

        `clean`: a long text in it that is known to hold no secret, so that it is not searched again.
        """
        if isinstance(body, TRANSIENT):
            event = Event(self.last, self.head, "", turn, body)
        else:
            self._hold_unchanged()
            event = Event(self.last + 1, self.head, now(), turn, _redacted(body, clean))
            try:
                self._write_line(_encode_line(event))
            except UnicodeEncodeError:  # half a surrogate pair from a model, or a byte of a file name
                event = msgspec.structs.replace(event, body=_encodable(event.body))
                self._write_line(_encode_line(event))
            self.last = self.head = event.seq
            self._unsynced = True
        self._listener(self.session_id, event)
        return event

    def _write_line(self, line: bytearray) -> None:
        """Append one line completely or not at all: the next event must never be joined to half of it."""
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise MazuError(
                Kind.STORAGE, f"{self.path} could not be written: {error.strerror}.", system_advice(error)
            ) from error
        if written != len(line):
            try:
                os.ftruncate(self._file, size)
            except OSError:
                with suppress(OSError):
                    os.write(self._file, b"\n")
            raise MazuError(
                Kind.STORAGE,
                f"{self.path} could not be written completely: the disk is full.",
                "Free some disk space.",
            )

    def sync(self) -> None:
        """When this returns, everything appended survives a power failure. Blocks; call it from a thread."""
        if self._unsynced:
            self._unsynced = False
            os.fdatasync(self._file)

    @property
    def held(self) -> bool:
        """Whether this process holds the session, so that no other process appends to it."""
        return self._file >= 0

    @property
    def closed(self) -> bool:
        """Whether nothing can be appended any more."""
        return self._file < 0 and not self._released

    def close(self) -> None:
        """Release the session for other processes."""
        self._released = False
        if self._file >= 0:
            self.sync()
            file, self._file = self._file, -1
            os.close(file)

    def release(self) -> None:
        """Release the session for other processes, until `hold` or the next event. Takes no time after `sync`."""
        if self.held:
            self.close()
            self._released = True

    def hold(self) -> None:
        """Take the session again after `release`; its head stays. Raises MazuError(busy) if another process holds it now."""
        if self._released:
            self._file = self._open(0)
            self._released = False
            known, self.last = self.last, last_seq(self._file)
            self.stale = self.stale or self.last != known

    def _hold_unchanged(self) -> None:
        """Hold the session for an event of whoever knows it as it was. Raises MazuError(conflict) if another process wrote to it."""
        self.hold()
        if self.stale:
            self.release()
            raise MazuError(
                Kind.CONFLICT,
                "This conversation was continued in another editor.",
                "Open it again, then repeat this.",
            )


def read(path: Path) -> Iterator[Event]:
    """Yield every whole event of a journal, in order of writing; a torn line (a crash) is skipped.

    A file whose lines are not in order is read as a whole, see `put_in_order`.
    """
    events = _read_lines(path)
    yield from events if has_order(path) else put_in_order(events)


def _read_lines(path: Path) -> Iterator[Event]:
    with path.open("rb") as lines:
        for line in lines:
            if event := decode(line):
                yield event


def branch_events(events: Iterable[Event], head: int) -> list[Event]:
    """Return the events from the root to `head`, following parents.

    For a missing (damaged) parent the last event before it stands in, so that what can be read is not lost with it.
    """
    by_seq = {event.seq: event for event in events}
    found: list[Event] = []
    while head:
        if (event := by_seq.get(head)) is None:
            head = max((seq for seq in by_seq if seq < head), default=0)
            continue
        found.append(event)
        head = min(event.parent, event.seq - 1)
    return found[::-1]


def _encode_line(event: Event) -> bytearray:
    """Return an event as one line. A long message is in memory often enough: nothing of it is copied here."""
    line = bytearray()
    _encode_into(event, line)
    line += b"\n"
    return line


def _redacted(body: Body, clean: str) -> Body:
    """Return the event without secrets in any of its strings. The short ones are searched all at once, since most have none.

    The object `clean` is not searched.
    """
    plain = msgspec.to_builtins(body)
    found: list[str] = []
    _strings(plain, found)
    texts = [text for text in found if len(text) > LONG_TEXT and text is not clean]
    texts.append("\n".join(text for text in found if len(text) <= LONG_TEXT))
    if all(redact(text) == text for text in texts):
        return body
    return msgspec.convert(_clean(plain), Body)


def _encodable(body: Body) -> Body:
    """Return the event without lone surrogates: bytes as `\\xNN`, halves of a pair as U+FFFD."""
    return msgspec.convert(_mapped(msgspec.to_builtins(body), _without_surrogates), Body)


def _without_surrogates(text: str) -> str:
    return _SURROGATE.sub(lambda match: show_name(match[0]), text)


_SURROGATE = lazy_pattern("[\ud800-\udfff]")


def _strings(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in OPAQUE:
                _strings(inner, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _strings(inner, found)


def _clean(value: Any) -> Any:
    return _mapped(value, redact)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return the value with each string in it changed, except opaque data of a provider."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: inner if key in OPAQUE else _mapped(inner, change) for key, inner in value.items()}
    return [_mapped(inner, change) for inner in value] if isinstance(value, list | tuple) else value


def is_locked(path: Path) -> bool:
    """Return whether some process has this journal open for writing."""
    with path.open("rb") as file:
        try:
            return not try_lock(file.fileno(), shared=True)
        except OSError:
            return True


def decode(line: bytes) -> Event | None:
    """Return the event of one line, None for a torn one."""
    try:
        return _decode(line.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        return None


def last_seq(file: int) -> int:
    """Return the seq of the last whole event of an open journal, read from its end; 0 if there is none."""
    size = os.fstat(file).st_size
    step = 1 << 12
    while size:
        start = max(0, size - step)
        for line in reversed(os.pread(file, size - start, start).split(b"\n")[1 if start else 0 :]):
            if event := decode(line):
                return event.seq
        if start == 0:
            break
        step *= 4
    return 0


def _end_torn_line(file: int) -> None:
    """After a crash in mid-write: end the line, so that the next event has its own."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
