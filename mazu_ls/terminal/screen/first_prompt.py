"""The prompt line of a conversation while the drawing code is imported; what is typed meanwhile is kept.

Standard library only: this is shown before anything else of the terminal is loaded.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

PROMPT = "> "
_ERASE = "\r\x1b[J"


class FirstPrompt:
    """Shown at once. Keys are neither echoed nor changed until `give_way`, and wait in the terminal for the next
    reader."""

    def __init__(self) -> None:
        import termios

        self._before = termios.tcgetattr(sys.stdin.fileno())
        waiting = [*self._before]
        waiting[0] &= ~termios.ICRNL  # Enter must arrive as on the following screen
        waiting[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, waiting)
        self._shown = True
        atexit.register(self.give_way)
        sys.stdout.write(PROMPT)
        sys.stdout.flush()

    def give_way(self) -> None:
        """Restore the terminal, with the cursor where the prompt began; does nothing the second time."""
        if not self._shown:
            return
        self._shown = False
        atexit.unregister(self.give_way)
        import termios

        with suppress(OSError, ValueError, termios.error):  # the terminal may be gone
            sys.stdout.write(_ERASE)
            sys.stdout.flush()
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, self._before)


def show_first_prompt(given: argparse.Namespace) -> FirstPrompt | None:
    """Show the prompt, if the command line begins a conversation on the inline screen; otherwise return None."""
    if (
        sys.platform == "win32"
        or given.verb != "chat"
        or given.message
        or _is_asked_first(given)
        or not draws_conversation(given)
    ):
        return None
    from mazu_ls.terminal.project_root import resolve_project

    return FirstPrompt() if resolve_project(given).folders else None


def draws_conversation(given: argparse.Namespace) -> bool:
    """Return whether a conversation uses the inline screen."""
    of_program = getattr(given, "json", False) or getattr(given, "stream_json", False)
    return not of_program and takes_screen(plain=bool(getattr(given, "plain", False)))


def _is_asked_first(given: argparse.Namespace) -> bool:
    """Return whether the command line leads to a question before anything can be typed."""
    return getattr(given, "mode", None) == "bypass" or getattr(given, "resume", None) is True


def takes_screen(*, plain: bool, env: Mapping[str, str] = os.environ) -> bool:
    """Return whether the inline screen can be drawn: a terminal on both ends that is not dumb, without `--plain`."""
    if plain or env.get("TERM", "dumb") == "dumb" or env.get("MAZU_PLAIN"):
        return False
    return sys.stdin.isatty() and sys.stdout.isatty()
