"""The message that a model is in the middle of: kept beside the journal, so that a kill loses a moment of it at most.

It is no event: a secret that is cut between two events could not be recognised, so the text stands there whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mazu_ls.journal.journal import Delta, Journal
from mazu_ls.redact import StreamRedactor, redact

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
Kind = Literal["message", "thought"]
log = logging.getLogger(__name__)
KEEP_SECONDS = 0.25
"""How old at most what is kept may be, while the text is short."""
CHARACTERS_A_SECOND = 100_000
"""A long text is written less often, so that writing it costs no more than a short one."""


class PartialMessage:
    """The text so far. Other processes find it as long as the message is not finished; a power cut may take it."""

    def __init__(self, journal: Journal) -> None:
        self.text = ""
        self._journal = journal
        self._timer: asyncio.TimerHandle | None = None
        self._kept = False

    def add(self, text: str) -> None:
        """More of it came."""
        self.text += text
        if self._timer is None:
            delay = KEEP_SECONDS + len(self.text) / CHARACTERS_A_SECOND
            self._timer = asyncio.get_running_loop().call_later(delay, self._keep)

    def clear(self) -> None:
        """It is finished, or void."""
        self.text = ""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._kept:
            self._kept = False
            discard(self._journal.path)

    def _keep(self) -> None:
        self._timer = None
        place = _partial_path(self._journal.path)
        try:
            with os.fdopen(os.open(place, FLAGS, 0o600), "wb") as file:
                file.write(f"{self._journal.last}\n{redact(self.text)}".encode("utf-8", "replace"))
            self._kept = True
        except OSError as error:
            log.warning("the unfinished reply cannot be saved while it streams: %s", error)


class RedactedDeltas:
    """The message and the thought of one model call as they stream, without secrets: see `StreamRedactor`."""

    def __init__(self, record: Callable[[Delta], None]) -> None:
        self._record = record
        self._streams: dict[Kind, StreamRedactor] = {"thought": StreamRedactor(), "message": StreamRedactor()}

    def add(self, kind: Kind, text: str) -> None:
        """More of it came; what was held back of the other kind is told first."""
        for other, stream in self._streams.items():
            if other != kind:
                self._emit(other, stream.flush())
        self._emit(kind, self._streams[kind].feed(text))

    def flush(self) -> None:
        """The message has ended: the rest is told."""
        for kind, stream in self._streams.items():
            self._emit(kind, stream.flush())

    def discard(self) -> None:
        """What streamed is void."""
        for stream in self._streams.values():
            stream.flush()

    def _emit(self, kind: Kind, text: str) -> None:
        if text:
            self._record(Delta(kind, text))


def read_partial(journal: Journal) -> str:
    """What stood in a message that was never finished; empty where the journal knows the message or what came after."""
    try:
        seq, _, text = _partial_path(journal.path).read_text("utf-8", "replace").partition("\n")
    except OSError:
        return ""
    return text.strip() if seq == str(journal.last) else ""


def discard(journal: Path) -> None:
    """Keep nothing beside this journal any more."""
    with contextlib.suppress(OSError):
        _partial_path(journal).unlink(missing_ok=True)


def _partial_path(journal: Path) -> Path:
    return journal.with_suffix(".unfinished")
