"""Output for programs: `--json` is one object at the end, `--stream-json` one object a line as things happen."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import msgspec

from mazu_ls.journal import journal
from mazu_ls.server.client.event_updates import updates_from_event
from mazu_ls.terminal.screen.printing import json_text
from mazu_ls.terminal.screen.styled_text import clean
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface
from mazu_ls.terminal.surfaces.surface import Level


class JsonStreamSurface(PlainSurface):
    """Each line of stdout is `{"type": "update" | "notice" | "result" | "error", ...}` (docs/terminal.md)."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self._ended = False

    def show_event(self, session_id: str, event: journal.Event) -> None:
        """Print the update that editors get of this event; none after the result."""
        if self._ended:
            return
        for update in updates_from_event(event.body):
            print_line({"type": "update", "sessionId": session_id, "turnId": event.turn, "update": update})

    def say(self, level: Level, text: str) -> None:
        """Print a sentence, here and on stderr; after the result, as of the extraction of memories, on stderr alone."""
        if self._ended:
            self._line(f"mazu-ls: {clean(text)}")
            return
        print_line({"type": "notice", "level": level, "text": text})
        super().say(level, text)

    def print_result(self, result: dict[str, Any]) -> None:
        """Print the last line of a turn. Raises BrokenPipeError where nobody reads any more."""
        print_line({"type": "result", "result": result})
        self._ended = True
        if _reader_left.is_set():
            raise BrokenPipeError


_reader_left = threading.Event()


def print_line(value: dict[str, Any]) -> None:
    """One object as one line of stdout; where its reader has left, what runs is stopped as by Ctrl-C, once."""
    plain = msgspec.to_builtins(value, str_keys=True)
    try:
        sys.stdout.write(json_text(plain) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _reader_left.set()
        signal.raise_signal(signal.SIGINT)
