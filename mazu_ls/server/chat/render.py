"""Renders a session's events as the Markdown of its chat document. Pure functions over events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mazu_ls.journal import journal
from mazu_ls.messages import Usage, partly_known
from mazu_ls.server.chat import markdown, questions
from mazu_ls.server.chat.safe_markdown import SafeMarkdown, make_safe
from mazu_ls.server.features import virtual
from mazu_ls.tools.tool_titles import call_title
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import make_line, make_visible

NUMBERED = re.compile(r"^ *\d+\t", re.MULTILINE)
"""The lines of a file as the model reads them."""
SUMMARY = 200
TITLE = 400


@dataclass
class TurnMarkdown:
    """The text of a turn as it streams. `verbatim`: the reply is the output of a command of the user."""

    session_id: str
    verbatim: bool = False
    text: str = ""
    _in_list: bool = False
    _window: int | None = None
    _context: int = 0
    _tools: dict[str, str] = field(default_factory=dict)
    _message: SafeMarkdown = field(default_factory=SafeMarkdown)

    def add(self, event: journal.Event, *, streamed: bool) -> None:
        """Add one more event of the turn. `streamed`: the text arrives in deltas, not in finished messages."""
        match event.body:
            case journal.Delta("message", text) if streamed:
                self._add(self._message.feed(text))
            case journal.ModelSaid(message, _, usage):
                self._add(self._message.flush() if streamed else make_safe(message.text))
                self._context = usage.tokens or self._context
            case journal.TurnStarted(context_window=window):
                self._window = window
            case journal.MessageRestarted():
                self._message.flush()
            case journal.CallStarted(call_id, tool, _, arguments):
                self._tools[call_id] = tool
                between = "\n" if self._in_list else "\n\n"
                item = f"- {markdown.escape(make_line(call_title(tool, arguments), TITLE))}"
                self.text = self.text.rstrip("\n") + between + item
                self._in_list = True
            case journal.CallDecided() as decided if said := questions.verdict(decided):
                self.text += f" ({said})"
            case journal.CallEnded(call_id, ok, summary, text, _, diff):
                if ok and self._tools.get(call_id) == "read_file" and (lines := len(NUMBERED.findall(text))):
                    summary = _counted(lines, "line")
                link = virtual.link_of(self.session_id, call_id) if ok and diff else ""
                shown = f"{markdown.escape(make_visible(_line(summary)))}{f' ({link})' if link else ''}"
                self.text += f": {'' if ok else '**failed** '}{shown}\n\n"
            case journal.TurnEnded() as ended:
                self._end(ended)

    def _add(self, text: str) -> None:
        """Add a piece of a message; blank lines alone do not end a list of calls."""
        self.text += text
        self._in_list = self._in_list and not text.strip()

    def _paragraph(self, text: str) -> None:
        self.text = f"{self.text.rstrip(chr(10))}\n\n{text}"

    def _end(self, ended: journal.TurnEnded) -> None:
        self._add(self._message.flush())
        if self.verbatim and ended.reply:
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", ended.reply)), default=0))
            self._paragraph(f"{fence}\n{ended.reply.rstrip()}\n{fence}")
        if ended.stop_reason != "end_turn":
            why = ended.error.get("message", ended.detail) if ended.error else ended.detail
            self._paragraph(
                f"*{ended.stop_reason.replace('_', ' ')}{': ' + markdown.escape(make_visible(why)) if why else ''}*"
            )
        elif ended.detail:
            self._paragraph(f"*{markdown.escape(make_visible(ended.detail))}*")
        if footer := footer_of(ended, self._context, self._window):
            self._paragraph(f"*{footer}*")


def cost_of(usage: Usage, digits: int = 3) -> str:
    """Format the dollars of a usage, what is known of them, or that nothing is."""
    about = "about " if usage.estimated else ""
    if usage.cost_usd is not None:
        return f"{about}${usage.cost_usd:.{digits}f}"
    if not usage.known_cost_usd:
        return "cost unknown"
    return partly_known(f"{about}${usage.known_cost_usd:.{digits}f}", usage.unpriced_calls)


def footer_of(ended: journal.TurnEnded, context: int = 0, window: int | None = None) -> str:
    """Return a turn's changes, context use and cost in a line; "" if there are none. `context`: tokens of its last
    model call."""
    changes, usage = ended.changes, ended.usage
    parts: list[str] = []
    if changes.files:
        parts.append(f"{_counted(changes.files, 'file')} changed +{changes.added} -{changes.removed}")
        if ended.checkpoints:
            parts.append(_counted(len(ended.checkpoints), "checkpoint"))
    if changes.uncounted:
        parts.append("what its commands changed was not counted")
    if usage.model_calls:
        parts.append(cost_of(usage))
        tokens = usage.tokens
        parts.append(f"{tokens / 1000:.1f}k tokens" if tokens >= 1000 else _counted(tokens, "token"))
        if window and context:
            parts.append(f"{max(1, 100 * context // window)} % of the context")
    return " · ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass
class _Turn:
    id: str
    live: bool
    message: str = ""
    attached: tuple[journal.Attached, ...] = ()
    about: str = ""
    events: list[journal.Event] = field(default_factory=list)


def render_turns(session_id: str, events: Sequence[journal.Event], head: int) -> str:
    """Return the turns that lead to `head`, oldest first; undone ones as a line in their place."""
    standing = {event.seq for event in journal.branch_events(events, head)}
    parts: list[str] = []
    taken_back = 0
    for turn in _turns(events, standing):
        if not turn.live:
            taken_back += 1
            continue
        parts += _taken_back(taken_back)
        taken_back = 0
        parts.append(render_turn(session_id, turn))
    return "".join([*parts, *_taken_back(taken_back)])


def generated_lines(session_id: str, events: Sequence[journal.Event]) -> list[str]:
    """Return every line ever drawn of a session, undone turns included."""
    everything = {event.seq for event in events}
    turns = _turns(events, everything)
    lines = [line for turn in turns for line in split_lines(render_turn(session_id, turn), ends=False)]
    for event in events:
        if isinstance(event.body, journal.QuestionAsked):
            lines += questions.drawn_lines(event.body)
    return [*lines, *(_taken_back(count)[0].strip() for count in range(1, len(turns) + 1))]


def render_turn(session_id: str, turn: _Turn) -> str:
    """Return one turn: the user's message and the reply."""
    verbatim = turn.message.startswith("!")
    said = TurnMarkdown(session_id, verbatim)
    for event in turn.events:
        said.add(event, streamed=False)
    reply = markdown.quoted(said.text.strip("\n"))
    heading = markdown.reply_heading(turn.id, turn.about)
    return f"## You\n\n{markdown.quoted(_message(turn))}\n\n{heading}\n\n{reply}\n\n"


