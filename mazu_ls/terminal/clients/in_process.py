"""The server of a terminal command: in this process, with the terminal as its host."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mazu_ls import __version__
from mazu_ls.config.project_settings import AT_MOST
from mazu_ls.server.client.connected_clients import ConnectedClient
from mazu_ls.server.client.host_questions import HostQuestions
from mazu_ls.server.features.wiring import create_server
from mazu_ls.server.state import ServerState
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.project_root import ProjectRoot
from mazu_ls.terminal.surfaces.make_surface import make_surface
from mazu_ls.terminal.verbs.read_only_commands import environment

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project

ONLY_MEMORY = ("mazu.recall", "mazu.memory.list", "mazu.memory.show", "mazu.memory.why", "mazu.memory.stats")
"""Commands that read memory and nothing else."""


@asynccontextmanager
async def opened_client(
    given: argparse.Namespace, root: ProjectRoot
) -> AsyncIterator[tuple[ServerState, TerminalHost]]:
    """Yield a server on the project, which the first command that needs it opens, and close it at the end."""
    host = TerminalHost(root.folders, make_surface(given))
    with environment(given, root) as env:
        server = create_server(host, env=env)
        # These commands do what the hint would advise.
        wire = getattr(given, "wire", None)
        server.asks_about_moved = wire is not None and wire.command in (
            "mazu.state.attach",
            "mazu.state.decline",
        )
        server.opens_checkpoints = wire is None or wire.command not in ONLY_MEMORY
        server.plan_opening(root.folders, settings_of(given))
        if given.verb in ("chat", "run"):  # meanwhile the message is written
            server.on_ready.append(_start_mcp_servers)
        if _shares(given):
            server.clients.append(
                ConnectedClient("terminal", f"mazu-ls {__version__}", os.getpid(), time.time())
            )
            host.questions = server.questions if isinstance(server.questions, HostQuestions) else None
            server.on_ready.append(lambda project: server.jobs.spawn(_share(server, project)))
        try:
            if getattr(given, "dry_run", False):
                await forbid_commands(server)
            yield server, host
        finally:
            await _end_background_commands(server)
            await server.close()
            _keep_server(server, root)


async def _end_background_commands(server: ServerState) -> None:
    """End what the agent left running in the background: it ends with this process, and the person has to know."""
    sessions = server.project.sessions.opened() if server.project else []
    running = [one for session in sessions for one in session.shell.background.values() if one.code is None]
    if running:
        from mazu_ls.agent.session.undo import shown_command
        from mazu_ls.terminal.screen.printing import print_warning

        for command in running:
            await command.stop()
            print_warning(f"{shown_command(command)}: this background command was ended, as mazu-ls ends.")


def _start_mcp_servers(project: Project) -> None:
    if project.extensions:
        project.extensions.start()


def _keep_server(server: ServerState, root: ProjectRoot) -> None:
    """Leave a server running for the next commands, if the user set that."""
    minutes = server.project.config.terminal.keep_server_minutes if server.project else 0
    if minutes:
        from mazu_ls.terminal.clients.background_server import start_background_server

        start_background_server(root.folders, minutes)


def _shares(given: argparse.Namespace) -> bool:
    """Whether other processes on the project are answered meanwhile: by what takes long, and is had as any other would have it."""
    takes_up = any(getattr(given, name, None) for name in ("continued", "resume", "sessionId"))
    lasts = given.verb == "run" or (given.verb == "chat" and (takes_up or not given.message))
    return lasts and not getattr(given, "dry_run", False)


async def _share(server: ServerState, project: Project) -> None:
    """Imported once the project is open: nothing at the prompt waits for it."""
    listener = await asyncio.to_thread(importlib.import_module, "mazu_ls.server.rpc.live.listener")
    await listener.serve_other_processes(server, project)


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the settings from the command line, for this process alone."""
    settings: dict[str, Any] = {}
    if getattr(given, "dry_run", False):
        settings["edits"] = {"apply": "propose"}
    if given.verb == "chat" and (cost := getattr(given, "maxCost", None)) is not None:
        settings[AT_MOST] = {"limits": {"max_cost_usd": cost}}  # a lower limit of the settings holds
    return settings


async def forbid_commands(server: ServerState) -> None:
    """Prepare a dry run: edits are proposals, and nothing is run."""
    from mazu_ls.policy import RuntimeRule
    from mazu_ls.policy.rules import DRY_RUN
    from mazu_ls.tools.base import Effect

    project = await server.wait_opened()
    own = [tool.name for tool in project.tools() if tool.effect is Effect.EXECUTE]
    for tool in dict.fromkeys(("run_shell", "run_skill", "mcp__*", *own)):
        rule = RuntimeRule.now(tool, "*", "deny", DRY_RUN)
        project.given[rule.id] = rule
