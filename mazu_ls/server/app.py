"""`mazu-ls` as a language server: over stdio, or over TCP on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from mazu_ls.server.logs import ClientLog, log_to_file, log_to_stderr
from mazu_ls.server.rpc.transport import StdioTransport, StreamTransport, Transport

if TYPE_CHECKING:
    from mazu_ls.server.rpc import lsp_types
    from mazu_ls.server.rpc.connection import ServerConnection
    from mazu_ls.server.rpc.handshake import Handshake

LOOPBACK = "127.0.0.1"
SWITCH_SECONDS = 0.001


def serve_stdio(descriptors: tuple[int, int], handshake: Handshake) -> NoReturn:
    """Serve the client whose `initialize` was read, then end the process: 0 after shutdown, 1 without."""
    loop, connection = _start()
    exit_process(loop.run_until_complete(_serve_stdio(connection, descriptors, handshake)))


def serve_tcp(port: int) -> NoReturn:
    """Serve one client on this machine's `port`, then end the process as `serve_stdio` does."""
    loop, connection = _start()
    exit_process(loop.run_until_complete(_serve_tcp(connection, port)))


def _start() -> tuple[asyncio.AbstractEventLoop, ServerConnection]:
    log_to_stderr()
    connection_type = _import_connection()
    # The loop shares the interpreter with threads that read, hash and import: let it wait less for its turn.
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    connection = connection_type()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, connection.protocol_exit)
    return loop, connection


def exit_process(code: int) -> NoReturn:
    """End the process now: no thread that still reads or waits may hold it."""
    logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _import_connection() -> type[ServerConnection]:
    """pygls and ours; collecting garbage meanwhile would cost a fifth more and find none."""
    gc.disable()
    try:
        from mazu_ls.server.rpc.connection import ServerConnection
    finally:
        gc.freeze()
        gc.enable()
    return ServerConnection


async def _keep_log(connection: ServerConnection) -> None:
    """Once `initialize` is answered: the log goes to a file and, in short, to the editor too."""
    await connection.ready.wait()
    loop = asyncio.get_running_loop()
    logging.getLogger("mazu_ls").addHandler(ClientLog(connection.protocol.notify, loop))
    await asyncio.to_thread(log_to_file)


async def _serve_stdio(
    connection: ServerConnection, descriptors: tuple[int, int], handshake: Handshake
) -> int:
    return await _run(connection, StdioTransport(*descriptors, handshake.unread), handshake.params)


async def _run(
    connection: ServerConnection,
    transport: Transport,
    initialized_with: lsp_types.InitializeParams | None = None,
) -> int:
    logs = asyncio.create_task(_keep_log(connection))
    try:
        return await connection.run(transport, initialized_with)
    finally:
        logs.cancel()


async def _serve_tcp(connection: ServerConnection, port: int) -> int:
    first: asyncio.Future[StreamTransport] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first.done():
            writer.close()
        else:
            first.set_result(StreamTransport(reader, writer))

    try:
        listener = await asyncio.start_server(accept, LOOPBACK, port)
    except (OSError, OverflowError) as error:
        print(f"mazu-ls: cannot listen on {LOOPBACK}:{port}: {error}. Choose another port.", file=sys.stderr)  # noqa: T201
        return 1
    host, bound = listener.sockets[0].getsockname()[:2]
    print(f"mazu-ls: listening on {host}:{bound}", file=sys.stderr, flush=True)  # noqa: T201
    async with listener:
        return await _run(connection, await first)
