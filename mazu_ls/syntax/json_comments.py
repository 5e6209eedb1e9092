"""Comments and trailing commas in JSON, as configuration files and models write them."""

from __future__ import annotations

import re

_STRING = r'"(?:[^"\\\n]|\\[^\n])*+\\?+(?:"|(?=\n)|\Z)'
_COMMENTS = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMAS = re.compile(_STRING + r"|,(?=\s*[\]}])", re.DOTALL)
"""Strings stand in both, so that nothing is looked for inside of them. In two passes, since together they backtrack without
end; a string that is never closed goes to the end of its line and a comment to that of the text, so that each is read once."""
_VISIBLE = re.compile(r"[^\n]")


def blank_comments(text: str) -> str:
    """Return the text with blanks for comments and trailing commas: each character keeps its line and column."""
    return _blanked(_COMMAS, _blanked(_COMMENTS, text))


def _blanked(extra: re.Pattern[str], text: str) -> str:
    return extra.sub(lambda match: match[0] if match[0][0] == '"' else _VISIBLE.sub(" ", match[0]), text)
