"""Every result is bounded, says what was left out and how to get it, and never holds terminal or binary noise."""

from __future__ import annotations

import re

RESULT_CHARS = 30_000
LINE_CHARS = 2_000
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")


def line(text: str) -> str:
    """One line, cut where it is too long to be read."""
    if len(text) <= LINE_CHARS:
        return text
    return f"{text[:LINE_CHARS]} ... [{len(text) - LINE_CHARS} more characters in this line]"


def head(text: str, pointer: str, limit: int = RESULT_CHARS) -> str:
    """The beginning, in whole lines; `pointer` says how to get the rest."""
    if len(text) <= limit:
        return text
    cut = text.rfind("\n", 0, limit) + 1 or limit
    return f"{text[:cut].rstrip()}\n[{len(text) - cut} more characters; {pointer}]"


def clean(text: str) -> str:
    """Terminal output as text: colours and controls gone, a carriage return leaves what it overwrote away."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(part.rstrip("\r").rpartition("\r")[2] for part in text.split("\n"))
    return _CONTROLS.sub("\ufffd", text)
