"""What is said on one connection of the live socket: `initialize`, then commands that show things, one after the other.

It is LSP as in docs/protocol.md, of which it has these few requests. Whatever changes what the agent may do, answers a
question, starts a turn or calls a model is not there, so that nobody gains anything by connecting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mazu_ls import __version__, paths
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import commands
from mazu_ls.server.client.connected_clients import ConnectedClient
from mazu_ls.server.errors import INVALID_REQUEST, METHOD_NOT_FOUND, NOT_INITIALIZED, RpcError, response_error
from mazu_ls.server.rpc.client_requests import encode_message
from mazu_ls.server.rpc.framing import BadFrame, FrameReader
from mazu_ls.server.rpc.live.served import PREVIEWED, SHOWING, is_served
from mazu_ls.server.rpc.lsp_types import ExecuteCommand
from mazu_ls.server.wire.codec import convert

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

CHUNK = 64 * 1024
MOST_UNREAD = 4 * 1024**2
"""Bytes that may have come without making a whole message, or while a command runs."""
QUIET_SECONDS = 30.0
"""A client that says nothing for so long is closed."""
WRITE_SECONDS = 10.0


class LiveOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`initializationOptions.live`: what client and server must have in common, or they would speak of different things."""

    version: str
    home: str
    folders: tuple[str, ...]
    model: str | None = None


class LiveSession:
    """One connection. `run` returns when the client leaves, says nothing any more, or says what cannot be read."""

    def __init__(
        self,
        server: ServerState,
        project: Project,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pid: int,
    ) -> None:
        self._server = server
        self._project = project
        self._reader = reader
        self._writer = writer
        self._pid = pid
        self._options: LiveOptions | None = None
        self._client: ConnectedClient | None = None
        self._early = b""
        self._ended = False

    async def run(self) -> None:
        """Serve until the connection ends. Raises OSError, TimeoutError included."""
        frames, unread = FrameReader(), 0
        try:
            while not self._ended and (data := await self._read()):
                items = frames.feed(data)
                unread = 0 if items else unread + len(data)
                if unread > MOST_UNREAD:
                    raise ValueError("a message was too long")
                for item in items:
                    if not self._ended:
                        await self._receive(item)
        finally:
            if self._client is not None:
                self._server.clients.remove(self._client)

    async def _read(self) -> bytes:
        if self._early:
            data, self._early = self._early, b""
            return data
        async with asyncio.timeout(QUIET_SECONDS):
            return await self._reader.read(CHUNK)

    async def _receive(self, item: bytes | BadFrame) -> None:
        try:
            message: Any = None if isinstance(item, BadFrame) else msgspec.json.decode(item)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            self._ended = True
            await self._send(
                {"id": None, "error": {"code": INVALID_REQUEST, "message": "That is no LSP request."}}
            )
            return
        number, method = message.get("id"), message["method"]
        if not isinstance(number, int | str) or isinstance(number, bool):
            self._ended = self._ended or method == "exit"  # no notification asks for anything else
            return
        try:
            result = await self._answered(method, message.get("params"))
        except ConnectionError:
            raise  # nobody is there to be answered
        except BaseException as error:
            answer = {"id": number, "error": response_error(error, method)}
            if isinstance(error, asyncio.CancelledError):
                self._writer.write(encode_message({"jsonrpc": "2.0", **answer}))
                raise
            await self._send(answer)
        else:
            await self._send({"id": number, "result": result})

    async def _answered(self, method: str, params: Any) -> Any:
        if method == "initialize":
            return await self._initialize(params)
        if self._options is None:
            raise RpcError(NOT_INITIALIZED, f"{method} came before initialize.")
        if method == "shutdown":
            return None
        if method != "workspace/executeCommand":
            raise RpcError(METHOD_NOT_FOUND, f"There is no {method!r} on this socket.")
        wanted = convert(params, ExecuteCommand, "params")
        arguments = (wanted.arguments or [{}])[0]
        if not isinstance(arguments, dict):
            raise InvalidArguments(f"{wanted.command} takes one object or nothing", "arguments")
        if not is_served(wanted.command, arguments):
            raise MazuError(
                Kind.UNSUPPORTED,
                f"{wanted.command} is not done for another process.",
                "Use the editor for it.",
            )
        self._check_session(wanted.command, arguments)
        if wanted.command == "mazu.status" and self._options.model != self._server.env.get("MAZU_MODEL"):
            raise MazuError(Kind.UNSUPPORTED, "MAZU_MODEL differs from the server's.", "Ask without it.")
        return await self._while_connected(commands.execute(self._server, wanted.command, [arguments]))

    async def _initialize(self, params: Any) -> dict[str, Any]:
        given = params if isinstance(params, dict) else {}
        options = given.get("initializationOptions")
        live = convert(
            options.get("live") if isinstance(options, dict) else None,
            LiveOptions,
            "initializationOptions.live",
        )
        folders, env = self._project.folders, self._server.env
        if reason := await asyncio.to_thread(_difference, live, folders, env):
            raise MazuError(Kind.UNSUPPORTED, f"{reason}.", "Work without this server.")
        if self._client is None:
            self._client = ConnectedClient("terminal", f"mazu-ls {live.version}", self._pid, time.time())
            self._server.clients.append(self._client)
        self._options = live
        return {
            "capabilities": {"executeCommandProvider": {"commands": [*sorted(SHOWING), *sorted(PREVIEWED)]}},
            "serverInfo": {"name": "mazu-ls", "version": __version__},
        }

    def _check_session(self, command: str, arguments: dict[str, Any]) -> None:
        """An undo reads the session it is of: one that is open here, or this server would hold it from now on."""
        if command == "mazu.undo" and self._project.sessions.find(arguments["sessionId"]) is None:
            raise MazuError(Kind.UNSUPPORTED, "That session is not open here.", "Work without this server.")

    async def _while_connected(self, work: Any) -> Any:
        """The result of `work`, which is stopped when the client leaves; what it says meanwhile is kept for later."""
        running = asyncio.ensure_future(work)
        try:
            while not running.done() and len(self._early) < MOST_UNREAD:
                reading = asyncio.ensure_future(self._reader.read(CHUNK))
                try:
                    await asyncio.wait({running, reading}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    reading.cancel()
                    await asyncio.wait({reading})  # only one may wait for input
                if not reading.cancelled():
                    if not (data := reading.result()):
                        raise ConnectionResetError("the client left")
                    self._early += data
            return await running
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait({running})

    async def _send(self, message: dict[str, Any]) -> None:
        self._writer.write(encode_message({"jsonrpc": "2.0", **message}))
        async with asyncio.timeout(WRITE_SECONDS):
            await self._writer.drain()


def _difference(live: LiveOptions, folders: tuple[Path, ...], env: Mapping[str, str]) -> str:
    """Why client and server cannot speak of the same things; empty where they can."""
    if live.version != __version__:
        return f"This server is mazu-ls {__version__}"
    if Path(live.home).resolve() != paths.mazu_home(env).resolve():
        return "The user's own folder (MAZU_HOME) is another one here"
    if [Path(folder).resolve() for folder in live.folders] != [folder.resolve() for folder in folders]:
        return "Other folders are open here"
    return ""
