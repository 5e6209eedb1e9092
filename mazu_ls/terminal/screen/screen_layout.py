"""The prompt_toolkit application of a screen: windows and keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point, Size
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.screen import Screen as Frame
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.widgets import SearchToolbar

from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.screen_keys import bind_keys

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from mazu_ls.terminal.screen.screen_controls import ScreenControls

MENU_ROWS = 6
REDRAW_SECONDS = 0.03
"""Seconds between two drawings: a model sends more pieces than anybody can see."""
ESCAPE_SECONDS = 0.25
"""Seconds that Esc waits for a key that would make it Alt with that key."""
SETTLE_SECONDS = 0.15
"""Seconds without another size after which a frame is drawn again."""


def make_buffer(screen: ScreenControls, history: Path | None, completer: Completer | None) -> Buffer:
    """Return the buffer of the message being written."""
    from prompt_toolkit.history import InMemoryHistory

    from mazu_ls.terminal.surfaces.message_history import MessageHistory

    return Buffer(
        multiline=True,
        history=MessageHistory(history) if history else InMemoryHistory(),
        completer=completer,
        tempfile_suffix=".md",
        complete_while_typing=Condition(lambda: bool(completer) and not screen.question),
    )


def make_application(screen: ScreenControls) -> Application[None]:
    """Return the application: live part, question, composer, menu, status line, from top to bottom."""
    search = SearchToolbar()
    composer = Window(
        BufferControl(
            screen.buffer,
            include_default_input_processors=False,
            search_buffer_control=search.control,
            preview_search=True,
        ),
        height=Dimension(min=1, max=10),
        wrap_lines=True,
        dont_extend_height=True,
        get_line_prefix=lambda number, wrap: _prefix(screen, number, wrap),
    )
    takes_text = Condition(lambda: screen.writable)
    rows: list[Any] = [
        _text(lambda: _live(screen)),
        _text(lambda: styled.to_ansi(screen.question_lines(), colours=screen.colours).rstrip("\n")),
        _text(screen.spinner),
        _text(lambda: "\n".join(f"queued: {styled.fit(text, screen.size[1] - 9)}" for text in screen.queued)),
        ConditionalContainer(composer, takes_text),
        search,
        _text(lambda: _menu(screen)),
        _text(lambda: styled.fit(screen.status(), screen.size[1] - 1), "class:status"),
    ]
    keys = KeyBindings()
    bind_keys(screen, keys)
    app = ReflowApplication(
        layout=Layout(HSplit(rows), focused_element=composer if screen.composing else None),
        key_bindings=keys,
        full_screen=False,
        erase_when_done=True,
        color_depth=None if screen.colours else ColorDepth.DEPTH_1_BIT,
        include_default_pygments_style=False,
        min_redraw_interval=REDRAW_SECONDS,
    )
    app.timeoutlen = ESCAPE_SECONDS
    app.ttimeoutlen = 0.05
    return app


def _text(drawn: Callable[[], str], style: str = "") -> ConditionalContainer:
    """Return a window as high as its text, hidden without text."""
    window = Window(
        FormattedTextControl(lambda: ANSI(drawn())), wrap_lines=True, dont_extend_height=True, style=style
    )
    return ConditionalContainer(window, Condition(lambda: bool(drawn())))


def _live(screen: ScreenControls) -> str:
    rows = screen.size[0]
    taken = 6 + len(screen.question_lines()) + len(screen.queued)
    return "\n".join(screen.live(max(1, rows - taken)))


def _prefix(screen: ScreenControls, number: int, wrap: int) -> Any:
    noting = bool(screen.question and screen.question.noting)
    if number or wrap:
        return "  "
    if noting and screen.question and (word := screen.question.word):
        return [("bold", f"type {word}, then enter: ")]
    return [("bold", "why not? (enter without words just denies) ")] if noting else [("bold", "> ")]


def _menu(screen: ScreenControls) -> str:
    state = screen.buffer.complete_state
    if not state or not state.completions:
        return ""
    at = state.complete_index or 0
    first = max(0, min(at - MENU_ROWS // 2, len(state.completions) - MENU_ROWS))
    rows: list[styled.Line] = []
    for number, one in enumerate(state.completions[first : first + MENU_ROWS], first):
        chosen = number == state.complete_index
        text = styled.fit(f"  {one.display_text:<16} {one.display_meta_text}".rstrip(), screen.size[1] - 1)
        rows.append(styled.line(("invert" if chosen else "dim", text)))
    return styled.to_ansi(rows, colours=screen.colours).rstrip("\n")


class ReflowApplication(Application[None]):
    """An inline application whose old frame is erased whole when the terminal became narrower.

    Most terminals wrap lines again that no longer fit (reflow). prompt_toolkit goes up as many rows as it drew; after a
    reflow those rows are more, and the upper ones would stay.

    While a window is dragged nothing is drawn: where the frame is can be said of the last width alone.
    """

    def __init__(self, *, env: Mapping[str, str] = os.environ, **options: Any) -> None:
        super().__init__(**options)
        self._wraps_again = wraps_again(env)
        self._settling: asyncio.TimerHandle | None = None
        erase = self.renderer.erase

        def erase_all(leave_alternate_screen: bool = True) -> None:
            self._follow_reflow()
            erase(leave_alternate_screen)

        self.renderer.erase = erase_all

    def _on_resize(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._draw_resized)

    def _draw_resized(self) -> None:
        self._settling = None
        if self.is_running:
            super()._on_resize()

    def _redraw(self, render_as_done: bool = False) -> None:
        drawn = self.renderer._last_size
        if not render_as_done:
            if self._settling is not None:
                return
            if (
                drawn is not None and drawn.columns != self.output.get_size().columns
            ):  # before the signal came
                self._on_resize()
                return
        super()._redraw(render_as_done)

    def _follow_reflow(self) -> None:
        """Set the cursor's row to the one it has now; everything that erases goes up from there."""
        renderer, size = self.renderer, self.output.get_size()
        frame = renderer.last_rendered_screen
        drawn: Size | None = renderer._last_size
        if not self._wraps_again or frame is None or drawn is None or size.columns >= drawn.columns:
            return
        at: Point = renderer._cursor_pos
        styled = renderer._style_string_has_style or {}
        lengths = used_columns(frame, at.y + 1, lambda style: bool(styled[style]))
        row = row_after_reflow(lengths, at, size.columns)
        renderer._cursor_pos = Point(x=at.x, y=row)
        renderer._last_size = (
            size  # once for each size; a frame of another width is redrawn whole in any case
        )
        renderer._last_screen = None


def wraps_again(env: Mapping[str, str]) -> bool:
    """Return whether the terminal wraps its lines again when it becomes narrower. xterm, the Linux console and GNU screen
    cut them instead."""
    if "TMUX" in env:
        return True
    return "XTERM_VERSION" not in env and not env.get("TERM", "").startswith(("linux", "screen"))


def row_after_reflow(lengths: Sequence[int], cursor: Point, columns: int) -> int:
    """Return the row of the cursor below the first row of a frame whose rows have these lengths, in a terminal of so many
    columns."""
    above = sum(max(1, -(-length // columns)) for length in lengths[: cursor.y])
    return above + cursor.x // columns


def used_columns(frame: Frame, rows: int, is_drawn: Callable[[str], bool]) -> list[int]:
    """Return the length of each of the first rows as it was written: without spaces at its end whose style is not drawn."""
    return [
        max(
            (x + 1 for x, cell in frame.data_buffer[y].items() if cell.char != " " or is_drawn(cell.style)),
            default=0,
        )
        for y in range(rows)
    ]
