"""What happens in a conversation, whether this process has it open or another one does, with which the project is shared."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls.terminal.clients.update_events import event_of_update

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.journal import journal
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
Listener = Callable[[str, "journal.Event"], None]


def subscribe_shared(
    server: ServerState, project: Project, viewed: Callable[[], str | None], listener: Listener
) -> Callable[[], None]:
    """Call `listener` with every event of this process, and of the viewed session where another process has it; call the result to stop."""

    def relayed(params: dict[str, Any]) -> None:
        session_id = params["sessionId"]
        if session_id != viewed() or project.sessions.find(session_id) is not None:
            return
        try:
            event = event_of_update(params)
        except (LookupError, TypeError, AttributeError, msgspec.ValidationError) as error:
            logger.info("An update of another process was not understood: %s", error)
            return
        if event is not None:
            listener(session_id, event)

    unlisten = project.subscribe(listener)
    server.updates.on_relayed.append(relayed)

    def stop() -> None:
        unlisten()
        server.updates.on_relayed.remove(relayed)

    return stop
