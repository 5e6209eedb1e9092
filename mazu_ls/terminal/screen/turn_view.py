"""Renders a turn in a terminal: events of the journal in, finished lines and a live part out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mazu_ls.journal import journal
from mazu_ls.terminal.screen import styled_text as styled
from mazu_ls.terminal.screen.call_lines import (
    BROKEN_OFF,
    COMPACTED,
    call_line,
    call_outcome,
    describe_call,
    end_lines,
    outcome_state,
)
from mazu_ls.terminal.screen.markdown_stream import MarkdownStream, render_markdown
from mazu_ls.terminal.screen.styled_text import Line, clean, clean_prose, line
from mazu_ls.workspace.visible_text import plural

DIFF_LINES = 24
OUTPUT_LINES = 8
KEPT_LINES = 5000
CUT = "[more output is not shown here]"
"""The last line of an output of which only the beginning is sent."""


@dataclass
class CallView:
    """A tool call in progress or just ended."""

    tool: str
    what: str
    began: float
    output: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    waits: bool = False

    def add(self, text: str) -> None:
        """Add output as it streams, which may end in mid-line."""
        first, *rest = clean(text).split("\n")
        if self.output:
            self.output[-1] += first
        else:
            self.output.append(first)
        self.output.extend(rest)

    @property
    def cut(self) -> bool:
        """Whether there was more output than is kept, or was sent."""
        return len(self.output) == KEPT_LINES or any(CUT in text for text in self.last(1))

    def last(self, count: int) -> list[str]:
        """Return the last lines of the output."""
        lines = list(self.output)
        while lines and not lines[-1]:
            lines.pop()
        return lines[-count:] if count else []


class TurnScreen:
    """One turn of one session. `emit` gets finished text, as ANSI text that ends with a line break."""

    def __init__(
        self, emit: Callable[[str], None], *, colours: bool, width: Callable[[], int], in_chat: bool = True
    ) -> None:
        """`in_chat`: there is a conversation around it, in which /undo and continue can be typed."""
        self._emit = emit
        self._colours = colours
        self._width = width
        self._in_chat = in_chat
        self._markdown = MarkdownStream()
        self._drawn: tuple[tuple[int, int, int], list[str]] = (0, 0, 0), []
        self._thought = ""
        self._thought_began = 0.0
        self._began = time.monotonic()
        self._checkpoints = 0
        self._retry = ""
        self.calls: dict[str, CallView] = {}
        self.tokens = 0
        self.context_tokens: int | None = None
        self.context_window: int | None = None
        self.folded: tuple[str, list[str]] = ("", [])
        """What was folded last: its name and all its lines."""
        self.expanded = False
        self.ended = False

    def draw_event(self, event: journal.Event) -> None:
        """Draw one event of the session."""
        match event.body:
            case journal.Delta("message", text):
                self._end_thought()
                self._retry = ""
                self._print_markdown(self._markdown.feed(text))
            case journal.Delta("thought", text):
                self._thought_began = self._thought_began or time.monotonic()
                self._thought += text
            case journal.MessageRestarted():
                self._markdown.finish()
                self._lines(line(("yellow", "The answer was cut; it starts again.")))
            case journal.Retrying(attempt, wait, reason):
                self._retry = f"{clean(reason)} Trying again in {max(1, round(wait))} s (attempt {attempt})."
                self._lines(line(("yellow", self._retry)))
            case journal.ModelSaid(_, _, usage):
                self._end_text()
                self.tokens += usage.tokens
                self.context_tokens = usage.tokens or self.context_tokens
            case journal.CallStarted(call_id, tool, _, arguments):
                self._end_text()
                self.calls[call_id] = CallView(tool, describe_call(tool, arguments), time.monotonic())
            case journal.CallOutput(call_id, text) if call := self.calls.get(call_id):
                call.add(text)
            case journal.CallEnded():
                self._ended(event.body)
            case journal.Compacted():
                self.context_tokens = 0  # known again with the next call
                self._lines(*(line(("dim", row)) for row in styled.wrapped(COMPACTED, self._width() - 1)))
            case journal.CheckpointTaken():
                self._checkpoints += 1
            case journal.TurnEnded():
                self.ended = True
                self._end_text()
                for call_id, call in tuple(self.calls.items()):  # the process in which they ran was killed
                    self._ended(
                        journal.CallEnded(call_id, False, "not run" if call.waits else BROKEN_OFF, "")
                    )
                self._lines(*self._footer(event.body))

    def live(self, height: int) -> list[str]:
        """Return ANSI lines of what is in progress: the unfinished text, running calls with their last output."""
        width = self._width()
        drawn = self._unfinished(height, width)
        shown = height if self.expanded else OUTPUT_LINES
        for call in self.calls.values():
            if call.waits:
                continue  # the question says it
            took = styled.seconds(time.monotonic() - call.began)
            rows = [call_line("running", call.what, took, width=width)]
            rows += [line(("dim", f"  │ {styled.fit(text, width - 5)}")) for text in call.last(shown)]
            drawn += self._ansi(*rows).rstrip("\n").split("\n")
        return drawn[-height:] if height > 0 else []

    def _unfinished(self, height: int, width: int) -> list[str]:
        """Return the end of the streaming text; rendered once for each piece, however often it is drawn."""
        key = (self._markdown.received, height, width)
        if self._drawn[0] != key:
            text = self._markdown.excerpt(height, width) if height > 0 else ""
            rows = (
                render_markdown(clean_prose(text), width, colours=self._colours).split("\n")
                if text.strip()
                else []
            )
            self._drawn = key, rows
        return list(self._drawn[1])

    def activity(self) -> str:
        """Return the text next to the spinner: what is going on, for how long, and its cost so far."""
        doing = "thinking" if self._thought else "working"
        if any(call.waits for call in self.calls.values()):
            doing = "waits for you"
        doing += f" {styled.seconds(time.monotonic() - self._began)}"
        return styled.join([doing, styled.tokens(self.tokens) if self.tokens else ""])

    def _ended(self, body: journal.CallEnded) -> None:
        call = self.calls.pop(body.call_id, None)
        if call is None:
            return
        state = outcome_state(body.ok, body.summary)
        took = time.monotonic() - call.began
        said = call_outcome(call.tool, body, streamed=bool(call.output))
        rows: list[Line] = []
        if body.diff:
            rows, whole = styled.diff_lines(body.diff, DIFF_LINES), styled.diff_lines(body.diff)
            self._fold(f"The change of {call.what}", [text for _, text in _plain(whole)])
        elif output := call.last(KEPT_LINES):
            self._fold(call.what, output)
            count = OUTPUT_LINES if state == "done" else 2 * OUTPUT_LINES
            rows = [line(("dim", f"  │ {text}")) for text in output[-count:]]
            if len(output) > count:
                more = f"  │ … {plural(len(output) - count, 'line')} before these (ctrl-o shows {'them' if call.cut else 'all'})"
                rows.insert(0, line(("dim", more)))
        if took >= 1 and not body.diff:
            said = styled.join([said, styled.seconds(took)])
        if state != "done":
            style, room = "red" if state == "failed" else "dim", self._width() - 3
            rows = [*(line((style, f"  {row}")) for row in styled.wrapped(said, room) if row), *rows]
            said = ""
        self._lines(call_line(state, call.what, said, width=self._width()), *rows)

    def _fold(self, name: str, lines: list[str]) -> None:
        self.folded = (name, lines)

    def _end_thought(self) -> None:
        if not self._thought:
            return
        took = time.monotonic() - self._thought_began
        self._fold("The thought", clean_prose(self._thought).strip().split("\n"))
        self._lines(line(("dim", f"▸ Thought for {styled.seconds(took)} (ctrl-o shows it)")))
        self._thought, self._thought_began = "", 0.0

    def _end_text(self) -> None:
        self._end_thought()
        self._print_markdown(self._markdown.finish())

    def _print_markdown(self, text: str) -> None:
        if text.strip():
            self._emit(render_markdown(clean_prose(text), self._width(), colours=self._colours) + "\n")

    def _footer(self, ended: journal.TurnEnded) -> list[Line]:
        rows = end_lines(ended, in_chat=self._in_chat, width=self._width())
        done, used = ended.changes, ended.usage
        facts = styled.join([
            f"{styled.plural(done.files, 'file')} changed +{done.added} -{done.removed}" if done.files else "",
            styled.UNCOUNTED if done.uncounted else "",
            ("/undo" if self._in_chat else "mazu-ls undo") if done.files or done.uncounted else "",
            styled.plural(self._checkpoints, "checkpoint") if self._checkpoints else "",
            styled.money(used.cost_usd, used.estimated, used.known_cost_usd, used.unpriced_calls) if used.model_calls else "",
            styled.tokens(used.tokens) + (f" ({self.share()} of the window)" if self.share() else "") if used.tokens else "",
        ])  # fmt: skip
        if facts:
            rows += [line(("dim", row)) for row in styled.wrapped(facts, self._width() - 1)]
        return rows

    def share(self) -> str:
        """Return the share of the model's window that the last call used, as "12 %"; empty where it is not known."""
        part = 100 * (self.context_tokens or 0) // self.context_window if self.context_window else 0
        return f"{part} %" if part else ""

    def _lines(self, *lines: Line) -> None:
        if lines:
            self._emit(self._ansi(*lines))

    def _ansi(self, *lines: Line) -> str:
        return styled.to_ansi(lines, colours=self._colours)


def _plain(lines: list[Line]) -> list[tuple[str, str]]:
    return [("", "".join(text for _, text in one)) for one in lines]
