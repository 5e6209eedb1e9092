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
    """One passage. `line` is 1-based, 0 in a database; `at` is a time as in the file; `session` names the conversation."""

    role: Role
    text: str
    line: int = 0
    at: str = ""
    session: str = ""


def redact_and_cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, redacted before cutting: half a key would not be recognised."""
    return redact(text.strip())[:limit]
