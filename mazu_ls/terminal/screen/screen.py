"""The inline screen of a terminal: finished text scrolls away above, the live part is drawn at the bottom.

No alternate screen, so everything stays in the terminal's own scrollback.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.chat.open_question import ShownQuestion
from mazu_ls.terminal.chat.question_keys import Answer, Ask
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.transcript import TranscriptPrinter

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import Completer

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_SECONDS = 0.12
QUIET_SECONDS = 0.5
"""Seconds without a key after which a question takes keys: what was typed before it could be read is no answer."""
LEAVE_SECONDS = 2.0


class Screen:
    """Draws, reads keys, asks. `composer` False: only answers can be typed."""

    def __init__(
        self, *, composer: bool, history: Path | None = None, completer: Completer | None = None,
        colours: bool | None = None,
    ) -> None:  # fmt: skip
        self.colours = styled.has_colours(sys.stdout) if colours is None else colours
        self.composing = composer
        self.question: ShownQuestion | None = None
        self.queued: list[str] = []
        self.status: Callable[[], str] = lambda: ""
        self.live: Callable[[int], list[str]] = lambda height: []
        self.activity: Callable[[], str] | None = None
        """Returns the spinner's line; None while nothing runs."""
        self.on_submit: Callable[[str], None] = self._submit_later
        self.on_stop: Callable[[], bool] = self.give_back
        """Stops what runs; returns False if nothing does."""
        self.on_cycle_mode: Callable[[], None] = lambda: None
        self.on_expand: Callable[[], None] = lambda: None
        self.left = asyncio.Event()
        self.last_key = 0.0
        self._hint = ""
        self._asked_to_leave = 0.0
        self._stopping = False
        self.stopping = False
        """Whether a turn ran when the user left."""
        self._is_warned = False
        self.on_leave: Callable[[], str] = lambda: ""
        """Returns why leaving has to be confirmed; "" if it need not be."""
        self.parting: Callable[[], str] = lambda: ""
        """What is said when the user left while a turn ran."""
        self._stash = ""
        from mazu_ls.terminal.screen.screen_layout import make_application, make_buffer

        self.buffer: Buffer = make_buffer(self, history, completer)
        self.app: Any = make_application(self)
        self._transcript = TranscriptPrinter(self.app)

    # Drawing

    def emit(self, text: str) -> None:
        """Print finished ANSI text above the live part."""
        self._transcript.add(text)

    def say(self, *lines: styled.Line) -> None:
        """Print finished lines above the live part."""
        self.emit(styled.to_ansi(lines, colours=self.colours))

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        size = self.app.output.get_size()
        return size.rows, size.columns

    def refresh(self) -> None:
        """Redraw the live part soon."""
        self.app.invalidate()

    def spinner(self) -> str:
        """Return the line next to the spinner."""
        if self.activity is None:
            return self._hint
        sign = FRAMES[int(time.monotonic() / FRAME_SECONDS) % len(FRAMES)]
        stop = "stopping; ctrl-c leaves" if self._stopping else "esc to stop"
        room = self.size[1] - 3
        said = styled.join([self.activity(), stop])
        if len(said) > room:  # the total is printed at the end
            said = styled.join([self.activity().partition(" · ")[0], stop])
        return f"{sign} {styled.fit(said, room)}"

    def question_lines(self) -> list[styled.Line]:
        """The open question."""
        if self.question is None:
            return []
        rows, columns = self.size
        return self.question.lines(columns, max(3, rows - 9))

    # Asking

    async def ask(self, asked: Ask, timeout: float | None = None) -> Answer:
        """Show a question and wait for the answer; input typed before is no answer. No answer in time has no key."""
        question = ShownQuestion(asked)
        self.last_key = time.monotonic()  # reading it takes that long
        self.question = question
        _flush_input()
        self.refresh()
        try:
            return await asyncio.wait_for(question.answer, timeout)
        except TimeoutError:
            return Answer(None)
        finally:
            question.withdraw()
            self.question = None
            self._end_note()
            self.refresh()

    @property
    def writable(self) -> bool:
        """Return whether text can be typed: a message, or the words of an answer."""
        return self.composing or (
            self.question is not None and (self.question.noting or self.question.wants_word)
        )

    def write(self, text: str) -> None:
        """Replace the text being written, with the cursor at its end."""
        self.buffer.text = text
        self.buffer.cursor_position = len(text)

    def answering(self) -> bool:
        """Return whether the next key belongs to the question rather than to the message being written."""
        if self.question is None or self.question.noting or self.question.answer.done():
            return False
        quiet = time.monotonic() - self.last_key >= QUIET_SECONDS
        return quiet and not (
            self.writable and self.buffer.text.strip()
        )  # a blank that came too early shows nothing

    def choose(self, letter: str = "") -> None:
        """Answer with the selected option: at once, or with `letter` once no more text follows that key."""
        assert self.question is not None
        if self.question.takes_note:
            self.question.noting = True  # words for the agent are typed where messages are
            self._stash = self.buffer.text
            self.buffer.reset()
        elif letter:
            self.question.confirm_later(letter)
        else:
            self.question.confirm()

    def withdraw_letter(self) -> str:
        """Withdraw the letter that was about to become an answer and return it; "" if there is none."""
        return self.question.withdraw() if self.question else ""

    def _end_note(self) -> None:
        if self._stash:
            self.write(self._stash)
            self._stash = ""

    # Keys

    def submit(self) -> None:
        """Enter: submit the note of an answer, or a message."""
        text = self.buffer.text
        if self.question is not None and (self.question.noting or self.question.wants_word):
            self.buffer.reset()
            self.question.give_note(text)
            return
        if text.strip():
            self.buffer.reset(append_to_history=True)
            self.on_submit(text.strip())

    def _submit_later(self, text: str) -> None:
        """Keep a message until it can be sent; like any other queued message it can be taken out again."""
        self.queued.append(text)
        self.set_activity(lambda: "opening the project")

    def give_back(self, *, runs: bool = False) -> bool:
        """Put queued messages back into the input line; False if there is none. `runs`: another one is being sent."""
        if not self.queued:
            return False
        self.write("\n".join([*self.queued, self.buffer.text]).rstrip("\n"))
        self.queued.clear()
        if not runs:
            self.set_activity(None)
        return True

    def stop(self, *, leave: bool) -> None:
        """Esc, or ctrl-c with `leave`: stop what runs; if it is stopping already, or twice when idle, end the program."""
        self.withdraw_letter()
        if self.question is not None and self.question.noting:
            self.question.noting = False
            self.buffer.reset()
            self._end_note()
            return
        if self.activity is not None:
            if self._stopping and leave:
                self.leave()
            elif self.on_stop():
                self._stopping = True
            return
        if self.question is not None:
            self.question.give_up()
            return
        if not leave:
            return
        now = time.monotonic()
        if self.buffer.text:
            self.buffer.reset(append_to_history=True)  # Up brings it back
        elif now - self._asked_to_leave < LEAVE_SECONDS:
            self.leave()
            return
        self._asked_to_leave = now
        self._hint = "ctrl-c again leaves"
        asyncio.get_running_loop().call_later(LEAVE_SECONDS, self._end_hint)

    def _end_hint(self) -> None:
        self._hint = ""
        self.refresh()

    def leave(self) -> None:
        """End the program in good order; the first time only say so if that would stop what somebody else began."""
        if not self._is_warned and (warning := self.on_leave()):
            self._is_warned = True
            self.say(styled.line(("yellow", warning)))
            return
        self.stopping = self.activity is not None
        self.left.set()

    def set_activity(self, activity: Callable[[], str] | None) -> None:
        """Something runs from now on, or nothing does."""
        self.activity = activity
        self._stopping = self._is_warned = False
        self.refresh()

    # Running

    async def run(self, work: Callable[[], Any]) -> Any:
        """Keep the screen up while `work()` runs, and return its result; leaving cancels it."""
        drawing = asyncio.create_task(self.app.run_async(handle_sigint=False))
        printing = asyncio.create_task(self._transcript.run())
        ticking = asyncio.create_task(self._tick())
        working = asyncio.ensure_future(work())
        leaving = asyncio.create_task(self.left.wait())
        try:
            await asyncio.wait({working, leaving, drawing}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                working.cancel()
            return await working
        finally:
            leaving.cancel()
            ticking.cancel()
            self._transcript.close()
            await printing
            self.set_activity(None)
            if self.app.is_running:
                self.app.exit()
            with contextlib.suppress(asyncio.CancelledError, EOFError, KeyboardInterrupt):
                await drawing

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(FRAME_SECONDS)
            if self.activity is not None:
                self.refresh()


def _flush_input() -> None:
    """Drop unread input of the terminal."""
    import termios

    with contextlib.suppress(termios.error, ValueError, OSError):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
