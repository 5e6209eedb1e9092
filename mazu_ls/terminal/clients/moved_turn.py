"""A turn whose server ended, usually because its editor was closed, continues in the terminal that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.server.rpc.live.served import NOT_KNOWN

if TYPE_CHECKING:
    from mazu_ls.errors import MazuError


class ServerEnded(Exception):
    """The server ended while it carried out a turn for this terminal; the turn is in the record of the session."""

    def __init__(self, session_id: str, begun: bool) -> None:
        super().__init__(session_id)
        self.session_id = session_id
        self.begun = begun
        """Whether the server said that the turn began, so that its message is in the record."""


def was_left(result: dict[str, Any]) -> bool:
    """Return whether a turn was broken off because its server was closed."""
    from mazu_ls.agent.session.recovery import LEFT

    return result.get("detail") == LEFT


def was_cut_off(error: MazuError) -> bool:
    """Return whether the server ended without an answer."""
    return error.hint == NOT_KNOWN
