"""Bounds every result, says what was left out and how to get it, and removes terminal and binary noise."""

from __future__ import annotations

import base64
import re

from msgspec.structs import replace

from mazu_ls.messages import BYTES_PER_TOKEN, Image
from mazu_ls.tools.base import ToolOutput
from mazu_ls.workspace.pictures import UnreadablePicture

RESULT_CHARS = 30_000
MAX_RESULT_CHARS = 100_000
LEAST_RESULT_CHARS = 2_000
WINDOW_SHARE = 4
"""The results of one message may use half of the model's window, each of them at most this share of it."""
LINE_CHARS = 2_000
NOISE_CHARS = 8  # so few undecodable characters are a slip, not binary output
NOISE_SHARE = (
    0.25  # of random bytes two thirds are undecodable; of text in another 8-bit encoding seldom a tenth
)
SCRAP_CHARS = 4
_BAD = "\ufffd"
# An unterminated string ends with its line, so that it swallows nothing else.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[PX^_](?:[^\x1b]*\x1b\\|[^\x1b\n]*)|[@-Z\\-_])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")


def line(text: str) -> str:
    """Return one line, cut if it is too long to be read."""
    if len(text) <= LINE_CHARS:
        return text
    return f"{text[:LINE_CHARS]} ... [{len(text) - LINE_CHARS} more characters in this line]"


def limit_head(text: str, pointer: str, limit: int = RESULT_CHARS) -> str:
    """Return the beginning, in whole lines; `pointer` says how to get the rest."""
    if len(text) <= limit:
        return text
    cut = text.rfind("\n", 0, limit) + 1 or limit
    return f"{text[:cut].rstrip()}\n[{len(text) - cut} more characters; {pointer}]"


def clean(text: str) -> str:
    """Return terminal output as text: without colours and controls, and without what a carriage return overwrote."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(part.rstrip("\r").rpartition("\r")[2] for part in text.split("\n"))
    return _CONTROLS.sub(_BAD, text)


def is_noisy(decoded: str, cleaned: str) -> bool:
    """Return whether a text contains binary output; escape sequences and carriage returns in it can hide much of it."""
    return max(decoded.count(_BAD), cleaned.count(_BAD)) > NOISE_CHARS


def output(data: bytes) -> str:
    """Return what a command wrote, as clean text; lines that are no text are counted in bytes instead of shown."""
    decoded = data.decode("utf-8", "replace")
    text = clean(decoded)
    if not is_noisy(decoded, text):
        return text
    shown: list[str] = []
    noise = 0
    doubtful: list[int] = []  # bytes of the last shown lines that are mostly noise, though too short to say
    for raw in data.split(b"\n"):
        decoded = raw.decode("utf-8", "replace")
        part = clean(decoded)
        mostly = _mostly_bad(decoded) or _mostly_bad(part)
        bad = max(decoded.count(_BAD), part.count(_BAD))
        scrap = noise and (bad or len(part) < SCRAP_CHARS)  # what happens to look like text after noise
        if scrap or (bad >= SCRAP_CHARS and mostly):
            del shown[len(shown) - len(doubtful) :]
            noise += sum(doubtful) + len(raw) + 1
            doubtful = []
            continue
        shown += [_counted(noise)] if noise else []
        shown.append(part)
        doubtful = [*doubtful, len(raw) + 1] if mostly else []
        noise = 0
    return "\n".join([*shown, *([_counted(noise - 1)] if noise else [])])  # nothing ends the last line


def _mostly_bad(text: str) -> bool:
    return text.count(_BAD) > NOISE_SHARE * len(text)


def _counted(size: int) -> str:
    return f"[{size} bytes of binary output]"


def with_fit_pictures(output: ToolOutput) -> ToolOutput:
    """Return pictures of servers and other tools in a form that models accept; an invalid one becomes a sentence.
    Blocks."""
    images: list[Image] = []
    text = output.text
    for image in output.images:
        try:
            images.append(Image.of_bytes(base64.b64decode(image.data)))
        except (UnreadablePicture, ValueError) as error:
            why = error if isinstance(error, UnreadablePicture) else "is not base64"
            text += f"\n[a picture of type {image.media_type[:40]} is not shown: it {why}]"
    return replace(output, text=text, images=tuple(images))


def result_room(context_window: int | None, calls: int) -> int:
    """Return the characters that each result of a message with so many calls may have, for a context window in tokens."""
    if context_window is None:
        return MAX_RESULT_CHARS
    window = int(context_window * BYTES_PER_TOKEN)
    share = min(window // WINDOW_SHARE, window // 2 // max(1, calls))
    return max(LEAST_RESULT_CHARS, min(MAX_RESULT_CHARS, share))


def cut_middle(text: str, room: int = MAX_RESULT_CHARS) -> str:
    """Return the beginning and the end of a text that is too long."""
    if len(text) <= room:
        return text
    half = room // 2
    cut = f"{len(text) - 2 * half} characters cut; ask for less at once to see them"
    return f"{text[:half]}\n... {cut} ...\n{text[-half:]}"
