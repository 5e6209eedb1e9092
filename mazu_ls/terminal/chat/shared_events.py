"""What happens in a conversation, whether this process has it open or another one does, with which the project is shared."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls.errors import MazuError
from mazu_ls.terminal.clients.update_events import event_of_update

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.journal import journal
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
Listener = Callable[[str, "journal.Event"], None]


async def cost_of(execute: Callable[[str, dict[str, Any]], Awaitable[Any]], session_id: str) -> str:
    """Return what a whole conversation cost; empty where no model was called, or it is not known."""
    from mazu_ls.terminal.show import money

    try:
        total = (await execute("mazu.usage", {"sessionId": session_id}))["total"]
    except MazuError:  # who has it open may have ended
        return ""
    return money(total) if total["modelCalls"] else ""


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


def subscribe_reverted(
    server: ServerState, viewed: Callable[[], str | None], listener: Callable[[str, str], None]
) -> None:
    """Call `listener` with what an undo, redo, rollback or rewind at another door did to the viewed session, and where it was
    asked for: "" for the process that has the session open.

    One that this process had carried out by another one is among them: only the caller knows that it waits for it.
    """

    def here(session_id: str, text: str, by: str) -> None:
        if by and session_id == viewed():
            listener(text, by)

    def relayed(params: dict[str, Any]) -> None:
        match params:
            case {"sessionId": id, "update": {"kind": "reverted", "text": str(text), **rest}} if (
                id == viewed()
            ):
                by = rest.get("by")
                listener(text, by if isinstance(by, str) else "")

    server.updates.on_reverted.append(here)
    server.updates.on_relayed.append(relayed)
