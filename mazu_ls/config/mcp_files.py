"""Which files of a project the MCP servers in the settings are started from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mazu_ls.config.config import McpServer


def mcp_files(servers: Iterable[McpServer], roots: Sequence[Path]) -> frozenset[Path]:
    """Return the existing files inside these folders that an entry names as its command or among its arguments.

    A server runs outside of the sandbox and starts again by itself, so whoever writes such a file runs a program there. What
    the file loads in turn is not known.
    """
    words = [word for one in servers for word in (one.command or "", *one.args)]
    named = {part for word in words for part in (word, word.partition("=")[2]) if part}
    found = {
        (root / part).resolve() for root in roots for part in named if "\0" not in part and len(part) < 4096
    }
    real = [root.resolve() for root in roots]
    return frozenset(
        path for path in found if path.is_file() and any(path.is_relative_to(root) for root in real)
    )
