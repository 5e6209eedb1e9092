"""Renders what past conversations hold of a query in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mazu_ls.terminal.screen.markup import escape
from mazu_ls.terminal.screen.styled_text import fit

if TYPE_CHECKING:
    from mazu_ls.terminal.screen.markup import PlainConsole as Console

Result = dict[str, Any]
_EXCERPT = 400
SPEAKERS = {"user": "you", "assistant": "agent", "tool": "tool call", "note": "note"}


def draw_past_words(out: Console, said: Iterable[Result]) -> None:
    """Each passage with its day, its conversation and who said it; below words of the user's what was answered."""
    for one in said:
        where = one.get("agent") or one.get("session") or f"{one['sessionId']} {one['name']}".strip()
        who = SPEAKERS[one["role"]]
        text = fit(" ".join(one["text"].split()), _EXCERPT)
        out.print(f"  [dim]{one['at'][:10]} {escape(where)}, {who}:[/] {escape(text)}")
        if answer := one.get("answer"):
            out.print(f"    [dim]agent:[/] {escape(fit(' '.join(answer.split()), _EXCERPT))}")


def draw_session_matches(out: Console, value: Result) -> None:
    """Turns of past conversations, then messages of imported ones."""
    draw_past_words(out, [*value["matches"], *value["imported"]])
    if not value["matches"] and not value["imported"]:
        out.print("nothing found")
