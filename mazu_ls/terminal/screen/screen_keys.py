"""The key bindings of a screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prompt_toolkit.filters import Condition, Filter, is_searching
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    from mazu_ls.terminal.screen.screen_controls import ScreenControls


def bind_keys(screen: ScreenControls, keys: KeyBindings) -> None:
    """Bind all keys. While a question is open and takes keys, only the question does."""
    _bind_answers(screen, keys)
    _bind_composer(screen, keys)
    _bind_control(screen, keys)


def _bind_answers(screen: ScreenControls, keys: KeyBindings) -> None:
    answering = Condition(screen.answering)

    def is_text(event: KeyPressEvent) -> bool:
        """Return whether the key is the beginning or the next letter of a message rather than an answer."""
        begun = screen.withdraw_letter()
        if not (begun or _has_text_behind(event)):
            return False
        screen.last_key = time.monotonic()  # the keys that follow are no answers either
        if screen.writable:
            screen.buffer.insert_text(begun + event.data)
        return True

    @keys.add(Keys.Any, filter=answering)
    def _(event: KeyPressEvent) -> None:
        if is_text(event):
            return
        if screen.question and screen.question.press(event.data):
            screen.choose(event.data)
            return
        screen.last_key = time.monotonic()
        if screen.writable:
            screen.buffer.insert_text(event.data)

    @keys.add("enter", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if _has_text_behind(event):
            screen.last_key = time.monotonic()
        else:
            screen.choose()

    @keys.add("up", filter=answering)
    @keys.add("left", filter=answering)
    def _(event: KeyPressEvent) -> None:
        screen.withdraw_letter()
        if screen.question:
            screen.question.move(-1)

    @keys.add("down", filter=answering)
    @keys.add("right", filter=answering)
    def _(event: KeyPressEvent) -> None:
        screen.withdraw_letter()
        if screen.question:
            screen.question.move(1)

    @keys.add(" ", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if not is_text(event) and screen.question:
            screen.question.page(1)

    @keys.add("pagedown", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question:
            screen.question.page(1)

    @keys.add("pageup", filter=answering)
    def _(event: KeyPressEvent) -> None:
        if screen.question:
            screen.question.page(-1)


def _has_text_behind(event: KeyPressEvent) -> bool:
    """Return whether more text came in the same read: a paste without brackets, or a line that lags behind the typing."""
    return any(
        len(press.key) == 1 or press.key in (Keys.ControlM, Keys.ControlJ, Keys.BracketedPaste)
        for press in event.key_processor.input_queue
    )


def _bind_composer(screen: ScreenControls, keys: KeyBindings) -> None:
    free = Condition(lambda: not screen.answering()) & ~is_searching
    writable = Condition(lambda: screen.writable)
    typing = free & writable
    buffer = screen.buffer

    def pressed() -> None:
        screen.last_key = time.monotonic()

    @keys.add(Keys.Any, filter=free)
    def _(event: KeyPressEvent) -> None:
        pressed()
        if typing():
            buffer.insert_text(event.data)

    @keys.add(Keys.BracketedPaste)  # never an answer, not even a pasted "y"
    def _(event: KeyPressEvent) -> None:
        pressed()
        begun = screen.withdraw_letter()
        if writable():
            buffer.insert_text(begun + event.data.replace("\r\n", "\n").replace("\r", "\n"))

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

    @keys.add(
        "s-tab", filter=Condition(lambda: screen.question is None)
    )  # it would change while the question is about it
    def _(event: KeyPressEvent) -> None:
        screen.on_cycle_mode()

    _bind_moves(screen, keys, typing)


def shows_completions(buffer: Buffer) -> bool:
    """Return whether there is a list of completions: prompt_toolkit has an empty state while it looks for some."""
    return buffer.complete_state is not None and bool(buffer.complete_state.completions)


def _bind_moves(screen: ScreenControls, keys: KeyBindings, typing: Filter) -> None:
    """Bind keys that move through completions, older messages, and queued ones."""
    buffer = screen.buffer

    @keys.add("tab", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if shows_completions(buffer):
            buffer.complete_next()
        else:
            buffer.start_completion(select_first=True)

    @keys.add("up", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if shows_completions(buffer):
            buffer.complete_previous()
        elif not buffer.text and screen.queued:
            screen.write(screen.queued.pop())
        else:
            buffer.auto_up()

    @keys.add("down", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if shows_completions(buffer):
            buffer.complete_next()
        else:
            buffer.auto_down()


def _bind_control(screen: ScreenControls, keys: KeyBindings) -> None:
    @keys.add("escape", filter=~is_searching)
    def _(event: KeyPressEvent) -> None:
        screen.last_key = time.monotonic()
        if shows_completions(screen.buffer):
            screen.buffer.cancel_completion()
        else:
            screen.stop(leave=False)

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    @keys.add("c-x", "c-e", filter=Condition(lambda: screen.writable))
    def _(event: KeyPressEvent) -> None:
        screen.buffer.open_in_editor()

    @keys.add("c-c", filter=~is_searching)
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        screen.stop(leave=True)

    @keys.add("c-d")
    def _(event: KeyPressEvent) -> None:
        if screen.buffer.text:
            screen.buffer.delete()  # as in a shell
        elif screen.composing:
            screen.leave()
        elif screen.question is not None:  # the end of the input is no answer
            screen.stop(leave=False)

    @keys.add("c-o")
    def _(event: KeyPressEvent) -> None:
        screen.on_expand()
