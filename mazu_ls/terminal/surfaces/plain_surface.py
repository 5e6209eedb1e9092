"""A terminal as plain lines: for pipes, screen readers and limited terminals."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from mazu_ls.journal import journal
from mazu_ls.terminal.chat.question_keys import Answer, Ask, plain_lines, read_answer
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.call_lines import (
    BROKEN_OFF,
    COMPACTED,
    call_line,
    call_outcome,
    describe_call,
    outcome_state,
)
from mazu_ls.terminal.screen.styled_text import clean, line
from mazu_ls.terminal.surfaces.standard_lines import asking, prompt_again, read_line
from mazu_ls.terminal.surfaces.surface import Level

OUTPUT_LINES = 200
DIFF_LINES = 60


class PlainSurface:
    """Progress goes to stderr. The answer streams to stdout if that is a terminal; otherwise it is printed once at the
    end."""

    def __init__(self, *, quiet: bool = False, words: bool = False) -> None:
        """`quiet`: only warnings and questions. `words`: signs are written as words."""
        self.interactive = sys.stdin.isatty() and sys.stderr.isatty()
        self.streamed = False
        self._quiet = quiet
        self._words = words
        self._in_text = False
        self._calls: dict[str, tuple[str, str]] = {}
        """The tool of each open call, and what it does."""
        self._output: dict[str, int] = {}

    def show_event(self, session_id: str, event: journal.Event) -> None:
        """Show one event."""
        if self._quiet:
            return
        match event.body:
            case journal.Delta("message", text) if sys.stdout.isatty():
                sys.stdout.write(clean(text))
                sys.stdout.flush()
                self._in_text = self.streamed = True
            case journal.ModelSaid():
                self._end_text()
            case journal.MessageRestarted():
                self._line("The answer was cut; it starts again.")
            case journal.Retrying(attempt, wait, reason):
                self._line(f"{clean(reason)} Trying again in {max(1, round(wait))} s (attempt {attempt}).")
            case journal.CallStarted(call_id, tool, _, arguments):
                self._calls[call_id] = tool, describe_call(tool, arguments)
            case journal.CallDecided(call_id, "allow") if call_id in self._calls:
                tool, what = self._calls[call_id]
                if tool == "run_shell":
                    self._call("running", what, "")
            case journal.CallOutput(call_id, text):
                self._show_output(call_id, text)
            case journal.CallEnded():
                self._show_end(event.body)
            case journal.TurnEnded():
                for call_id in tuple(self._calls):  # the process in which they ran was killed
                    self._show_end(journal.CallEnded(call_id, False, BROKEN_OFF, ""))
                self._end_text()
                prompt_again()
            case journal.Compacted():
                self._line(COMPACTED)
            case journal.TurnStarted():
                self.streamed = False

    def say(self, level: Level, text: str) -> None:
        """Print one line on stderr; information is left out if the output is for a program."""
        if not (self._quiet and level == "info"):
            self._line(f"mazu-ls: {clean(text)}")

    async def ask(self, asked: Ask, timeout: float | None) -> Answer:
        """Print the question and read a line, again if it is no answer; the end of the input means none at all."""
        if not self.interactive:
            return Answer(None)
        with asking():
            return await self._asked(asked, timeout)

    async def _asked(self, asked: Ask, timeout: float | None) -> Answer:
        self._end_text()
        _flush_input()
        print("\n" + "\n".join(clean(row) for row in plain_lines(asked)), file=sys.stderr)
        keys = "/".join(option.key for option in asked.options)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    sys.stderr.write(f"[{keys}] ")
                    sys.stderr.flush()
                    typed = await read_line()
                    answer = read_answer(typed, asked.options)
                    if answer.key or not typed:
                        return answer
                    print(f"That is no answer: type one of {keys}.", file=sys.stderr)
        except TimeoutError:
            return Answer(None)

    def _show_output(self, call_id: str, text: str) -> None:
        shown = self._output.get(call_id, 0)
        if shown >= OUTPUT_LINES:
            return
        self._output[call_id] = shown + text.count("\n")
        self._end_text()
        rest = " (more is not shown)\n" if self._output[call_id] >= OUTPUT_LINES else ""
        sys.stderr.write(clean(text) + rest)
        sys.stderr.flush()

    def _show_end(self, body: journal.CallEnded) -> None:
        tool, what = self._calls.pop(body.call_id, ("", ""))
        said = call_outcome(tool, body, streamed=body.call_id in self._output)
        self._call(outcome_state(body.ok, body.summary), what, said)
        if body.diff:
            styled.write(styled.diff_lines(body.diff, DIFF_LINES), sys.stderr)

    def _call(self, state: str, what: str, said: str) -> None:
        self._end_text()
        width = 10_000 if self._words else 120
        styled.write([call_line(state, what, said, width=width, words=self._words)], sys.stderr)

    def _line(self, text: str) -> None:
        self._end_text()
        styled.write([line(text)], sys.stderr)

    def _end_text(self) -> None:
        if self._in_text:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._in_text = False


def _flush_input() -> None:
    """Drop what was typed before the question could be read."""
    import termios

    with contextlib.suppress(termios.error, ValueError, OSError):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
