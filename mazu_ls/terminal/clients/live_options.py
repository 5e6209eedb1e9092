"""How clients of the live socket connect, and their first message. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls import __version__
from mazu_ls.server.rpc.live.peers import connect_to_server
from mazu_ls.state import live_socket, paths
from mazu_ls.state.starting import STILL_STARTING, wait_for_others
from mazu_ls.terminal.screen.printing import print_warning

if TYPE_CHECKING:
    import os
    import socket
    from collections.abc import Mapping

    from mazu_ls.terminal.project_root import ProjectRoot

HANDSHAKE_SECONDS = 30.0


def connect_to_project(
    root: ProjectRoot, env: Mapping[str, str] | os._Environ[str], *, waits: bool = False
) -> socket.socket | None:
    """Return a connection to the server that has the project open; None if there is none that is trusted.

    `waits`: until the servers of editors that start on the project are ready: only they know what is unsaved.
    """
    if waits and not wait_for_others(root.folders[0], env):
        print_warning(STILL_STARTING)
    place = live_socket.socket_path(root.folders[0], env)
    return connect_to_server(place, HANDSHAKE_SECONDS, print_warning)


def live_options(root: ProjectRoot, env: Mapping[str, str] | os._Environ[str]) -> dict[str, Any]:
    """Return what client and server must have in common (docs/protocol.md, section 9)."""
    return {
        "version": __version__,
        "home": str(paths.mazu_home(env)),
        "folders": [str(folder) for folder in root.folders],
        "model": env.get("MAZU_MODEL"),
    }
