"""`AI!` comments: a request to the agent written where it belongs, in any language's comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

MARK = "AI!"
# A comment that starts or ends with the mark, whatever opens and closes it.
COMMENT = re.compile(
    r"(?:#+|//+|--+|;+|%+|/\*+|<!--|\{-|\(\*|^[ \t]*(?:[\"']|REM ))[ \t]*"
    r"(?:AI![ \t:]*(?P<after>[^\r\n]*?)|(?P<before>[^\r\n]*?)[ \t]+AI!)[ \t]*(?:\*/|-->|-\}|\*\))?[ \t]*(?=\r|\n|$)",
    re.MULTILINE,
)


def comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and instruction of each `AI!` comment; the lines without the mark are not even looked at."""
    found = text.find(MARK)
    while found >= 0:
        start = max(text.rfind("\n", 0, found), text.rfind("\r", 0, found)) + 1
        line = re.compile(r"[^\r\n]*").match(text, start)
        end = line.end() if line else len(text)
        match = COMMENT.search(text, start, end)
        instruction = (match["after"] or match["before"] or "").strip() if match else ""
        if match and instruction:
            yield match.start(), match.end(), instruction
        found = text.find(MARK, max(end, found + 1))


def instruction_at(text: str) -> str | None:
    """What the first `AI!` comment in `text` asks for."""
    return next((instruction for _, _, instruction in comments(text)), None)
