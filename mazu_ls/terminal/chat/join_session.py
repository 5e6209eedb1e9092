"""Opens a conversation of the project, or takes part in one that another process has open."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.journal import journal

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

JOIN_SECONDS = 20.0
"""For the connection to the process that has a conversation open."""
MODE_SECONDS = 5.0
"""For the answer to the question which mode holds there."""
ENDING_SECONDS = 10.0
"""For a server that is closing, until it has let its sessions go."""


async def opened_session(project: Project, session_id: str, seconds: float) -> Session:
    """Open a session. Raises MazuError, `busy` if another process still has it open after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        try:
            return await project.sessions.get(session_id)
        except MazuError as error:
            if error.kind is not Kind.BUSY or time.monotonic() >= until:
                raise
        await asyncio.sleep(0.1)


async def joined_session(
    server: ServerState, host: TerminalHost, given: argparse.Namespace, session_id: str, busy: MazuError
) -> dict[str, Any]:
    """Return the session as the process that has it open shows it, and the `model` that it talked to last.

    Raises `busy` where that process does not share it, and MazuError for options that only its own process could keep.
    """
    from mazu_ls.server.rpc.live.peer_editor import execute_elsewhere
    from mazu_ls.server.rpc.live.remote_error import NotServed

    if host.questions is None:  # nothing is shared
        raise busy
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            while not server.peers and not server.listens:  # noqa: ASYNC110 - a connection that is being made
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise busy from None
    try:
        found: dict[str, Any] = await execute_elsewhere(
            server, "mazu.session.show", {"sessionId": session_id}
        )
    except NotServed:
        raise busy from None
    _require_no_own_limits(given)
    project = await server.wait_opened()
    starts = (event.body for event in reversed(await project.sessions.events(session_id)))
    talked = next((body.model for body in starts if isinstance(body, journal.TurnStarted)), None)
    return {**found, "interrupted": False, "model": talked}


async def mode_elsewhere(server: ServerState) -> str:
    """Return the permission mode of the process with which the project is shared; empty if it does not say."""
    for peer in list(server.peers):
        with contextlib.suppress(MazuError, InvalidArguments, TimeoutError, LookupError, TypeError):
            async with asyncio.timeout(MODE_SECONDS):
                return str((await peer.execute("mazu.status", {}))["mode"])
    return ""


def _require_no_own_limits(given: argparse.Namespace) -> None:
    options = {"--mode": "mode", "--max-cost": "maxCost"}
    if named := [flag for flag, name in options.items() if getattr(given, name, None) is not None]:
        raise MazuError(
            Kind.UNSUPPORTED,
            f"This conversation is open in another terminal or editor, whose mode and limits hold: {' and '.join(named)} would have no effect.",
            "Set them there, or begin a new conversation with them.",
        )
