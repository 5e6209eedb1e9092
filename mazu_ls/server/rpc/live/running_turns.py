"""A rollback of another process stops no turn: the turn's user would lose it without notice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.rpc.live.peer_editor import own_name

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

HINT = "Stop it there, or with Ctrl-C where it was started; then undo or roll back."


async def require_no_turn(server: ServerState, project: Project) -> None:
    """Raise MazuError(busy) while a turn runs in any session of the project, here or in another process."""
    for session in project.sessions.opened():
        if session.running:
            editor = own_name(server) if server.editor else "a terminal"
            where = f"“{session.name}”" if session.name else session.id
            place = f" in {editor}" if editor else ""
            raise MazuError(Kind.BUSY, f"A turn is running{place}, in the session {where}.", HINT)
    for marker in await asyncio.to_thread(project.turn_markers.elsewhere):
        raise MazuError(
            Kind.BUSY,
            f"A turn is running in {marker.client} (pid {marker.pid}), in the session {marker.session_id}.",
            HINT,
        )
