"""Which session a command of another process is about."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.session.sessions import keeps_current
from mazu_ls.errors import MazuError
from mazu_ls.server.rpc.live.served import OF_LAST

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project


async def session_meant(project: Project, command: str, arguments: dict[str, Any]) -> str | None:
    """Return the session that a command names; what another process asks to undo or redo without one is of the last used."""
    session_id = arguments.get("sessionId")
    if session_id is None and command in OF_LAST and keeps_current.get():
        with contextlib.suppress(MazuError):  # there is none
            return await project.sessions.last_used()
    return session_id if isinstance(session_id, str) else None
