"""Lines that are typed on standard input, which the prompt of a conversation and the questions of turns share."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator

PROMPT = "> "


async def read_line() -> str:
    """Return the next line of standard input; empty at its end. A cancelled caller leaves nothing behind.

    The last of several callers has the next line.
    """
    return await _LINES.read(len(_LINES.readers))


async def read_message() -> str:
    """Prompt for the next line that answers no question; empty at the end of the input.

    A turn in another process may ask while the prompt waits: then the prompt comes again behind the answer.
    """
    _LINES.prompts = True
    try:
        _LINES.write_prompt()
        return await _LINES.read(0)
    finally:
        _LINES.prompts = False


def prompt_again() -> None:
    """Write the prompt behind what was printed while it waited; nothing if no message is read now."""
    _LINES.write_prompt()


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """A question is shown: the prompt waits until it is answered."""
    _LINES.questions += 1
    try:
        yield
    finally:
        _LINES.questions -= 1
        _LINES.write_prompt()


class _Lines:
    def __init__(self) -> None:
        self.readers: list[asyncio.Future[str]] = []
        self.questions = 0
        self.prompts = False

    async def read(self, place: int) -> str:
        loop = asyncio.get_running_loop()
        typed: asyncio.Future[str] = loop.create_future()
        number = sys.stdin.fileno()
        if not self.readers:
            loop.add_reader(number, self._deliver)
        self.readers.insert(place, typed)
        try:
            return await typed
        finally:
            self.readers.remove(typed)
            if not self.readers:
                loop.remove_reader(number)

    def _deliver(self) -> None:
        """Give the line to the last caller that has none."""
        text = sys.stdin.readline()  # a terminal delivers whole lines
        for typed in reversed(self.readers):
            if not typed.done():
                typed.set_result(text)
                return

    def write_prompt(self) -> None:
        if self.prompts and not self.questions:
            sys.stderr.write(PROMPT)
            sys.stderr.flush()


_LINES = _Lines()
