"""One line for each tool call: a sign, a plain verb, its object, its outcome. And how a turn ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.exit_status import how_to_go_on
from mazu_ls.terminal.screen.styled_text import (
    Line,
    clean,
    clean_line,
    count_changes,
    fit,
    line,
    plural,
    wrapped,
)
from mazu_ls.terminal.wording import error_text

if TYPE_CHECKING:
    from mazu_ls.journal.journal import CallEnded, TurnEnded

SIGNS = {
    "running": ("cyan", "•"), "done": ("green", "✓"), "failed": ("red", "✗"), "waits": ("yellow", "?"),
    "not run": ("dim", "–"), "undone": ("dim", "⟲"),
}  # fmt: skip
WORDS = {
    "running": "Started:", "done": "Done:", "failed": "Failed:", "waits": "Waits for you:", "not run": "Not run:",
    "undone": "Undone:",
}  # fmt: skip
TO_THE_USER = {"the user refused": "you refused it", "stopped by the user": "stopped before it finished"}
"""What the model is told of the user, as the user reads it."""
_NUMBERED = re.compile(r"^\d+\t", re.MULTILINE)
"""A line of a file, as the model reads it."""
_EXIT = re.compile(r"^\[(exit code [^\[\]\n]*)\]$", re.MULTILINE)
"""How a command ended, behind its output."""
COMPACTED = "– Older messages of this conversation were replaced by a summary; their record stays, and memory_search finds them."
BROKEN_OFF = "interrupted: what it did so far stays"
"""What came of a call that had begun when the process in which it ran was killed."""
PROPOSED = "proposed, not applied"
LEFT = "what it left running was ended with it"
"""The summary of a command that succeeded and left processes."""
NOT_RUN = (
    "not allowed:",
    "the user refused",
    "the user did not answer",
    "There is no terminal",
    "not run",
    "no checkpoint could be taken",
)


def describe_call(tool: str, arguments: dict[str, Any]) -> str:
    """Describe a call, such as "Run pytest -q": the verb, and the first line of its object."""
    from mazu_ls.tools.tool_titles import call_title  # imports msgspec: commands that show no call do without

    return clean(call_title(tool, arguments))


def call_line(state: str, what: str, outcome: str = "", *, width: int, words: bool = False) -> Line:
    """Return a call as one line, of at most `width` columns if possible; `words` replaces the sign for screen readers."""
    style, sign = SIGNS[state]
    if words:
        return line(f"{WORDS[state]} {what}" + (f" ({outcome})" if outcome else ""))
    room = max(16, width - 3)
    outcome = fit(outcome, max(0, room - len(what) - 2)) if len(what) + 12 < room else ""
    shown = what if state == "waits" else fit(what, room)
    return line((style, sign), f" {shown}", ("dim", f"  {outcome}" if outcome else ""))


def outcome_state(ok: bool, summary: str) -> str:
    """Return the display state of an ended call; one that was refused was not run, and a proposal waits for the user."""
    said = summary.removeprefix("error: ")
    if said.startswith(PROPOSED):
        return "waits"
    return "done" if ok else "not run" if said.startswith(NOT_RUN) else "failed"


def call_outcome(tool: str, body: CallEnded, *, streamed: bool) -> str:
    """Return the outcome of a call in a few words; `streamed`: its output is shown, so that no line of it is said again."""
    if body.diff:
        added, removed = count_changes(body.diff)
        return f"+{added} -{removed}" + (" proposed" if body.summary.startswith(PROPOSED) else "")
    summary = clean_line(body.summary.removeprefix("error: "))
    if told := next((words for start, words in TO_THE_USER.items() if summary.startswith(start)), ""):
        return told
    if tool == "read_file" and body.ok and (lines := len(_NUMBERED.findall(body.text))):
        return plural(lines, "line")
    if streamed and body.ok:  # the summary is the beginning of what is shown
        return LEFT if summary == LEFT else ""
    if (
        tool == "run_shell"
        and (streamed or summary.startswith("[exit code"))
        and (ended := _EXIT.findall(body.text))
    ):
        return "" if body.ok else clean(ended[-1])
    return summary


def end_lines(ended: TurnEnded, *, in_chat: bool, width: int) -> list[Line]:
    """Return why a turn ended, and how to go on; nothing where it is done. `in_chat`: something can be typed there."""
    if ended.error:
        return [line(("red", clean(error_text(ended.error["message"], ended.error.get("hint", "")))))]
    if ended.stop_reason == "cancelled":
        return [line(("yellow", "Stopped."))]
    if ended.stop_reason == "end_turn" and not ended.detail:
        return []
    hint = how_to_go_on(ended.stop_reason, in_chat=in_chat)
    why = line(("yellow", clean(ended.detail or ended.stop_reason.replace("_", " "))))
    return [why, *(line(("dim", row)) for row in (wrapped(hint, width - 1) if hint else ()))]
