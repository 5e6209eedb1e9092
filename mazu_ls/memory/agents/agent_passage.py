"""One message of another agent's transcript, or one line of its notes."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from mazu_ls.redact import redact

Role = Literal["user", "assistant", "tool", "note"]
AGENTS = ("claude-code", "codex", "cursor", "aider", "markdown")
MAX_TEXT = 8_000
MAX_TOOL_TEXT = 1_000


class AgentPassage(Struct, frozen=True):
    """`line` counts from 1, 0 in a database; `at` is a time as the file names it; `session` names the conversation."""

    role: Role
    text: str
    line: int = 0
    at: str = ""
    session: str = ""


def redact_and_cut(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, secrets out first: half a key would not be recognised as one."""
    return redact(text.strip())[:limit]
