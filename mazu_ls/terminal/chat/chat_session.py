"""One conversation in a terminal: its session, what is sent, and lines that are no messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from mazu_ls.errors import Kind, MazuError
from mazu_ls.terminal.chat.bypass import confirmed_mode, put_back_choices
from mazu_ls.terminal.chat.join_session import (
    ENDING_SECONDS,
    execute_shared_turn,
    find_holder,
    joined_session,
    opened_session,
)
from mazu_ls.terminal.chat.moved_state import offer_moved_state
from mazu_ls.terminal.chat.shared_events import cost_of, subscribe_shared
from mazu_ls.terminal.project_root import message_in_project
from mazu_ls.terminal.refusals import Refusals

if TYPE_CHECKING:
    import argparse

    from mazu_ls.agent.project.project import Project
    from mazu_ls.config.config import Mode
    from mazu_ls.server.rpc.live.holder import SessionHolder
    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost

MODES: tuple[Mode, ...] = ("ask", "auto", "plan", "bypass")
CYCLED: tuple[Mode, ...] = ("ask", "auto", "plan")
"""The modes that a key may switch to; bypass needs its name."""
Execute = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def _nothing(opened: dict[str, Any] | None = None) -> None:
    """Nobody draws the conversation and its mode."""


class ChatSession:
    """The session is created with its first message, so looking around leaves nothing behind."""

    def __init__(self, server: ServerState, host: TerminalHost, given: argparse.Namespace) -> None:
        self.server = server
        self.host = host
        self.given = given
        self.session_id: str | None = None
        self.name = ""
        self.model: str | None = getattr(given, "model", None)
        self.spent = ""
        self.share = ""
        self.model_note = ""
        self.interrupted = ""
        """The name of another conversation whose last turn was interrupted."""
        self.on_switched: Callable[[dict[str, Any] | None], Awaitable[None]] = _nothing
        """Called with the conversation that was changed to, None for a new one."""
        server.asks_about_moved = host.surface.interactive
        host.concerns = self._concerns
        self._holder: SessionHolder | None = None
        self.is_shared = asyncio.Event()  # while another process has this conversation open
        self.mode_shown = ""
        self.check_mode: Callable[[], Awaitable[None]] = _nothing
        self._chosen = asyncio.Event()
        host.has_chosen = self._chosen.wait

    def _concerns(self, session_id: str) -> bool:
        project = self.server.project
        return session_id == self.session_id or (
            project is not None and project.sessions.find(session_id) is not None
        )

    @property
    def shared_with(self) -> str | None:
        """The process that has this conversation open, in a sentence; None where this one has it, or nobody."""
        project = self.server.project
        if self.session_id is None or project is None or project.sessions.find(self.session_id) is not None:
            return None
        return self._holder and self._holder.place

    @property
    def turn_runs(self) -> bool:
        """Whether a turn of this conversation runs, in this process or another one."""
        project = self.server.project
        if self.session_id is None or project is None:
            return False
        if session := project.sessions.find(self.session_id):
            return session.running
        return bool(self.server.updates.state_elsewhere(self.session_id))

    async def execute(self, name: str, arguments: dict[str, Any]) -> Any:
        """A command of the wire, carried out by the process that has the session open."""
        if self.server.peers:
            from mazu_ls.server.rpc.live.peer_editor import execute_shared

            return await execute_shared(self.server, name, [arguments])
        from mazu_ls.server.commands import execute

        return await execute(self.server, name, [arguments])

    async def open(self, *, resume: str | None, last: bool) -> dict[str, Any] | None:
        """Continue the session `resume`, or the last one; None if a new one will begin."""
        try:
            opened = await self._open(resume=resume, last=last)
        finally:
            self._chosen.set()
        if opened is not None:
            await self.count_cost()
        return opened

    async def count_cost(self) -> None:
        """Read what the whole conversation cost, at whichever door and in whichever process it was spent."""
        self.spent = await cost_of(self.execute, self.session_id) if self.session_id else ""

    async def _open(self, *, resume: str | None, last: bool) -> dict[str, Any] | None:
        await offer_moved_state(self.server, self.host.surface)
        project = await self.server.wait_opened()
        if mode := await confirmed_mode(self.given, self.host.surface):
            project.set_mode(cast("Mode", mode))
        if resume is None and last:
            listed = (await self.execute("mazu.session.list", {}))["sessions"]
            resume = next((one["id"] for one in listed), None)
        return None if resume is None else await self._opened(project, resume)

    async def switch(self, session_id: str | None) -> None:
        """Leave this conversation, and what was chosen in it, for another or a new one. Where that cannot be opened, nothing changes."""
        project = await self.server.wait_opened()
        before, self.model = self.model, None
        try:
            opened = None if session_id is None else await self._opened(project, session_id)
        except BaseException:
            self.model = before
            raise
        if opened is None:
            self.session_id, self.name = None, ""
        self.model = put_back_choices(self.server, project, self.given, self.model)
        self.spent, self.share = "", ""
        await self.count_cost()
        await self.on_switched(opened)

    async def _opened(self, project: Project, resume: str) -> dict[str, Any]:
        try:
            seconds = ENDING_SECONDS if getattr(self.given, "waits_for_session", False) else 0
            session = await opened_session(project, resume, seconds)
        except MazuError as error:
            if error.kind is not Kind.BUSY:
                raise
            found = await joined_session(self.server, self.host, self.given, resume, error)
            self._holder = await find_holder(self.server, resume)
            self.session_id, self.name = resume, str(found["name"])
            self.model = self.model or found["model"]
            return found
        found: dict[str, Any] = await self.execute("mazu.session.show", {"sessionId": session.id})
        self.session_id, self.name = session.id, session.name
        self.model = self.model or session.conversation.model
        return {**found, "interrupted": session.interrupted}

    async def wait_free(self) -> None:
        """Wait while a turn runs that somebody else began."""
        if self.session_id is None:
            return
        project = await self.server.wait_opened()
        if session := project.sessions.find(self.session_id):
            await session.wait_idle()
            return
        while self.server.updates.state_elsewhere(self.session_id):  # noqa: ASYNC110 - it is said by another process
            await asyncio.sleep(0.1)

    async def begin(self) -> str:
        """Return the session's id, creating a session if there is none yet."""
        if self.session_id is None:
            self.session_id = str((await self.execute("mazu.session.new", {}))["id"])
        return self.session_id

    async def send(self, text: str) -> dict[str, Any]:
        """Send one message or `!command` as a turn; return the turn's result, with what was refused in it."""
        project = await self.server.wait_current()
        if self.session_id is None and not text.startswith("!"):
            await project.model(self.model)  # a conversation that no model can answer does not begin
        message = text if text.startswith("!") else message_in_project(text, self.server.folders)
        arguments: dict[str, Any] = {"message": message, "wait": True, "sessionId": await self.begin()}
        if self.model:
            arguments["model"] = self.model
        for name in ("attachments", "texts"):
            if attached := getattr(self.given, name, None):
                arguments[name] = attached
                setattr(self.given, name, None)
        refusals = Refusals(self.host)
        unlisten = subscribe_shared(self.server, project, lambda: self.session_id, refusals.collect)
        if text.startswith("!"):
            self.host.own_command = arguments["sessionId"], text[1:].strip()
        await self.check_mode()
        try:
            turn = partial(self.execute, "mazu.chat", arguments)
            result = await execute_shared_turn(self.server, arguments["sessionId"], self.shared_with, turn)
        finally:
            self.host.own_command = None
            unlisten()
        await self.count_cost()
        return {**result, "refusals": refusals.found}

    async def choose_model(self, name: str) -> str:
        """Use another model from the next turn on; return its full name. Raises MazuError if there is none."""
        project = await self.server.wait_opened()
        self.model = (await project.model(name)).name
        if self.session_id is not None and self.shared_with is None:
            await self.execute("mazu.models.set", {"model": self.model})
        return self.model

    async def mode(self) -> str:
        """The permission mode in force: of a conversation that another process has open, its own."""
        self._holder = holder = await find_holder(self.server, self.session_id)
        (self.is_shared.set if holder else self.is_shared.clear)()
        own = (await self.server.wait_opened()).mode
        self.mode_shown = f"{holder.mode}, of {holder.place}" if holder else own
        return self.mode_shown

    async def cycle_mode(self) -> str:
        """Switch to the next mode; never to bypass. Raises MazuError where another process has the conversation open."""
        self.require_own_mode()
        project = await self.server.wait_opened()
        at = CYCLED.index(project.mode) if project.mode in CYCLED else -1
        await self.execute("mazu.permissions.mode", {"mode": CYCLED[(at + 1) % len(CYCLED)]})
        return project.mode

    def require_own_mode(self) -> None:
        """Raise MazuError where the mode is that of another process, which has the conversation open."""
        if place := self.shared_with:
            raise MazuError(
                Kind.UNSUPPORTED, f"This conversation is open in {place}.", "Change its mode there."
            )

    async def stop(self) -> None:
        """Stop the running turn, or the one that is about to run, and wait for its end."""
        if self.shared_with:
            await self.execute("mazu.cancel", {"sessionId": self.session_id})
            return
        project = await self.server.wait_opened()
        self.server.jobs.accepted.cancel(None, None)
        sessions = [session for session in project.sessions.opened() if session.running]
        for session in sessions:
            session.cancel()
        await asyncio.gather(*(session.wait_idle() for session in sessions))
