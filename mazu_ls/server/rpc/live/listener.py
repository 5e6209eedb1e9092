"""Listens for the other mazu-ls processes of this user while a project is open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.platform.peer_credentials import is_supported, peer_credentials
from mazu_ls.server.rpc.live.following import follow_other_server
from mazu_ls.server.rpc.live.peers import refusal_reason_of
from mazu_ls.server.rpc.live.session import LiveSession
from mazu_ls.state import live_socket

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
MOST_CLIENTS = 32
CLOSE_SECONDS = 10.0
"""Seconds for connections to end when the listener closes; a project that reopens waits no longer for them."""
FLUSH_SECONDS = 10.0
"""Seconds for a client to read its last answer."""
TAKE_OVER_SECONDS = 5.0
"""Seconds between two attempts to take over from the server that listens for this project, at first."""
GIVE_WAY_SECONDS = 0.2
"""After which a server that gives way is expected to be gone."""
MOST_TAKE_OVER_SECONDS = 60.0
"""The same for a server that refused this one repeatedly: of another version, or with other folders."""


async def serve_other_processes(server: ServerState, project: Project) -> None:
    """Serve other processes about `project` until cancelled; if another server listens, share with it until it ends."""
    if not is_supported() or not project.folders or (project.disk and project.disk.is_volatile):
        return
    path = live_socket.socket_path(project.root, server.env)
    warned: set[str] = set()

    def warn_once(sentence: str) -> None:
        if sentence not in warned:
            warned.add(sentence)
            logger.warning("%s", sentence)

    try:
        while True:
            await _accept_clients(server, project, await _bound(server, project, path, warn_once))
            await asyncio.sleep(10 * GIVE_WAY_SECONDS)  # meanwhile the editor takes the place
    except OSError as error:
        logger.info("No other process is answered: %s", error)


async def _bound(
    server: ServerState, project: Project, path: Path, warn: Callable[[str], None]
) -> live_socket.BoundSocket:
    """Bind the socket; while another server listens, share with it. Raises OSError."""
    pause = TAKE_OVER_SECONDS
    while (bound := await _bind(path)) is None:
        began = time.monotonic()
        if await follow_other_server(server, project, path, warn):
            await asyncio.sleep(GIVE_WAY_SECONDS)
        elif time.monotonic() - began >= TAKE_OVER_SECONDS:
            pause = TAKE_OVER_SECONDS
        else:  # it refuses, or ended at once
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_TAKE_OVER_SECONDS)
    return bound


async def _accept_clients(server: ServerState, project: Project, bound: live_socket.BoundSocket) -> None:
    """Serve until this is cancelled, or gives way to an editor's server."""
    clients = LiveClients(server, project)
    server.gives_way.clear()
    try:
        listener = await asyncio.start_unix_server(clients.accept, sock=bound.listener)
        server.listens = True
        try:
            await server.gives_way.wait()
        finally:
            server.listens = False
            listener.close()
            await clients.close()
    finally:
        bound.close()


async def _bind(path: Path) -> live_socket.BoundSocket | None:
    """Bind in a thread; a cancelled caller leaves nothing bound."""
    binding = asyncio.get_running_loop().run_in_executor(None, live_socket.bind, path)
    try:
        return await asyncio.shield(binding)
    except asyncio.CancelledError:
        binding.add_done_callback(_give_up)
        raise


def _give_up(binding: asyncio.Future[live_socket.BoundSocket | None]) -> None:
    if not binding.cancelled() and binding.exception() is None and (bound := binding.result()):
        bound.close()


class LiveClients:
    """The connections of one listener, each with its own task; an error in one ends that one."""

    def __init__(self, server: ServerState, project: Project) -> None:
        self._server = server
        self._project = project
        self._tasks: set[asyncio.Task[Any]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, or close it if there are too many or it is not allowed."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        is_over = False
        try:
            if len(self._tasks) > MOST_CLIENTS:
                logger.warning("More than %d processes ask at once: one was not served.", MOST_CLIENTS)
                return
            connection = writer.get_extra_info("socket")
            pid, _ = peer_credentials(connection)
            if reason := await asyncio.to_thread(refusal_reason_of, connection):
                logger.warning("Process %d was not served: %s.", pid, reason)
                return
            await LiveSession(self._server, self._project, reader, writer, pid).run()
            is_over = True
        except asyncio.CancelledError:
            return  # the listener closes
        except (OSError, ValueError) as error:
            logger.info("A connection of another process ended: %s", error)
        except Exception:
            logger.exception("A connection of another process failed")
        finally:
            try:
                await _close_connection(writer, is_over)
            finally:
                self._tasks.discard(task)

    async def close(self) -> None:
        """End all connections; a request in progress is answered as cancelled."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, unended = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            if unended:
                logger.warning(
                    "%d requests of other processes did not end when they were cancelled.", len(unended)
                )


async def _close_connection(writer: asyncio.StreamWriter, is_over: bool) -> None:
    """Close a connection, and unless it is complete (`is_over`) drop what the client has not read.

    `wait_closed` alone would wait for a client that reads nothing, holding its descriptor, its place and the listener.
    """
    if is_over:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await writer.wait_closed()
    writer.transport.abort()
