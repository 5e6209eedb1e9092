"""Which process has a session open, and the permission mode that holds for its turns.

Of three processes on a project only the one that listens is connected to both others: it asks the third, and says who that is.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import InvalidArguments
from mazu_ls.host import MAX_LABEL_CHARS
from mazu_ls.journal import journal
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.client.peer_server import PeerServer
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
HOLDER = "mazu/session/holder"
"""The request: `{sessionId}` -> `{mode, place}`, or `{}` where it is not known. `place` is empty for the one that answers."""
HOLDER_SECONDS = 5.0
"""For the answer of a process, which may be suspended."""
RELAYED_SECONDS = 3.0
"""For the answer of a process that is asked for another one, which waits longer."""


@dataclass(frozen=True)
class SessionHolder:
    """A process that has a session open: who it is in a sentence, and its mode. Both are empty where no process says."""

    place: str = ""
    mode: str = ""


async def holder_elsewhere(
    server: ServerState, session_id: str, *, besides: object = None, seconds: float = HOLDER_SECONDS
) -> SessionHolder | None:
    """Return who else has a session open; None where this process has it, or nobody. `besides` is not asked."""
    project = server.project
    if project is None or project.sessions.find(session_id) is not None:
        return None
    asked = [_ask(peer, session_id, seconds) for peer in list(server.peers) if peer is not besides]
    found = next(filter(None, await asyncio.gather(*asked)), None)  # at once: one of them may be suspended
    if found is None and await asyncio.to_thread(is_held, project, session_id):
        return SessionHolder()
    return found


async def _ask(peer: PeerServer, session_id: str, seconds: float) -> SessionHolder | None:
    try:
        said = await peer.ask(HOLDER, {"sessionId": session_id}, seconds)
    except (ClientError, TimeoutError) as error:
        logger.info("Another process did not say who has a session open: %s", error)
        return None
    match said:
        case {"mode": str(mode), "place": str(place)}:
            return SessionHolder(
                make_line(place, MAX_LABEL_CHARS) or peer.place, make_line(mode, MAX_LABEL_CHARS)
            )
        case _:
            return None


async def describe_holder(server: ServerState, asker: object, params: Any) -> dict[str, str]:
    """Answer the request of another server. Raises InvalidArguments for one without a session."""
    session_id = params.get("sessionId") if isinstance(params, dict) else None
    if not isinstance(session_id, str):
        raise InvalidArguments("it names no session", "sessionId")
    project = server.project
    if project is not None and (session := project.sessions.find(session_id)) is not None:
        return {"mode": session.mode or project.mode, "place": ""}
    found = await holder_elsewhere(server, session_id, besides=asker, seconds=RELAYED_SECONDS)
    return {"mode": found.mode, "place": found.place} if found is not None and found.place else {}


def is_held(project: Project, session_id: str) -> bool:
    """Return whether a process has a session open. Reads the disk."""
    if not session_id.replace("_", "").isalnum():
        return False
    path = project.journals / f"{session_id}.jsonl"
    return path.is_file() and journal.is_locked(path)
