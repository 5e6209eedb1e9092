"""Commands that may ask the user, and turns, carried out by the server that has the project open and shown here."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.journal import journal
from mazu_ls.server.errors import METHOD_NOT_FOUND
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.server.rpc.live.link import LiveLink
from mazu_ls.server.rpc.live.questions import question_from_wire, reply_to_wire
from mazu_ls.server.rpc.live.remote_error import NotServed, error_raised
from mazu_ls.terminal.chat.interrupt import handling_interrupts
from mazu_ls.terminal.clients.live_options import HANDSHAKE_SECONDS
from mazu_ls.terminal.clients.moved_turn import ServerEnded, was_cut_off, was_left
from mazu_ls.terminal.clients.results import drawing_of, present_result
from mazu_ls.terminal.clients.update_events import body_of_update
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.refusals import Refusals
from mazu_ls.terminal.surfaces.json_surface import JsonStreamSurface, print_line
from mazu_ls.terminal.surfaces.make_surface import make_surface

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine


T = TypeVar("T")
QUIET_SECONDS = 3.0
"""Seconds after which a message says whom a command waits for."""
ASK_SECONDS = 24 * 3600.0
"""For an answer at this terminal; the server says when nobody waits for it any more."""


class LiveClient:
    """A terminal at the live socket: shows events on its surface and asks the server's questions here."""

    def __init__(self, link: LiveLink, given: argparse.Namespace) -> None:
        self._link = link
        self._given = given
        self._host = TerminalHost(given.root.folders, make_surface(given))
        self._refusals = Refusals(self._host)
        self._session_id: str | None = None
        self._asked: dict[Any, asyncio.Task[None]] = {}
        self._stopping: list[asyncio.Future[Any]] = []
        self._begun = False
        self._place = "the editor"
        link.is_awaited = lambda: True

    async def run(self, command: str, arguments: dict[str, Any], options: dict[str, Any]) -> int:
        """Start, carry out the command, print; return the exit status. Raises NotServed if nothing was done."""
        reading = asyncio.create_task(self._read())
        try:
            await self._begin(command, options)
            if command in ("mazu.chat", "mazu.run"):
                return await self._talk(command, arguments)
            if command == "mazu.rollback" and isinstance(arguments.get("id"), str):
                from mazu_ls.terminal.verbs.compare import checkpoint_named

                arguments = {**arguments, "id": await checkpoint_named(self.execute, arguments["id"])}
            waiting = asyncio.create_task(self._say_who_is_asked())
            try:
                result = await self.execute(command, arguments)
            finally:
                waiting.cancel()
            with drawing_of(command):
                return present_result(command, result, arguments, self._given)
        except asyncio.CancelledError:
            self._host.surface.say("info", "Stopped.")
            raise
        finally:
            reading.cancel()
            for task in self._asked.values():
                task.cancel()

    async def _say_who_is_asked(self) -> None:
        """If nobody is at this terminal, say who is asked, which may take as long as that user does."""
        await asyncio.sleep(QUIET_SECONDS)
        if not self._host.surface.interactive and not self._asked:
            self._host.surface.say(
                "info",
                f"Waiting for {self._place}, which has the project open: its question, if it asks one, is answered there.",
            )

    async def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        """Run a command of the wire. Raises MazuError, InvalidArguments, and NotServed if the server does not serve it."""
        params = {"command": command, "arguments": [arguments]}
        try:
            return await self._link.ask("workspace/executeCommand", params)
        except ClientError as error:
            raise error_raised(error, command) from error

    async def _begin(self, command: str, options: dict[str, Any]) -> None:
        live = {**options, "updates": True, "interactive": self._host.surface.interactive}
        hello = {"processId": None, "capabilities": {}, "initializationOptions": {"live": live}}
        try:
            said = await self._link.ask("initialize", hello, HANDSHAKE_SECONDS)
            capabilities = said["capabilities"]
            does = command in capabilities["executeCommandProvider"]["commands"]
        except (ClientError, TimeoutError, LookupError, TypeError) as error:
            raise NotServed from error
        if not does:
            raise NotServed
        mazu = capabilities.get("experimental", {}).get("mazu", {})
        mode, there = mazu.get("mode"), mazu.get("editor", {})
        if there.get("conversation"):
            self._place = f"the conversation in another terminal (pid {there.get('pid')})"
        if mode == "bypass" and command in ("mazu.chat", "mazu.run"):
            self._host.surface.say(
                "warning", "Mode bypass is on in the server of this project: it asks about almost nothing."
            )

    async def _talk(self, command: str, arguments: dict[str, Any]) -> int:
        from mazu_ls.terminal import cli
        from mazu_ls.terminal.chat import run_task

        self._session_id = arguments["sessionId"] = await self._session()
        if command == "mazu.chat":
            result = await self._turn(command, arguments)
        else:
            result = await run_task.run(
                self.execute, lambda asked: self._turn(command, asked), self._host, arguments
            )
        with drawing_of(command):
            return cli.print_turn(result, self._host, self._given)

    async def _session(self) -> str:
        """Return the session that the command line names, the last one, or a new one."""
        named = getattr(self._given, "resume", None) or getattr(self._given, "sessionId", None)
        if isinstance(named, str) and named:
            return named
        if getattr(self._given, "continued", False):
            listed = (await self.execute("mazu.session.list", {}))["sessions"]
            if listed:
                return str(listed[0]["id"])
        return str((await self.execute("mazu.session.new", {}))["id"])

    async def _turn(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._refusals = Refusals(self._host)
        try:
            result = await self._stoppable(self.execute(command, arguments))
        except MazuError as error:
            if was_cut_off(error) and self._session_id and not self._stopping:
                raise ServerEnded(self._session_id, self._begun) from error
            raise
        if was_left(result) and self._session_id and not self._stopping:
            raise ServerEnded(self._session_id, self._begun)
        return {**result, "refusals": self._refusals.found}

    async def _stoppable(self, turn: Coroutine[Any, Any, T]) -> T:
        """Stop the turn on Ctrl-C, which ends in good order; a second one ends the program, which stops it too."""
        task, caller = asyncio.ensure_future(turn), asyncio.current_task()

        def interrupt() -> None:
            if self._stopping and caller:
                caller.cancel()
            self._stopping.append(asyncio.ensure_future(self._stop()))

        try:
            with handling_interrupts(interrupt):
                return await task
        finally:
            task.cancel()

    async def _stop(self) -> None:
        for question in list(self._asked.values()):
            question.cancel()
        with contextlib.suppress(MazuError, InvalidArguments, NotServed):
            await self.execute("mazu.cancel", {"sessionId": self._session_id})

    async def _read(self) -> None:
        try:
            async for message in self._link.messages():
                self._receive(message.get("id"), message["method"], message.get("params") or {})
        except (OSError, ValueError):
            pass
        finally:
            self._link.abandon()

    def _receive(self, number: Any, method: str, params: dict[str, Any]) -> None:
        if method == "mazu/session/update":
            if params.get("sessionId") == self._session_id:
                self._show(params)
        elif method == "mazu/permission/request":
            task = self._asked[number] = asyncio.ensure_future(self._ask(number, params))
            task.add_done_callback(lambda _: self._asked.pop(number, None))
        elif method == "$/cancelRequest":
            if task := self._asked.get(params.get("id")):
                task.cancel()
                self._host.surface.say("info", "It was decided elsewhere.")
        elif number is not None:
            error = {"code": METHOD_NOT_FOUND, "message": f"There is no {method} here."}
            self._link.send({"jsonrpc": "2.0", "id": number, "error": error})

    def _show(self, params: dict[str, Any]) -> None:
        update, surface = params["update"], self._host.surface
        self._begun = self._begun or update["kind"] == "turn"
        if isinstance(surface, JsonStreamSurface):
            print_line(
                {
                    "type": "update",
                    "sessionId": params["sessionId"],
                    "turnId": params["turnId"],
                    "update": update,
                }
            )
        if update["kind"] == "decision" and update["by"] == "timeout" and not surface.interactive:
            self._host.unanswered.add(update["callId"])
        if (body := body_of_update(update)) is not None:
            event = journal.Event(0, 0, "", params["turnId"], body)
            self._refusals.collect(params["sessionId"], event)
            if not isinstance(surface, JsonStreamSurface):
                surface.show_event(params["sessionId"], event)

    async def _ask(self, number: Any, params: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"optionId": None}
        try:
            reply = await self._host.ask(question_from_wire(params), ASK_SECONDS)
            answer = reply_to_wire(reply)
        finally:
            self._link.send({"jsonrpc": "2.0", "id": number, "result": answer})
