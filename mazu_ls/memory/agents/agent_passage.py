"""One message of another agent's transcript, or one line of its notes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from mazu_ls.redact import redact

Role = Literal["user", "assistant", "tool", "note"]
AGENTS = ("claude-code", "codex", "cursor", "aider", "markdown")
MAX_TEXT = 8_000
MAX_TOOL_TEXT = 1_000
_SECONDS = 1e11
"""Up to here a number is seconds: the year 5138, and as milliseconds March 1973."""
_REACH = 1_000
"""Characters within which every secret ends or is recognised by its beginning, but for words that are longer."""
_LONGEST_WORD = 20_000
_BLANK = re.compile(r"\s")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class AgentPassage(Struct, frozen=True):
    """One passage. `line` is 1-based, 0 in a database; `at` is a time as in the file; `session` names the conversation."""

    role: Role
    text: str
    line: int = 0
    at: str = ""
    session: str = ""


def redact_and_cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text` without control characters, redacted before cutting: half a key would not be
    recognised.

    Of a long text only the beginning is searched for secrets, well beyond the limit: an output may have megabytes.
    """
    end = _end_of_word(text, limit + 2 * _REACH)
    while end < len(text):
        redacted = redact(without_controls(text[:end]).strip())
        if len(redacted) >= limit + _REACH:
            return redacted[:limit]
        end = _end_of_word(text, 2 * end)  # most of it was secrets or blanks
    return redact(without_controls(text).strip())[:limit]


def _end_of_word(text: str, at: int) -> int:
    """Return where the word at an offset ends, so that it is not cut: a web token may have thousands of characters."""
    blank = _BLANK.search(text, at, at + _LONGEST_WORD)
    return blank.start() if blank else min(at + _LONGEST_WORD, len(text))


def without_controls(text: str) -> str:
    """Return `text` with spaces for control characters other than tabs and line feeds, and for colours of a terminal."""
    return _CONTROL.sub(" ", text)


def printable(name: str) -> str:
    """Return the name of a file, or what else becomes part of one line, with escapes for bytes that are no UTF-8 and for line ends."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def time_of(value: Any) -> str:
    """Return a time as the file writes it: a text, or seconds or milliseconds since 1970 as ISO 8601; "" for anything else."""
    if isinstance(value, int | float) and 0 < value < 1e14:
        return datetime.fromtimestamp(value / 1000 if value > _SECONDS else value, UTC).isoformat()
    return value[:40] if isinstance(value, str) else ""
