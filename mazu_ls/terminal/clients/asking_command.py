"""Runs a command that may ask the user, or a turn, on the server that has the project open, and here once that server ended."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls.server.rpc.live.link import LiveLink
from mazu_ls.server.rpc.live.remote_error import NotServed
from mazu_ls.terminal.clients.live_client import LiveClient
from mazu_ls.terminal.clients.live_options import connect_to_project, live_options
from mazu_ls.terminal.clients.moved_turn import ServerEnded
from mazu_ls.terminal.screen.printing import print_text

if TYPE_CHECKING:
    import argparse
    import os
    from collections.abc import Mapping

    from mazu_ls.terminal.project_root import ProjectRoot


def run_asking(
    given: argparse.Namespace,
    root: ProjectRoot,
    env: Mapping[str, str] | os._Environ[str],
    command: str,
    arguments: dict[str, Any],
) -> int | None:
    """Run the command on the server that has the project open and return the exit status; None if no server runs or it does not do this command."""
    from mazu_ls.terminal import cli

    if (connection := connect_to_project(root, env, waits=True)) is None:
        return None
    cli.configure_log()
    given.root = root

    async def work() -> int:
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            client = LiveClient(LiveLink(reader, writer), given)
            return await client.run(command, arguments, live_options(root, env))
        finally:
            writer.transport.abort()

    try:
        return asyncio.run(cli.interruptible(cli.reported(work(), given)))
    except NotServed:
        return None
    except ServerEnded as ended:
        return _continue_here(given, ended)
    except KeyboardInterrupt:
        return cli.INTERRUPTED


def _continue_here(given: argparse.Namespace, ended: ServerEnded) -> int:
    """Continue the turn in this process, with the limits of the command line; return the exit status."""
    from mazu_ls.agent.session.recovery import CONTINUE
    from mazu_ls.terminal import cli

    print_text(
        "mazu-ls: the editor that carried this out was closed: it continues here, with the mode and the keys of this terminal.",
        sys.stderr,
    )
    given.resume = given.sessionId = ended.session_id
    given.continued = False
    given.waits_for_session = True
    if not ended.begun:
        return cli.run_parsed(given)
    if given.verb == "chat":
        given.message = [CONTINUE]
        given.attachments = given.texts = None  # the model has them already
    else:
        given.task = [CONTINUE]
    return cli.run_parsed(given)
