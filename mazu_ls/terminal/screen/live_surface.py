"""A turn on the inline screen."""

from __future__ import annotations

import time

from mazu_ls.journal import journal
from mazu_ls.terminal.chat.question_keys import Answer, Ask
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.screen import Screen
from mazu_ls.terminal.screen.styled_text import clean, line
from mazu_ls.terminal.screen.turn_view import TurnScreen
from mazu_ls.terminal.surfaces.surface import Level

INDENT = "  "


class LiveSurface:
    """Draws the events of the current session on a Screen."""

    interactive = True
    shows_ends = True
    """The end of a turn is drawn with the turn."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.session_id: str | None = None
        self.context_window: int | None = None
        self.view: TurnScreen | None = None
        screen.live = self._live
        screen.on_expand = self._expand

    def new_view(self) -> TurnScreen:
        """Return a view of the next turn; its events are drawn from now on."""
        self.view = TurnScreen(
            self.screen.emit,
            colours=self.screen.colours,
            width=lambda: max(20, self.screen.size[1]),
            in_chat=self.screen.composing,
        )
        self.view.context_window = self.context_window
        return self.view

    def share(self, before: str) -> str:
        """Return the share of the model's window that is used now, as "12 %"; `before` where nothing was sent since."""
        return before if self.view is None or self.view.context_tokens is None else self.view.share()

    def show_event(self, session_id: str, event: journal.Event) -> None:
        """Draw one event of the current session."""
        if self.session_id not in (None, session_id):
            return
        if isinstance(event.body, journal.TurnStarted):
            self.screen.set_activity(self.new_view().activity)
        if self.view is not None:
            self.view.draw_event(event)
            self.screen.refresh()
        if isinstance(event.body, journal.TurnEnded):
            self.screen.set_activity(None)

    def say(self, level: Level, text: str) -> None:
        """Print one sentence above the live part."""
        style = {"info": "", "warning": "yellow", "error": "red"}[level]
        width = max(20, self.screen.size[1]) - 1
        rows = [styled.folded(line((style, row)), width) for row in clean(text).split("\n")]
        self.screen.say(*(row for folded in rows for row in folded))

    async def ask(self, asked: Ask, timeout: float | None) -> Answer:
        """Ask on the screen; the answer stays in the transcript."""
        calls = [*self.view.calls.values()] if self.view else []
        for call in calls:
            call.waits = True
        began = time.monotonic()
        try:
            answer = await self.screen.ask(asked, timeout)
        finally:
            for call in calls:
                call.waits = False
                call.began += time.monotonic() - began  # the user's thinking time is not the call's
        chosen = next((option.label for option in asked.options if option.key == answer.key), "No answer")
        said = clean(f"{chosen}: {answer.note}" if answer.note else chosen)
        room = max(10, self.screen.size[1] - len(said) - 6)
        self.screen.say(line(("dim", f"? {styled.fit(clean(asked.title), room)} · {said}")))
        return answer

    def _live(self, height: int) -> list[str]:
        return self.view.live(height) if self.view is not None and self.screen.activity else []

    def _expand(self) -> None:
        """Ctrl-O: show more of what runs, or all of what was folded last."""
        if self.view is None:
            return
        if self.view.calls:
            self.view.expanded = not self.view.expanded
            self.screen.refresh()
            return
        name, lines = self.view.folded
        if lines:
            rows = [line(("bold", f"{name}:"))]
            self.screen.say(*rows, *(styled.line(("dim", INDENT + text)) for text in lines))
