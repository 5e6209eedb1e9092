"""Asks whether an MCP server may start from files of the project that changed since the user agreed to it."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from mazu_ls.workspace.visible_text import make_line

if TYPE_CHECKING:
    from mazu_ls.config.config import McpServer
    from mazu_ls.tools.mcp.servers import McpConnection
    from mazu_ls.tools.mcp.start_files import Found


class StartQuestions:
    """The questions of one process: one at a time about each server, each state of its files once."""

    def __init__(self, agrees: Callable[[str, str], Awaitable[bool]]) -> None:
        """`agrees` asks the user, with a title and what is shown below it."""
        self._agrees = agrees
        self._open: set[str] = set()
        self._asked: set[tuple[str, bytes]] = set()

    async def ask(self, server: McpConnection) -> None:
        """Ask about what waits, unless that was asked. The consent holds for exactly what was there."""
        from mazu_ls.tools.mcp.start_files import names_of

        name, waiting = server.entry.name, server.files.waiting
        state = (name, shown_files(waiting))
        if not waiting or name in self._open or state in self._asked:
            return
        self._asked.add(state)
        self._open.add(name)
        title = f"The MCP server {name} is started from files of the project that changed: {names_of(waiting)}. May it start?"
        lines = [shlex.join([server.entry.command or "", *server.entry.args]), "", "New or changed:"]
        lines += [make_line(line, 500) for place, state in waiting for line in _described(place, state)]
        try:
            if await self._agrees(title, "\n".join(lines)):
                await server.files.agree(waiting)
        finally:
            self._open.discard(name)


def where_it_is(entry: McpServer) -> str:
    """Return a sentence that names the host of a server that is reached over HTTP; empty for one that is started."""
    named = named_host(entry)
    return f" It is at {named}." if named else ""


def named_host(entry: McpServer) -> str:
    """Return the host of a server that is reached over HTTP, and whether it is near; empty for one that is started."""
    if entry.url is None:
        return ""
    import httpx2

    from mazu_ls.tools.web.addresses import private_address

    try:
        host = httpx2.URL(entry.url).raw_host.decode("ascii")
    except httpx2.InvalidURL:
        host = entry.url
    near = private_address(host)
    named = make_line(host if near in (None, host) else f"{host} ({near})", 300)
    return f"{named}{', on this machine or in your own network' if near else ''}"


def _described(place: str, state: bytes) -> list[str]:
    """Return a place, and each link that leads on from it."""
    links = [line for line in state.decode("utf-8", "replace").split("\n") if " -> " in line]
    return [*([] if links and links[0].startswith(f"{place} -> ") else [place]), *links]


def shown_files(waiting: Found) -> bytes:
    """Return the names of files and the SHA-256 of their states as readable JSON; empty for none."""
    shown = [{"file": name, "state": hashlib.sha256(state).hexdigest()} for name, state in waiting]
    return msgspec.json.format(msgspec.json.encode(shown)) if shown else b""
