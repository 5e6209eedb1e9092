"""Every result is bounded, says what was left out and how to get it, and never holds terminal or binary noise."""

from __future__ import annotations

import re

RESULT_CHARS = 30_000
LINE_CHARS = 2_000
NOISE_CHARS = 8  # so few characters that are none are a slip, not binary output
NOISE_SHARE = (
    0.25  # of random bytes two thirds are no characters; of text in another 8-bit encoding seldom a tenth
)
SCRAP_CHARS = 4
_BAD = "\ufffd"
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")


def line(text: str) -> str:
    """One line, cut where it is too long to be read."""
    if len(text) <= LINE_CHARS:
        return text
    return f"{text[:LINE_CHARS]} ... [{len(text) - LINE_CHARS} more characters in this line]"


def limit_head(text: str, pointer: str, limit: int = RESULT_CHARS) -> str:
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
    return _CONTROLS.sub(_BAD, text)


def output(data: bytes) -> str:
    """What a command wrote, as clean text; lines that are no text are counted in bytes instead of shown."""
    text = clean(data.decode("utf-8", "replace"))
    if text.count(_BAD) <= NOISE_CHARS:
        return text
    shown: list[str] = []
    noise = 0
    for raw in data.split(b"\n"):
        part = clean(raw.decode("utf-8", "replace"))
        bad = part.count(_BAD)
        scrap = noise and (bad or len(part) < SCRAP_CHARS)  # what happens to look like text behind noise
        if scrap or (bad >= SCRAP_CHARS and bad > NOISE_SHARE * len(part)):
            noise += len(raw) + 1
            continue
        shown += [_counted(noise)] if noise else []
        shown.append(part)
        noise = 0
    return "\n".join([*shown, *([_counted(noise)] if noise else [])])


def _counted(size: int) -> str:
    return f"[{size} bytes of binary output]"
