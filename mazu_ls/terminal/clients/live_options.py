"""What every client of the live socket says first. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls import __version__, paths

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from mazu_ls.terminal.project_root import ProjectRoot

HANDSHAKE_SECONDS = 30.0


def live_options(root: ProjectRoot, env: Mapping[str, str] | os._Environ[str]) -> dict[str, Any]:
    """What client and server have to have in common (docs/protocol.md, section 9)."""
    return {
        "version": __version__,
        "home": str(paths.mazu_home(env)),
        "folders": [str(folder) for folder in root.folders],
        "model": env.get("MAZU_MODEL"),
    }
