"""One conversation in a terminal: which session, what is sent, and what a line means that is no message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from mazu_ls.terminal.chat.bypass import confirmed_mode
from mazu_ls.terminal.chat.moved_state import offer_moved_state
from mazu_ls.terminal.refusals import Refusals

if TYPE_CHECKING:
    import argparse

    from mazu_ls.config.config import Mode
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

MODES: tuple[Mode, ...] = ("ask", "auto", "plan", "bypass")
CYCLED: tuple[Mode, ...] = ("ask", "auto", "plan")
"""The modes that a key may switch to; bypass is chosen by its name."""
Execute = Callable[[str, dict[str, Any]], Awaitable[Any]]


class ChatSession:
    """A session is begun with its first message, so looking around leaves nothing behind."""

    def __init__(self, server: ServerState, host: TerminalHost, given: argparse.Namespace) -> None:
        self.server = server
        self.host = host
        self.given = given
        self.session_id: str | None = None
        self.name = ""
        self.model: str | None = getattr(given, "model", None)
        self.spent: float | None = 0.0
        self.share = ""
        server.asks_about_moved = host.surface.interactive

    async def execute(self, name: str, arguments: dict[str, Any]) -> Any:
        """A command of the wire."""
        from mazu_ls.server.commands import execute

        return await execute(self.server, name, [arguments])

    async def open(self, *, resume: str | None, last: bool) -> dict[str, Any] | None:
        """Take up the session `resume`, or the last one; None where a new one will begin."""
        await offer_moved_state(self.server, self.host.surface)
        project = await self.server.wait_opened()
        if mode := await confirmed_mode(self.given, self.host.surface):
            project.set_mode(cast("Mode", mode))
        if resume is None and last:
            listed = (await self.execute("mazu.session.list", {}))["sessions"]
            resume = next((one["id"] for one in listed), None)
        if resume is None:
            return None
        session = await project.sessions.get(resume)
        self.session_id, self.name = session.id, session.name
        self.model = self.model or session.conversation.model
        found: dict[str, Any] = await self.execute("mazu.session.show", {"sessionId": session.id})
        return {**found, "interrupted": session.interrupted}

    async def begin(self) -> str:
        """The session's id; a new session where there is none yet."""
        if self.session_id is None:
            self.session_id = str((await self.execute("mazu.session.new", {}))["id"])
        return self.session_id

    async def send(self, text: str) -> dict[str, Any]:
        """One message or `!command` as a turn; the turn's result, with what was refused in it."""
        arguments: dict[str, Any] = {"message": text, "wait": True, "sessionId": await self.begin()}
        if self.model:
            arguments["model"] = self.model
        if attachments := getattr(self.given, "attachments", None):
            arguments["attachments"] = attachments
            self.given.attachments = None
        project = await self.server.wait_opened()
        refusals = Refusals(self.host)
        unlisten = project.subscribe(refusals.collect)
        self.host.own_command = text[1:].strip() if text.startswith("!") else None
        try:
            result = await self.execute("mazu.chat", arguments)
        finally:
            self.host.own_command = None
            unlisten()
        self._count(result)
        return {**result, "refusals": refusals.found}

    def _count(self, result: dict[str, Any]) -> None:
        cost = (result.get("usage") or {}).get("costUsd")
        self.spent = None if cost is None or self.spent is None else self.spent + cost

    async def choose_model(self, name: str) -> str:
        """Talk to another model from the next turn on; returns its full name. Raises MazuError where there is none."""
        project = await self.server.wait_opened()
        self.model = (await project.model(name)).name
        if self.session_id is not None:
            await self.execute("mazu.models.set", {"model": self.model})
        return self.model

    async def mode(self) -> str:
        """The permission mode in force."""
        return (await self.server.wait_opened()).mode

    async def cycle_mode(self) -> str:
        """Switch to the next mode; never to bypass."""
        project = await self.server.wait_opened()
        at = CYCLED.index(project.mode) if project.mode in CYCLED else -1
        await self.execute("mazu.permissions.mode", {"mode": CYCLED[(at + 1) % len(CYCLED)]})
        return project.mode

    async def stop(self) -> None:
        """Stop the running turn, or the one that is about to run, and wait for its end."""
        project = await self.server.wait_opened()
        self.server.jobs.accepted.cancel(None, None)
        sessions = [session for session in project.sessions.opened() if session.running]
        for session in sessions:
            session.cancel()
        await asyncio.gather(*(session.wait_idle() for session in sessions))
