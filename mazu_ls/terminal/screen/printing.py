"""Prints untrusted text: nothing of it can move the cursor, set the clipboard or hide what follows."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO, cast

from mazu_ls.terminal.screen.markup import PlainConsole
from mazu_ls.terminal.screen.styled_text import clean

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

_NOT_IN_JSON = re.compile(
    "[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def print_text(text: str, stream: TextIO | None = None) -> None:
    """Print the text and a line break; cleaned if the stream is a terminal, exact for a file or a program."""
    out = stream or sys.stdout
    print(clean(text) if out.isatty() else text, file=out)


def print_warning(sentence: str) -> None:
    """Print a warning on stderr."""
    print_text(f"mazu-ls: {sentence}", sys.stderr)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """The value as JSON on stdout."""
    print(json_text(value, indent=indent))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON; characters that a terminal could interpret are escaped, which programs read alike."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _NOT_IN_JSON.sub(lambda found: json.dumps(found[0])[1:-1], text)


def terminal_console() -> PlainConsole:
    """Return a console on stdout; with colours only on a terminal, where everything drawn is cleaned."""
    if not sys.stdout.isatty():
        return PlainConsole()
    return cast("PlainConsole", _console_type()(highlight=False, soft_wrap=True, emoji=False))


@cache
def _console_type() -> type[Console]:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class CleaningConsole(Console):
        """Cleans every character that is drawn in `render`; rich adds its own colours afterwards."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            segments = super().render(renderable, options)
            if not self.file.isatty():
                return segments
            return (Segment(clean(one.text), one.style) for one in segments)

    return CleaningConsole


def as_json(given: argparse.Namespace) -> bool:
    """Whether the output is for a program."""
    return bool(getattr(given, "json", False)) or bool(getattr(given, "stream_json", False))
