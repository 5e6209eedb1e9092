"""One message of another agent's transcript, or one line of its notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant", "tool", "note"]
AGENTS = ("claude-code", "codex", "cursor", "aider", "markdown")
MAX_TEXT = 8_000
MAX_TOOL_TEXT = 1_000


@dataclass(frozen=True)
class AgentPassage:
    """`line` counts from 1, 0 in a database; `at` is a time as the file names it; `session` names the conversation."""

    role: Role
    text: str
    line: int = 0
    at: str = ""
    session: str = ""
