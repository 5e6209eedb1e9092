"""Another editor's server on the same project, as far as others than the live socket need it."""

from __future__ import annotations

from typing import Any, Protocol


class PeerServer(Protocol):
    """Carries out what concerns a session that it has open."""

    async def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        """The command's result. Raises what it would raise here, and NotServed where the session is not open there."""
        ...
