"""What a terminal shows and asks on: the interface between commands and the ways a terminal can look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from mazu_ls.terminal.chat.question_keys import Answer, Ask

if TYPE_CHECKING:
    from mazu_ls.journal.journal import Event

Level = Literal["info", "warning", "error"]


class Surface(Protocol):
    """Implementations: PlainSurface (lines), LiveSurface (the inline screen), JsonSurface (for programs)."""

    @property
    def interactive(self) -> bool:
        """Whether somebody is there who can answer."""
        ...

    def show_event(self, session_id: str, event: Event) -> None:
        """Show one event of a session."""
        ...

    def say(self, level: Level, text: str) -> None:
        """Show one sentence."""
        ...

    async def ask(self, asked: Ask, timeout: float | None) -> Answer:
        """Ask, dropping what was typed before the question was shown; no answer in time has no key."""
        ...
