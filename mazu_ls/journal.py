"""The append-only record of a session: one JSON object a line. Transcripts, resume, audit and usage are read from it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import Image, Message, StopReason, Usage
from mazu_ls.redact import redact


class SessionStarted(Struct, tag="session_started", frozen=True):
    """The first event of every session. `aside`: for one job beside the conversation, never gone on with by itself."""

    name: str = ""
    aside: bool = False


class SessionNamed(Struct, tag="session_named", frozen=True):
    """The session got a name, by the user or from its first message."""

    name: str


class SessionEnded(Struct, tag="session_ended", frozen=True):
    """The user ended the session; it can still be read and gone on with."""


class ModelChosen(Struct, tag="model_chosen", frozen=True):
    """From here on the session talks to this `provider:model`."""

    model: str


class TurnStarted(Struct, tag="turn_started", frozen=True):
    """A turn begins: what kind, with which model, and which memories were put before the model."""

    kind: Literal["chat", "run", "edit"]
    model: str
    injected: tuple[str, ...] = ()


class UserSaid(Struct, tag="user_said", frozen=True):
    """What goes to the model on the user's side. `shown` is what the user typed, empty for words of the program."""

    message: Message
    shown: str = ""


class Delta(Struct, tag="delta", frozen=True):
    """A piece of text as it streams. Transient: `ModelSaid` holds the whole."""

    kind: Literal["message", "thought"]
    text: str


class Restarted(Struct, tag="restarted", frozen=True):
    """What streamed of this reply is void; it starts again. Transient."""


class Retrying(Struct, tag="retrying", frozen=True):
    """The provider failed; the call is made again after `seconds`. Transient."""

    attempt: int
    seconds: float
    reason: str


class ModelSaid(Struct, tag="model_said", frozen=True):
    """One finished model call."""

    message: Message
    stop: str
    usage: Usage


class CallStarted(Struct, tag="call_started", frozen=True):
    """A tool call is about to be decided on and run."""

    call_id: str
    tool: str
    title: str
    arguments: dict[str, Any]


class CallDecided(Struct, tag="call_decided", frozen=True):
    """May it run? `decided_by` is "policy", "user", "rule <pattern>" or "timeout"."""

    call_id: str
    verdict: Literal["allow", "deny"]
    reason: str
    decided_by: str


class CallOutput(Struct, tag="call_output", frozen=True):
    """Output of a running tool as it comes. Transient: `CallEnded` holds what the model is told."""

    call_id: str
    text: str


class CallEnded(Struct, tag="call_ended", frozen=True):
    """The one result of a tool call: the text for the model, a line for the user, a unified diff if it edited."""

    call_id: str
    ok: bool
    summary: str
    text: str
    images: tuple[Image, ...] = ()
    diff: str | None = None


class CheckpointTaken(Struct, tag="checkpoint_taken", frozen=True):
    """A checkpoint holds everything up to here."""

    id: str
    kind: str
    label: str


class MemoryTouched(Struct, tag="memory_touched", frozen=True):
    """A memory was written: "created", "superseded", "forgotten", "updated"."""

    id: str
    outcome: str
    title: str


class Compacted(Struct, tag="compacted", frozen=True):
    """What stood before is replaced by `summary`; the last `kept` messages before this event stay."""

    summary: str
    kept: int
    usage: Usage


class Spent(Struct, tag="spent", frozen=True):
    """Model calls outside a conversation: one-shot questions, councils, extraction, deleted sessions."""

    model: str
    usage: Usage
    purpose: str


class TurnEnded(Struct, tag="turn_ended", frozen=True):
    """Why the turn stopped, in the wire's word and in a sentence; what it cost."""

    stop_reason: StopReason
    reply: str
    usage: Usage
    detail: str = ""
    error: dict[str, str] | None = None


