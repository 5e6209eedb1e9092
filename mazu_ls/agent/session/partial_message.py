"""The unfinished message of a model, kept next to the journal, so that a kill loses a moment of it at most.

It is no event. Secrets are redacted as it streams: what was shown of it is what is kept, and nothing of it is searched again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mazu_ls.journal.growing_text import GrowingText
from mazu_ls.journal.journal import Delta, Journal
from mazu_ls.platform import open_flags
from mazu_ls.redact import StreamRedactor

FLAGS = os.O_WRONLY | os.O_CREAT | open_flags.CLOEXEC
Kind = Literal["message", "thought"]
log = logging.getLogger(__name__)
BLOCK = 256 * 1024
"""Characters that are encoded and written at a time."""
KEEP_SECONDS = 0.25
"""Maximum age of the stored text, in seconds."""
FAILED_SECONDS = 5.0
"""The same while the disk is full or read-only: all of the text is tried each time."""


class PartialMessage:
    """The text so far, without secrets. Other processes can read it until the message is finished; a power failure may lose it."""

    def __init__(self, journal: Journal) -> None:
        self._text = GrowingText()
        self.is_searched = True
        """Whether no secret can stand in the text: it was searched without a break."""
        self._unstored: list[str] = []
        self._journal = journal
        self._timer: asyncio.TimerHandle | None = None
        self._kept = self._failed = False
        self._follows: int | None = None
        """The event that the file says its text follows; None while there is no whole file."""

    @property
    def text(self) -> str:
        """All of it."""
        return str(self._text)

    def add(self, text: str) -> None:
        """Append text, in which secrets are redacted already."""
        self._text.append(text)
        self._unstored.append(text)
        if self._timer is None:
            delay = FAILED_SECONDS if self._failed else KEEP_SECONDS
            self._timer = asyncio.get_running_loop().call_later(delay, self._keep)

    def clear(self) -> None:
        """The message is finished, or void: delete it."""
        self._text, self._unstored, self._follows = GrowingText(), [], None
        self._failed, self.is_searched = False, True
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._kept:
            self._kept = False
            discard(self._journal.path)

    def _keep(self) -> None:
        """Store what is new; however long the text is, that takes no longer. Another event in the meantime: all of it."""
        self._timer = None
        whole = self._follows != self._journal.last
        parts = [f"{self._journal.last}\n", self.text] if whole else self._unstored
        self._unstored, self._follows = [], None
        try:
            self._kept = True
            descriptor = os.open(
                partial_path(self._journal.path), FLAGS | (os.O_TRUNC if whole else os.O_APPEND), 0o600
            )
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
                for part in parts:
                    for start in range(0, len(part), BLOCK):  # a long text is not copied as a whole
                        file.write(part[start : start + BLOCK])
            self._follows = self._journal.last
        except OSError as error:
            if not self._failed:  # once for each message
                log.warning("the unfinished reply cannot be saved while it streams: %s", error)
            self._failed = True


class RedactedDeltas:
    """The message and the thought of one model call as they stream, with secrets redacted: see `StreamRedactor`."""

    def __init__(self, record: Callable[[Delta], None], unfinished: PartialMessage) -> None:
        """`unfinished` gets what was shown of the message."""
        self._record, self._unfinished = record, unfinished
        self._streams: dict[Kind, StreamRedactor] = {"thought": StreamRedactor(), "message": StreamRedactor()}

    def add(self, kind: Kind, text: str) -> None:
        """Add streamed text; what was held back of the other kind is emitted first."""
        for other, stream in self._streams.items():
            if other != kind:
                held = stream.flush()
                self._unfinished.is_searched &= other != "message" or not held
                self._emit(other, held)
        self._emit(kind, self._streams[kind].feed(text))

    def flush(self) -> None:
        """The message has ended: emit the rest."""
        for kind, stream in self._streams.items():
            self._emit(kind, stream.flush())

    def discard(self) -> None:
        """Drop what was streamed; it is void."""
        self._unfinished.clear()
        for stream in self._streams.values():
            stream.flush()

    def _emit(self, kind: Kind, text: str) -> None:
        if text and kind == "message":
            self._unfinished.add(text)
        if text:
            self._record(Delta(kind, text))


def read_partial(journal: Journal) -> str:
    """Return the text of a message that was never finished; empty if the journal has the message or a later event."""
    try:
        seq, _, text = partial_path(journal.path).read_bytes().decode("utf-8", "replace").partition("\n")
    except OSError:
        return ""
    return text.strip() if seq == str(journal.last) else ""


def discard(journal: Path) -> None:
    """Delete the partial message of this journal."""
    with contextlib.suppress(OSError):
        partial_path(journal).unlink(missing_ok=True)


def partial_path(journal: Path) -> Path:
    """Where the unfinished message of a journal is kept."""
    return journal.with_suffix(".unfinished")
