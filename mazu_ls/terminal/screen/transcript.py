"""Finished text above the live part of a screen: printed in order, in the terminal's own scrollback."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


class TranscriptPrinter:
    """Prints what is added, around what `app` draws."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._pending: list[str] = []
        self._wake = asyncio.Event()
        self._closing = False

    def add(self, text: str) -> None:
        """Print ANSI text soon."""
        self._pending.append(text)
        self._wake.set()

    def close(self) -> None:
        """Let `run` end once all is printed."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Print until closed. Never cancelled: prompt_toolkit chains one print to the next, and a print that was
        cancelled while it waits for the cursor's position leaves the chain, and the end of the program with it, waiting
        forever."""
        while not (self._closing and not self._pending):
            await self._wake.wait()
            await self._print_pending()

    async def _print_pending(self) -> None:
        from prompt_toolkit.application import run_in_terminal

        self._wake.clear()
        text, self._pending = "".join(self._pending), []
        if not text:
            return

        def write() -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        if self._app.is_running:
            await run_in_terminal(write)
        else:
            write()
