"""Which files of a project the MCP servers in the settings are started from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mazu_ls.config.config import McpServer
from mazu_ls.config.mcp_places import NamedPlaces


def mcp_files(servers: Iterable[McpServer], roots: Sequence[Path]) -> frozenset[Path]:
    """Return the existing files inside these folders that an entry names, of links what they lead to.

    A server runs outside of the sandbox and starts again by itself, so whoever writes such a file runs a program there. What
    the file loads in turn is not known.
    """
    real = [Path(os.path.realpath(root)) for root in roots]
    named = {Path(os.path.realpath(place)) for one in servers for place in NamedPlaces(one, roots).existing}
    return frozenset(
        place for place in named if any(place.is_relative_to(root) for root in real) and place.is_file()
    )


def mcp_paths(servers: Iterable[McpServer], roots: Sequence[Path]) -> frozenset[Path]:
    """Return what edits are asked about: those files, the links that lead to them, and files that are not there yet."""
    servers = list(servers)
    named = [NamedPlaces(one, roots) for one in servers]
    places = {place for one in named for place in (*one.existing, *one.missing)}
    return mcp_files(servers, roots) | {place for place in places if not place.is_dir()}
