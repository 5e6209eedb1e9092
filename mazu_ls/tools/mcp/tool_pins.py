"""The user's consent to the tools of one MCP server, each as it was when he agreed to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mazu_ls.tools.skills.trust import digest_of

if TYPE_CHECKING:
    from mazu_ls.tools.mcp.tools import McpToolSpec
    from mazu_ls.tools.skills.trust import Brought, TrustPin, TrustStore


class ToolPins:
    """The pins of the tools of the server whose own pin is `name`. Any number of tools is one reading or one change of the file."""

    def __init__(self, trust: TrustStore, name: str) -> None:
        self._trust = trust
        self._name = name
        self._first = f"{name}/"
        """Name of no tool: marks that the first list, which may be empty, was agreed to."""

    def waiting(self, offered: Sequence[McpToolSpec]) -> list[McpToolSpec]:
        """Return the tools that are new or changed since the user agreed."""
        pins = {(pin.name, pin.digest) for pin in self._trust.list() if pin.kind == "mcp_tool"}
        return [one for one in offered if (f"{self._first}{one.name}", digest_of(one.content)) not in pins]

    def agree(self, seen: Sequence[McpToolSpec], entry: bytes | None = None) -> None:
        """Record the consent to exactly these tools, and to the server where its `entry` is given."""
        server: list[tuple[Brought, str, bytes]] = (
            [("mcp_server", self._name, entry)] if entry is not None else []
        )
        self._trust.agree_all([*server, *self._named(seen)])

    def agree_to_first_list(self, offered: Sequence[McpToolSpec], entry: bytes) -> None:
        """Record the consent to a server's first list, which the one to the server includes. Nothing is recorded after a
        list that was agreed to before, or where the consent to this `entry` is gone."""

        def is_first(pins: tuple[TrustPin, ...]) -> bool:
            kept = ("mcp_server", self._name, digest_of(entry))
            return any((pin.kind, pin.name, pin.digest) == kept for pin in pins) and not any(
                pin.kind == "mcp_tool" and pin.name.startswith(self._first) for pin in pins
            )

        if is_first(self._trust.list()):
            marks: list[tuple[Brought, str, bytes]] = [("mcp_tool", self._first, b"")]
            self._trust.agree_all([*marks, *self._named(offered)], only_if=is_first)

    def _named(self, tools: Sequence[McpToolSpec]) -> list[tuple[Brought, str, bytes]]:
        return [("mcp_tool", f"{self._first}{one.name}", one.content) for one in tools]
