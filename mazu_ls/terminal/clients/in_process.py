"""The server that a command of the terminal works with: in this process, with the terminal as its host."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mazu_ls.server.features.wiring import create_server
from mazu_ls.server.state import ServerState
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.project_root import ProjectRoot
from mazu_ls.terminal.surfaces.make_surface import make_surface
from mazu_ls.terminal.verbs.read_only_commands import environment


@asynccontextmanager
async def opened_client(
    given: argparse.Namespace, root: ProjectRoot
) -> AsyncIterator[tuple[ServerState, TerminalHost]]:
    """A server on the project, which is opened by the first command that needs it and closed at the end."""
    host = TerminalHost(root.folders, make_surface(given))
    with environment(given, root) as env:
        server = create_server(host, env=env)
        # What these commands do is what the hint would advise.
        wire = getattr(given, "wire", None)
        server.asks_about_moved = wire is not None and wire.command in (
            "mazu.state.attach",
            "mazu.state.decline",
        )
        server.plan_opening(root.folders, settings_of(given))
        try:
            if getattr(given, "dry_run", False):
                await forbid_commands(server)
            yield server, host
        finally:
            await server.close()


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of settings, for this process alone."""
    settings: dict[str, Any] = {}
    if getattr(given, "dry_run", False):
        settings["edits"] = {"apply": "propose"}
    if given.verb == "chat" and (cost := getattr(given, "maxCost", None)) is not None:
        settings["limits"] = {"max_cost_usd": cost}
    return settings


async def forbid_commands(server: ServerState) -> None:
    """For a dry run: edits are proposals, and nothing is run."""
    from mazu_ls.server.commands import execute

    for tool in ("run_shell", "run_skill"):
        rule = {"tool": tool, "pattern": "*", "verdict": "deny"}
        await execute(server, "mazu.permissions.set", [{"rule": rule}])
