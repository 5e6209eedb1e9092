"""Ids and names of sessions and turns: ids that sort by time, headlines for lists."""

from __future__ import annotations

import re
import secrets
import time

from mazu_ls.redact import redact
from mazu_ls.workspace.text import split_lines
from mazu_ls.workspace.visible_text import shorten

HEADLINE = 60
MENTIONS = re.compile(r"^(?:@\S+(?:\s+|$))+")


def new_id(prefix: str) -> str:
    """Return a short id that sorts by time: prefix, milliseconds in base 16, four random digits."""
    return f"{prefix}_{time.time_ns() // 1_000_000:011x}{secrets.token_hex(2)}"


def headline(text: str) -> str:
    """Return the first line of a text without secrets, short enough for a list, skipping leading mentions of files."""
    lines = [line.strip("# ").strip() for line in split_lines(redact(text), ends=False) if line.strip()]
    said = (MENTIONS.sub("", line) for line in lines)
    line = next((line for line in said if line), lines[0] if lines else "untitled")
    return shorten(line, HEADLINE)
