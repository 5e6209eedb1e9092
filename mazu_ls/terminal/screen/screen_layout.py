"""The prompt_toolkit application of a screen: windows and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.widgets import SearchToolbar

from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.reflow import ReflowApplication
from mazu_ls.terminal.screen.screen_keys import bind_keys

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from mazu_ls.terminal.screen.screen_controls import ScreenControls

MENU_ROWS = 6
REDRAW_SECONDS = 0.03
"""Seconds between two drawings: a model sends more pieces than anybody can see."""
ESCAPE_SECONDS = 0.25
"""Seconds that Esc waits for a key that would make it Alt with that key."""


def make_buffer(screen: ScreenControls, history: Path | None, completer: Completer | None) -> Buffer:
    """Return the buffer of the message being written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    return Buffer(
        multiline=True,
        history=FileHistory(str(history)) if history else InMemoryHistory(),
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
