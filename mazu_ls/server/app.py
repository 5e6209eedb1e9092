"""`mazu-ls` as a language server: over stdio, over TCP on this machine, or on a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mazu_ls.platform.end_signals import call_at_end_signal
from mazu_ls.server.lazy_lsprotocol import define_types_when_used
from mazu_ls.server.logs import ClientLog, log_to_file, log_to_stderr
from mazu_ls.server.rpc import listener
from mazu_ls.server.rpc.transport import StdioTransport, StreamTransport, Transport

if TYPE_CHECKING:
    from mazu_ls.server.rpc.connection import ServerConnection
    from mazu_ls.server.rpc.handshake import Handshake

SWITCH_SECONDS = 0.001


def serve_stdio(descriptors: tuple[int, int], handshake: Handshake) -> NoReturn:
    """Serve the client whose `initialize` was read, then end the process: 0 after shutdown, 1 without."""
    loop, connection = _start()
    exit_process(loop.run_until_complete(_serve_stdio(connection, descriptors, handshake)))


def serve_tcp(port: int) -> NoReturn:
    """Serve the client that knows the token on this machine's `port`, then end the process as `serve_stdio` does."""
    _serve_listening(lambda serve: listener.tcp_client(port, serve))


def serve_socket(place: Path | None) -> NoReturn:
    """Serve one client of this user's on a unix socket, then end the process as `serve_stdio` does."""
    _serve_listening(lambda serve: listener.socket_client(place, serve))


def _serve_listening(
    listen: Callable[[Callable[[StreamTransport], Any]], Coroutine[Any, Any, int]],
) -> NoReturn:
    """Wait for a client and serve it; SIGTERM and SIGINT end the wait, too."""
    loop, connection = _start()
    waiting = loop.create_task(listen(partial(_run, connection)))

    def stop() -> None:
        if connection.serves:
            connection.protocol_exit()
        else:
            waiting.cancel()

    call_at_end_signal(loop, stop)
    try:
        code = loop.run_until_complete(waiting)
    except asyncio.CancelledError:
        code = 1
    exit_process(code)


def _start() -> tuple[asyncio.AbstractEventLoop, ServerConnection]:
    log_to_stderr()
    connection_type = _import_connection()
    # The loop shares the interpreter with threads that read, hash and import: a short switch interval lets it respond
    # sooner.
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    connection = connection_type()
    call_at_end_signal(loop, connection.protocol_exit)
    return loop, connection


def exit_process(code: int) -> NoReturn:
    """End the process now, without waiting for threads that still read or wait."""
    logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _import_connection() -> type[ServerConnection]:
    """Import pygls and our own modules with the garbage collector off: it would cost a fifth more and find nothing."""
    define_types_when_used()
    gc.disable()
    try:
        from mazu_ls.server.rpc.connection import ServerConnection
    finally:
        gc.freeze()
        gc.enable()
    return ServerConnection


async def _keep_log(connection: ServerConnection) -> None:
    """After the answer to `initialize`: log to a file and, in short, to the editor."""
    await connection.ready.wait()
    loop = asyncio.get_running_loop()
    logging.getLogger("mazu_ls").addHandler(ClientLog(connection.protocol.notify, loop))
    await asyncio.to_thread(log_to_file)


async def _serve_stdio(
    connection: ServerConnection, descriptors: tuple[int, int], handshake: Handshake
) -> int:
    return await _run(connection, StdioTransport(*descriptors, handshake.unread), handshake)


async def _run(
    connection: ServerConnection,
    transport: Transport,
    handshake: Handshake | None = None,
) -> int:
    logs = asyncio.create_task(_keep_log(connection))
    try:
        return await connection.run(transport, handshake)
    finally:
        logs.cancel()
