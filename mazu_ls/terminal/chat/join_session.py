"""Opens a conversation of the project, or takes part in one that another process has open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.server.rpc.live.served import NOT_KNOWN

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.server.rpc.live.holder import SessionHolder
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

JOIN_SECONDS = 20.0
"""For the connection to the process that has a conversation open."""
MOVING_SECONDS = 10.0
"""For the other processes, until one of them listens in place of one that ended."""
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


async def find_holder(server: ServerState, session_id: str | None) -> SessionHolder | None:
    """Return the other process that has a conversation open, as it can be shown; None where there is none."""
    from mazu_ls.server.rpc.live.holder import holder_elsewhere

    found = None if session_id is None else await holder_elsewhere(server, session_id)
    return found and replace(found, place=found.place or "another process", mode=found.mode or "unknown")


async def execute_shared_turn(
    server: ServerState, session_id: str, place: str | None, execute: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """Have a turn of a session, which the process at `place` has open, and return its result. While one has it open that is not
    connected, as after the end of the one that listened, try again. Raises what the command raises."""
    from mazu_ls.server.rpc.live.holder import holder_elsewhere

    until = time.monotonic() + MOVING_SECONDS
    while True:
        try:
            return await execute()
        except MazuError as error:
            if place is not None and error.hint == NOT_KNOWN:
                said = f"The process that had this conversation open ended: {place}."
                hint = "Say continue, or undo the turn: it is open here now."
                raise MazuError(Kind.INTERNAL, said, hint) from error
            if error.kind is not Kind.BUSY or time.monotonic() >= until:
                raise
            holder = await holder_elsewhere(server, session_id)
            if holder is None or holder.place:  # not for want of a connection
                raise
        await asyncio.sleep(0.1)


def _require_no_own_limits(given: argparse.Namespace) -> None:
    options = {"--mode": "mode", "--max-cost": "maxCost"}
    if named := [flag for flag, name in options.items() if getattr(given, name, None) is not None]:
        raise MazuError(
            Kind.UNSUPPORTED,
            f"This conversation is open in another terminal or editor, whose mode and limits hold: {' and '.join(named)} would have no effect.",
            "Set them there, or begin a new conversation with them.",
        )
