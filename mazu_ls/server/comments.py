"""`AI!` comments: a request to the agent written where it belongs, in any language's comment."""

from __future__ import annotations

import re

# A comment that starts or ends with "AI!", whatever opens and closes it.
COMMENT = re.compile(
    r"(?P<open>#+|//+|--+|;+|%+|\"|/\*+|<!--|\{-|\(\*|'|REM )[ \t]*"
    r"(?:AI![ \t:]*(?P<after>[^\r\n]*?)|(?P<before>[^\r\n]*?)[ \t]+AI!)[ \t]*(?:\*/|-->|-\}|\*\))?[ \t]*(?=\r|\n|$)",
    re.MULTILINE,
)


def instruction_at(text: str) -> str | None:
    """What the first `AI!` comment in `text` asks for."""
    match = COMMENT.search(text)
    return ((match["after"] or match["before"] or "").strip() or None) if match else None
