"""Finished text above the live part of a screen: printed in order, in the terminal's own scrollback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.workspace.visible_text import plural

if TYPE_CHECKING:
    from mazu_ls.journal import journal
    from mazu_ls.terminal.screen.turn_view import TurnScreen

SAID_LINES = 20
"""Maximum lines of a message that are drawn; pasted text is the user's own, and long."""


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


def replay(events: list[journal.Event], view: Callable[[], TurnScreen], said: Callable[[str], None]) -> None:
    """Draw a conversation from its events; `said` gets what the user typed, a fresh view each turn."""
    from mazu_ls.journal import journal

    current: TurnScreen | None = None
    for event in events:
        if isinstance(event.body, journal.TurnStarted):
            current = view()
        elif isinstance(event.body, journal.UserSaid) and event.body.shown:
            said(event.body.shown)
        elif isinstance(event.body, journal.ModelSaid) and current:
            if text := event.body.message.text:
                current.draw_event(
                    journal.Event(
                        event.seq, event.parent, event.at, event.turn, journal.Delta("message", text)
                    )
                )
            current.draw_event(event)
        elif current:
            current.draw_event(event)


def user_line(text: str, *, colours: bool) -> str:
    """Return the user's message as it appears in the transcript."""
    first, *rest = styled.clean(text).split("\n")
    if len(rest) >= SAID_LINES:
        rest = [*rest[: SAID_LINES - 2], f"… {plural(len(rest) - SAID_LINES + 2, 'more line')}"]
    lines = [
        styled.line(("bold cyan", "> "), ("bold", first)),
        *(styled.line("  ", ("bold", one)) for one in rest),
    ]
    return styled.to_ansi(lines, colours=colours)