Body = (
    SessionStarted | SessionNamed | SessionEnded | ModelChosen | TurnStarted | UserSaid | Delta | Restarted | Retrying
    | ModelSaid | CallStarted | CallDecided | CallOutput | CallEnded | CheckpointTaken | MemoryTouched | Compacted
    | Spent | TurnEnded
)  # fmt: skip
OPAQUE = ("data", "signature", "redacted")
"""Fields that go back to a provider byte for byte, or are pictures."""
TRANSIENT = (Delta, Restarted, Retrying, CallOutput)


class Event(Struct, frozen=True):
    """One entry. `seq` counts from 1 in a session; `parent` is the event it follows, so a conversation is a tree.

    A transient event has the seq of the last stored one. `at` is RFC 3339 UTC.
    """

    seq: int
    parent: int
    at: str
    turn: str | None
    body: Body


Listener = Callable[[str, Event], None]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


def now() -> str:
    """The time as RFC 3339 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """One session's file, held by a lock for as long as this process writes to it."""

    def __init__(self, path: Path, listener: Listener = lambda session, event: None) -> None:
        """Open or create `path` for appending. Raises MazuError(busy) where another process holds the session."""
        self.path = path
        self.session_id = path.stem
        self._listener = listener
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise MazuError(
                Kind.BUSY,
                f"Session {self.session_id} is open in another editor.",
                "Go on there, or start a new one.",
            ) from error
        _end_torn_line(self._file)
        self.last = last_seq(self._file)
        self.head = self.last
        self._unsynced = False

    def append(self, body: Body, turn: str | None = None) -> Event:
        """Record `body` after the head and tell the listener. A transient one is only told."""
        if isinstance(body, TRANSIENT):
            event = Event(self.last, self.head, "", turn, body)
        else:
            event = Event(self.last + 1, self.head, now(), turn, _redacted(body))
            line = _encode(event) + b"\n"
            if os.write(self._file, line) != len(line):
                raise MazuError(
                    Kind.STORAGE, f"{self.path} could not be written whole.", "Free some disk space."
                )
            self.last = self.head = event.seq
            self._unsynced = True
        self._listener(self.session_id, event)
        return event

    def sync(self) -> None:
        """When this returns, everything appended survives power loss. Blocks; call it from a thread."""
        if self._unsynced:
            self._unsynced = False
            os.fdatasync(self._file)

    @property
    def closed(self) -> bool:
        """Whether nothing can be appended any more."""
        return self._file < 0

    def close(self) -> None:
        """Let another process have the session."""
        if self._file >= 0:
            self.sync()
            os.close(self._file)
            self._file = -1


def read(path: Path) -> Iterator[Event]:
    """Every whole event of a journal, in order of writing; a torn line (a crash) is passed over."""
    with path.open("rb") as lines:
        for line in lines:
            if event := decode(line):
                yield event


def chain(events: Iterable[Event], head: int) -> list[Event]:
    """The events from the root to `head`, following parents."""
    by_seq = {event.seq: event for event in events}
    found: list[Event] = []
    while head and (event := by_seq.get(head)):
        found.append(event)
        head = event.parent
    return found[::-1]


def _redacted(body: Body) -> Body:
    """The same event without secrets in any of its strings; they are searched all at once, since most have none."""
    plain = msgspec.to_builtins(body)
    found: list[str] = []
    _strings(plain, found)
    text = "\n".join(found)
    return body if redact(text) == text else msgspec.convert(_clean(plain), Body)


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
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: inner if key in OPAQUE else _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def held(path: Path) -> bool:
    """Whether some process has this journal open for writing."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def decode(line: bytes) -> Event | None:
    """The event of one line, None for a torn one."""
    try:
        return _decode(line)
    except msgspec.DecodeError:
        return None


def last_seq(file: int) -> int:
    """The seq of the last whole event of an open journal, read from its end; 0 where there is none."""
    size = os.fstat(file).st_size
    step = 1 << 16
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
    """After a crash in mid-write: end the line, so that the next one stands alone."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
