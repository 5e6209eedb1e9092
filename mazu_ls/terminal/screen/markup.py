"""Rich's console markup without rich, for output that is no terminal: a short command would spend a tenth on its
import."""

from __future__ import annotations

import re
import sys
from typing import Any, TextIO

_TAG = re.compile(r"(?<!\\)(\\*+)\[([a-z#/@][^\[\]]*+)\]")
"""What rich takes for a tag."""


def escape(text: str) -> str:
    """Escape the text so that rich reads no tag in it."""
    escaped = re.sub(
        r"(?<!\\)(\\*+)(\[[a-z#/@][^\[\]]*+\])", lambda found: f"{found[1] * 2}\\{found[2]}", text
    )
    return f"{escaped}\\" if escaped.endswith("\\") and not escaped.endswith("\\\\") else escaped


def strip_markup(text: str) -> str:
    """Return what rich would print without colours."""
    return _TAG.sub(_untagged, text)


def _untagged(found: re.Match[str]) -> str:
    slashes = found[1]
    escaped = len(slashes) % 2
    return "\\" * (len(slashes) // 2) + (f"[{found[2]}]" if escaped else "")


class PlainConsole:
    """Prints like rich's Console to a file: no colours, lines as long as they are."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file or sys.stdout

    def print(self, *parts: Any, markup: bool = True, end: str = "\n", **_: Any) -> None:
        """One line."""
        text = " ".join(str(part) for part in parts)
        self.file.write((strip_markup(text) if markup else text) + end)

    def print_json(self, text: str) -> None:
        """JSON, indented."""
        import json

        self.file.write(json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n")
