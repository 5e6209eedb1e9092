"""Comments and trailing commas in JSON, as configuration files and models write them."""

from __future__ import annotations

import re

_COMMENTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_COMMAS = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[\]}])', re.DOTALL)
"""Strings stand in both, so that nothing is looked for inside of them. In two passes, since together they backtrack without
end; a comment that is never closed goes to the end, so that it is read once."""
_VISIBLE = re.compile(r"[^\n]")


def blank_comments(text: str) -> str:
    """The text with blanks for comments and trailing commas: each character stays in its line and column."""
    return _blanked(_COMMAS, _blanked(_COMMENTS, text))


def _blanked(extra: re.Pattern[str], text: str) -> str:
    return extra.sub(lambda match: match[0] if match[0][0] == '"' else _VISIBLE.sub(" ", match[0]), text)
