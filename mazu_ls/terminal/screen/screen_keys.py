"""What each key does on a screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prompt_toolkit.filters import Condition, Filter
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    from mazu_ls.terminal.screen.screen_controls import ScreenControls


def bind_keys(screen: ScreenControls, keys: KeyBindings) -> None:
    """All keys. Where a question is open and takes keys, only it does."""
    _bind_answers(screen, keys)
    _bind_composer(screen, keys)
    _bind_control(screen, keys)


def _bind_answers(screen: ScreenControls, keys: KeyBindings) -> None:
    answering = Condition(screen.answering)

    def choose() -> None:
        assert screen.question is not None
        if screen.question.takes_note:
            screen.begin_note()
        else:
            screen.question.confirm()

    @keys.add(Keys.Any, filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question and screen.question.press(event.data):
            choose()
            return
        screen.last_key = (
            time.monotonic()
        )  # somebody is typing a message, so the keys that follow answer nothing
        if screen.composing:
            screen.buffer.insert_text(event.data)

    @keys.add("enter", filter=answering)
    def _(event: KeyPressEvent) -> None:
        choose()

    @keys.add("up", filter=answering)
    @keys.add("left", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question:
            screen.question.move(-1)

    @keys.add("down", filter=answering)
    @keys.add("right", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question:
            screen.question.move(1)

    @keys.add(" ", filter=answering)
    @keys.add("pagedown", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question:
            screen.question.page(1)

    @keys.add("pageup", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question:
            screen.question.page(-1)


def _bind_composer(screen: ScreenControls, keys: KeyBindings) -> None:
    free = Condition(lambda: not screen.answering())
    typing = free & Condition(lambda: screen.composing or bool(screen.question and screen.question.noting))
    buffer = screen.buffer

    def pressed() -> None:
        screen.last_key = time.monotonic()

    @keys.add(Keys.Any, filter=free)
    def _(event: KeyPressEvent) -> None:
        pressed()
        if typing():
            buffer.insert_text(event.data)

    @keys.add(Keys.BracketedPaste, filter=free)
    def _(event: KeyPressEvent) -> None:
        pressed()
        if typing():
            buffer.insert_text(event.data.replace("\r\n", "\n").replace("\r", "\n"))

    @keys.add("enter", filter=free)
    def _(event: KeyPressEvent) -> None:
        pressed()
        state = buffer.complete_state
        if state and state.current_completion:
            buffer.complete_state = None
        elif buffer.document.char_before_cursor == "\\":
            buffer.delete_before_cursor(1)
            buffer.insert_text("\n")
        elif typing():
            screen.submit()

    @keys.add("escape", "enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        buffer.insert_text("\n")

    @keys.add("s-tab")
    def _(event: KeyPressEvent) -> None:
        screen.on_cycle_mode()

    _bind_moves(screen, keys, typing)


def _bind_moves(screen: ScreenControls, keys: KeyBindings, typing: Filter) -> None:
    """Through completions, older messages, and those that wait."""
    buffer = screen.buffer

    @keys.add("tab", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.start_completion(select_first=True)

    @keys.add("up", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if buffer.complete_state:
            buffer.complete_previous()
        elif not buffer.text and screen.queued:
            buffer.text = screen.queued.pop()
            buffer.cursor_position = len(buffer.text)
        else:
            buffer.auto_up()

    @keys.add("down", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.auto_down()


def _bind_control(screen: ScreenControls, keys: KeyBindings) -> None:
    @keys.add("escape")
    def _(event: KeyPressEvent) -> None:
        screen.last_key = time.monotonic()
        if screen.buffer.complete_state:
            screen.buffer.cancel_completion()
        else:
            screen.stop(leave=False)

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        screen.stop(leave=True)

    @keys.add("c-d")
    def _(event: KeyPressEvent) -> None:
        if screen.buffer.text:
            screen.buffer.delete()
        elif screen.composing:
            screen.leave()

    @keys.add("c-o")
    def _(event: KeyPressEvent) -> None:
        screen.on_expand()
