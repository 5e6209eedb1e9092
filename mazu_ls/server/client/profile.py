"""The client's capabilities, and the connection to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct, field


class ClientConnection(Protocol):
    """The connection, as needed outside the protocol layer. `unread` returns how many bytes sent to the client it has not read."""

    unread: Callable[[], int]

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        ...

    async def ask(
        self,
        method: str,
        params: Any,
        timeout: float | None = None,
        late: Callable[[Any], None] | None = None,
    ) -> Any:
        """Send a request. Raises ClientError or TimeoutError. `late` gets an answer that comes when nobody waits any more."""
        ...


class ClientProfile(Struct, frozen=True):
    """What the client declared in `initialize`. Some do what they do not declare, so interpret `says` with care."""

    name: str = ""
    capabilities: dict[str, Any] = field(default_factory=dict)

    def declares(self, dotted: str) -> Any:
        """Return the declared value under a name such as "window.showDocument.support"; None if nothing is declared."""
        value: Any = self.capabilities
        for part in dotted.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def opted(self, name: str) -> bool:
        """Return whether the client opted in to one of `updates`, `permissions`, `save`."""
        return self.declares(f"experimental.mazu.{name}") is True

    @property
    def lends(self) -> frozenset[str]:
        """Which answers of its other language servers the editor shares."""
        declared = self.declares("experimental.mazu.context")
        return (
            frozenset(name for name in declared if isinstance(name, str))
            if isinstance(declared, list)
            else frozenset()
        )

    @property
    def reviews(self) -> bool:
        """Whether it shows an annotated edit to the user before it makes it."""
        return isinstance(self.declares("workspace.workspaceEdit.changeAnnotationSupport"), dict)

    @property
    def progress(self) -> bool:
        """Whether the server may create progress."""
        return self.declares("window.workDoneProgress") is True
