"""Interface of the inline screen for its layout and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

    from mazu_ls.terminal.chat.open_question import ShownQuestion
    from mazu_ls.terminal.screen.styled_text import Line


class ScreenControls(Protocol):
    """The parts of a screen that are drawn, and the actions of its keys. `Screen` implements it."""

    buffer: Buffer
    """The message being written."""
    colours: bool
    composing: bool
    """Whether messages can be typed, not only answers."""
    question: ShownQuestion | None
    queued: list[str]
    last_key: float
    """When a key was pressed last, on the monotonic clock."""
    status: Callable[[], str]
    live: Callable[[int], list[str]]
    """Returns the live part's rows, for a height in rows."""
    on_cycle_mode: Callable[[], None]
    on_expand: Callable[[], None]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    def spinner(self) -> str:
        """The line that says what runs."""
        ...

    def question_lines(self) -> list[Line]:
        """The open question; empty if there is none."""
        ...

    @property
    def writable(self) -> bool:
        """Whether text can be typed: a message, or the words of an answer."""
        ...

    def write(self, text: str) -> None:
        """Replace the text being written, with the cursor at its end."""
        ...

    def answering(self) -> bool:
        """Whether the next key belongs to the question."""
        ...

    def choose(self, letter: str = "") -> None:
        """Answer with the selected option: at once, or with `letter` once no more text follows that key."""
        ...

    def withdraw_letter(self) -> str:
        """Withdraw the letter that was about to become an answer and return it; "" if there is none."""
        ...

    def submit(self) -> None:
        """Send the message, or the words of an answer."""
        ...

    def stop(self, *, leave: bool) -> None:
        """Stop what runs; with `leave` a second call ends the program."""
        ...

    def leave(self) -> None:
        """End the program."""
        ...
