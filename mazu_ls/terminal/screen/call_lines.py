"""One line for each tool call: a sign, a plain verb, its object, its outcome."""

from __future__ import annotations

from typing import Any

from mazu_ls.terminal.screen.styled_text import Line, clean, fit, line

SIGNS = {
    "running": ("cyan", "•"), "done": ("green", "✓"), "failed": ("red", "✗"), "waits": ("yellow", "?"),
    "not run": ("dim", "–"), "undone": ("dim", "⟲"),
}  # fmt: skip
WORDS = {
    "running": "Started:", "done": "Done:", "failed": "Failed:", "waits": "Waits for you:", "not run": "Not run:",
    "undone": "Undone:",
}  # fmt: skip
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
    """Return the display state of an ended call; one that was refused was not run."""
    said = summary.removeprefix("error: ")
    return "done" if ok else "not run" if said.startswith(NOT_RUN) else "failed"
