"""Elisions: lines such as "... rest of the code unchanged ..." that a model writes in place of text it wants to keep.

Written to a file they delete what stood there. A line counts as an elision if it is a comment, or a line that is nothing
but dots and words, whose words say that something existing goes on here. Lines that the file already had are no elision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_MARK = r"(?://+|#+|--+|;+|%+|/\*+|\*|<!--|\{/\*|\(\*|'|\"\"\"|rem\b)?"
_DOTS = r"(?:\.{3,}|…|\[\s*(?:\.{3}|…)\s*\])"
_KEPT = (
    r"(?:(?:the\s+)?(?:rest|remainder)\s+(?:of\b.*|(?:is|stays|remains)\b.*|unchanged|omitted|as\s+before|here)?"
    r"|(?:all\s+)?(?:the\s+)?(?:other|existing|previous|original|remaining)\s+"
    r"(?:code|lines?|content|functions?|methods?|imports?|implementation|text|logic|fields?|entries|tests?|styles?|rules?|items?|props)\b.*"
    r"|(?:code|content|everything|implementation|file|imports?|methods?|functions?|body|logic)\s+(?:\w+\s+){0,3}"
    r"(?:unchanged|omitted|stays?\s+the\s+same|remains?\s+the\s+same|as\s+before)\b.*"
    r"|(?:unchanged|same\s+as\s+(?:before|above|original)|as\s+before|keep\s+(?:the\s+)?(?:existing|rest)\b.*|omitted\s+for\s+brevity|snip(?:ped)?)\b.*)"
)
_END = r"\s*(?:\*+/|-->|\*/\}|\*\)|\"\"\")?\s*$"
_WITH_DOTS = re.compile(
    rf"^\s*{_MARK}\s*\(?\[?\s*{_DOTS}\s*[(\[]?\s*{_KEPT}\s*\]?\)?\s*{_DOTS}?\s*\]?\)?{_END}", re.IGNORECASE
)
_COMMENT = re.compile(
    rf"^\s*(?://+|#+|--+|;+|%+|/\*+|<!--|\{{/\*|\(\*)\s*\(?\[?\s*{_KEPT}\s*{_DOTS}?\s*\]?\)?{_END}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?;:,]\s+\w|[({=]\s*\w")
"""A longer comment that happens to begin with such words says something, and is kept."""


def find_elision(new: str, kept: Iterable[str]) -> str | None:
    """The first line of `new` that stands for text left out and is none of the lines `kept`; None where there is none."""
    known = {line.strip() for line in kept}
    for line in new.split("\n"):
        stripped = line.strip()
        if stripped in known or len(stripped) > 120:
            continue
        if _WITH_DOTS.match(line) or (_COMMENT.match(line) and not _SENTENCE.search(stripped)):
            return stripped
    return None
