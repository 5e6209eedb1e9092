"""The server of a second editor: connected to the one that listens for the project, as long as that lives."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls import __version__
from mazu_ls.errors import Kind
from mazu_ls.platform.peer_credentials import peer_credentials
from mazu_ls.server.client.connected_clients import ConnectedClient
from mazu_ls.server.errors import METHOD_NOT_FOUND, RpcError, response_error
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.server.rpc.live.holder import HOLDER, describe_holder
from mazu_ls.server.rpc.live.link import LiveLink
from mazu_ls.server.rpc.live.peer_editor import PeerEditor, own_name
from mazu_ls.server.rpc.live.peers import connect_to_server
from mazu_ls.server.rpc.live.served import OF_SESSIONS
from mazu_ls.state import paths

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
HANDSHAKE_SECONDS = 30.0
MOST_EARLY = 1000
"""Maximum number of messages before the other side is identified."""


async def follow_other_server(
    server: ServerState, project: Project, path: Path, warn: Callable[[str], object]
) -> bool:
    """Share with the server that listens at `path` until it ends; returns at once if there is none or it refuses.

    True: it stops to listen, so that this one can. `warn` is called with the reason why the listener is not trusted.
    """
    connection = await _connect(path, warn)
    if connection is None:
        return False
    try:
        pid, _ = peer_credentials(connection)
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
    except BaseException:
        connection.close()
        raise
    try:
        await _Following(server, project, LiveLink(reader, writer), pid).run()
    except (OSError, ValueError) as error:
        logger.info("The connection to the other editor's server ended: %s", error)
    except (ClientError, LookupError, TypeError) as error:
        logger.info("The other editor's server does not share: %s", error)
        data = error.data if isinstance(error, ClientError) and isinstance(error.data, dict) else {}
        return data.get("kind") == Kind.BUSY
    finally:
        writer.transport.abort()
    return False


async def _connect(path: Path, warn: Callable[[str], object]) -> socket.socket | None:
    """Connect in a thread; a cancelled caller leaves no connection open."""
    connecting = asyncio.get_running_loop().run_in_executor(
        None, connect_to_server, path, HANDSHAKE_SECONDS, warn
    )
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(_close_unused)
        raise


def _close_unused(connecting: asyncio.Future[socket.socket | None]) -> None:
    if not connecting.cancelled() and connecting.exception() is None and (connection := connecting.result()):
        connection.close()


class _Following:
    """One connection to the listening server."""

    def __init__(self, server: ServerState, project: Project, link: LiveLink, pid: int) -> None:
        self._server = server
        self._pid = pid
        self._project = project
        self._link = link
        self._peer: PeerEditor | None = None
        self._tasks: dict[Any, asyncio.Task[None]] = {}
        self._early: list[tuple[Any, str, Any]] = []
        """Messages that arrived right after the answer to `initialize`."""
        link.is_awaited = lambda: True

    async def run(self) -> None:
        reading = asyncio.create_task(self._read())
        try:
            said = await self._link.ask("initialize", self._hello(), HANDSHAKE_SECONDS)
            other = said["capabilities"]["experimental"]["mazu"]["editor"]
            same_model = bool(other.get("sameModel"))
            kind = "terminal" if other.get("conversation") else "editor"
            client = ConnectedClient(kind, str(other["name"]), self._pid, time.time())
            self._peer = PeerEditor(self._server, self._project, self._link, client, same_model=same_model)
            self._peer.attach()
            for message in self._early:
                self._receive(*message)
            self._early.clear()
            await asyncio.wait({reading})
        finally:
            reading.cancel()
            self._link.abandon()
            if self._peer is not None:
                self._peer.detach()
            if tasks := [*self._tasks.values()]:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    def _hello(self) -> dict[str, Any]:
        live = {
            "version": __version__, "home": str(paths.mazu_home(self._server.env)), "folders": [str(folder) for folder in self._project.folders],
            "model": self._server.env.get("MAZU_MODEL"), "editor": own_name(self._server),
            "conversation": self._server.editor is None,
        }  # fmt: skip
        return {"processId": None, "capabilities": {}, "initializationOptions": {"live": live}}

    async def _read(self) -> None:
        try:
            async for message in self._link.messages():
                self._receive(message.get("id"), message["method"], message.get("params"))
        except (OSError, ValueError) as error:
            logger.info("The other editor's server is gone: %s", error)
        finally:
            self._link.abandon()

    def _receive(self, number: Any, method: str, params: Any) -> None:
        if self._peer is None:
            if len(self._early) < MOST_EARLY:
                self._early.append((number, method, params))
            return
        if number is not None:
            task = self._tasks[number] = asyncio.create_task(self._serve(self._peer, number, method, params))
            task.add_done_callback(lambda _: self._tasks.pop(number, None))
        elif method == "$/cancelRequest" and isinstance(params, dict):
            if task := self._tasks.get(params.get("id")):
                task.cancel()
        else:
            self._peer.note(method, params)

    async def _serve(self, peer: PeerEditor, number: Any, method: str, params: Any) -> None:
        try:
            answer = {"id": number, "result": await _result(self._server, peer, method, params)}
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - becomes the answer
            answer = {"id": number, "error": response_error(error, method)}
        await self._link.send_answer(answer)


async def _result(server: ServerState, peer: PeerEditor, method: str, params: Any) -> Any:
    if method == HOLDER:
        return await describe_holder(server, peer, params)
    if method == "mazu/permission/request":
        return await peer.answer(params)
    command = params.get("command") if isinstance(params, dict) else None
    arguments = params.get("arguments") if isinstance(params, dict) else None
    if method != "workspace/executeCommand" or command not in OF_SESSIONS or not isinstance(arguments, list):
        raise RpcError(METHOD_NOT_FOUND, f"There is no {method!r} here.")
    first = arguments[0] if arguments else {}
    return await peer.serve(str(command), first if isinstance(first, dict) else {})
