"""Interface of another server on the same project, for code outside the live socket."""

from __future__ import annotations

from typing import Any, Protocol


class PeerServer(Protocol):
    """Carries out commands about a session that it has open."""

    @property
    def place(self) -> str:
        """Who it is, in a sentence."""
        ...

    async def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        """Return the command's result. Raises what it would raise here, and NotServed if the session is not open there."""
        ...

    async def ask(self, method: str, params: dict[str, Any], seconds: float) -> Any:
        """Send a request of the live socket itself. Raises ClientError and TimeoutError."""
        ...