def about_turn(event: journal.Event, started: journal.TurnStarted) -> str:
    """Return the text of a reply's heading: time, model, number of memories."""
    parts = [f"{datetime.fromisoformat(event.at).astimezone():%d %b %H:%M}"]
    if started.model:
        parts.append(make_line(started.model.partition(":")[2] or started.model, TITLE))
    if started.mode:
        parts.append(f"mode {started.mode}")
    if started.injected:
        parts.append(f"{len(started.injected)} memor{'y' if len(started.injected) == 1 else 'ies'}")
    return markdown.escape(" · ".join(parts))


def _message(turn: _Turn) -> str:
    """Return the user's words, followed by attachments that they do not name."""
    named = [markdown.mention_of(one.path, one.first, one.last) for one in turn.attached if one.text is None]
    missing = [mention for mention in named if mention not in turn.message]
    texts = [f"*With {markdown.escape(one.path)}*" for one in turn.attached if one.text is not None]
    return "\n\n".join(part for part in (turn.message.strip(), " ".join(missing), *texts) if part)


def _turns(events: Iterable[journal.Event], standing: set[int]) -> list[_Turn]:
    turns: dict[str, _Turn] = {}
    for event in events:
        if event.turn is None:
            continue
        if isinstance(event.body, journal.TurnStarted):
            about = about_turn(event, event.body)
            turns[event.turn] = _Turn(event.turn, event.seq in standing, about=about)
        if (turn := turns.get(event.turn)) is None:
            continue
        if isinstance(event.body, journal.UserSaid) and event.body.shown and not turn.message:
            turn.message, turn.attached = event.body.shown, event.body.attached
        turn.events.append(event)
    return list(turns.values())


def _taken_back(count: int) -> list[str]:
    return [f"*{_counted(count, 'turn')} undone*\n\n"] if count else []


def _line(text: str) -> str:
    return " ".join(text.split())[:SUMMARY]
