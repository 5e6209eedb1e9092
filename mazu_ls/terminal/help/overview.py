"""What `mazu-ls --help` prints. Building the parser of all commands takes three times as long."""

from __future__ import annotations

import os
import sys

from mazu_ls.terminal.help.summaries import ABOUT, COMMANDS, EPILOG, OPTIONS

WIDEST = 100
"""Columns of a text that is read easily."""
NARROWEST = 24
SEEN = 12
"""Columns of the names; the explanation of a longer one begins in the next line."""


def columns() -> int:
    """Return the columns to use: of COLUMNS, else of the terminal, else 80."""
    try:
        wide = int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        try:
            wide = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
        except (OSError, ValueError):
            wide = 80
    return max(NARROWEST, min(wide - 2, WIDEST))


def overview(width: int) -> str:
    """Return usage, the commands with what each is for, and the options, in lines of at most `width` columns."""
    lines = ["usage: mazu-ls COMMAND ..." if width > 50 else "usage: mazu-ls COMMAND", ""]
    lines += [*_wrapped(ABOUT, width, ""), "", "commands:", *_table(COMMANDS, width)]
    lines += ["", "options:", *_table(OPTIONS, width), "", *_wrapped(EPILOG, width, "")]
    return "\n".join(lines) + "\n"


def _table(rows: tuple[tuple[str, str], ...], width: int) -> list[str]:
    lines: list[str] = []
    indent = " " * (SEEN + 2)
    for name, help in rows:
        first, *rest = _wrapped(help, width, indent)
        lines += (
            [f"  {name:<{SEEN}}{first[len(indent) :]}", *rest]
            if len(name) < SEEN
            else [f"  {name}", first, *rest]
        )
    return lines


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    lines, line = list[str](), ""
    for word in text.split():
        if line and len(indent) + len(line) + 1 + len(word) > width:
            lines.append(indent + line)
            line = word
        else:
            line = f"{line} {word}".lstrip()
    return [*lines, indent + line]
