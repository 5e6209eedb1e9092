"""The folders that a client names in `initialize`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from mazu_ls.server import uris
from mazu_ls.server.rpc import lsp_types

logger = logging.getLogger(__name__)


def workspace_folders(params: lsp_types.InitializeParams) -> list[Path]:
    """Return the folders to work in, whichever of the three ways the client names them."""
    named = [folder.uri for folder in params.workspace_folders or []]
    if not named and params.root_uri:
        named = [params.root_uri]
    if not named and params.root_path:
        named = [uris.from_path(params.root_path)]
    return existing(named)


def existing(named: Sequence[str]) -> list[Path]:
    """Return the existing folders among these URIs; missing ones are logged."""
    found: list[Path] = []
    for uri in named:
        path = uris.to_path(uri)
        if path and path.is_absolute() and path.is_dir():
            found.append(path)
        else:
            logger.warning("%s is not a folder on this machine and is ignored.", uri)
    return found
