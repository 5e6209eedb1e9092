"""Which files of a project the MCP servers in the settings are started from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from mazu_ls.config.config import McpServer


def mcp_files(servers: Iterable[McpServer], roots: Sequence[Path]) -> frozenset[Path]:
    """Return the existing files inside these folders that an entry names as its command or among its arguments.

    A server runs outside of the sandbox and starts again by itself, so whoever writes such a file runs a program there. What
    the file loads in turn is not known.
    """
    words = [word for one in servers for word in (one.command or "", *one.args)]
    named = {part for word in words for part in (word, word.partition("=")[2]) if part}
    if not named:
        return frozenset()
    found: set[Path] = set()
    for root in roots:
        real = root.resolve()
        for part in named:
            with suppress(OSError, RuntimeError, ValueError):  # most words are no paths: tokens, code, JSON
                if (file := (root / part).resolve()).is_file() and file.is_relative_to(real):
                    found.add(file)
    return frozenset(found)
