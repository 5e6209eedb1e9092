"""MCP over standard input and output of a guarded process: messages of bounded size, a guaranteed end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mazu_ls.platform.process_group import CREATION_FLAGS, NEW_SESSION
from mazu_ls.tools.mcp.streams import MessageRate
from mazu_ls.tools.shell.resource_limits import memory_bytes

MESSAGE_BYTES = 8 * 2**20
CHUNK = 64 * 1024
EDGE = 4096
CLOSE_SECONDS = 0.5
MAX_PROCESSES = 500
TOO_LARGE = f"the answer is larger than {MESSAGE_BYTES // 2**20} MiB, so it was cut; ask the tool for less"
_ID = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,18})')
_GUARD = Path(__file__).with_name("guard.py")


@asynccontextmanager
async def guarded_stdio(command: Sequence[str], env: Mapping[str, str], errlog: Any) -> AsyncIterator[Any]:
    """Start a server and yield its streams in the form that the MCP client expects. Raises OSError if it cannot be
    started."""
    import anyio

    if shutil.which(command[0], path=env.get("PATH", os.defpath)) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    life, held = os.pipe()  # the holder of the other end keeps the server alive: this process alone
    guard = [sys.executable, "-I", "-S", str(_GUARD), str(life), str(memory_bytes() // 2), str(MAX_PROCESSES)]
    try:
        process = await asyncio.create_subprocess_exec(
            *guard, "--", *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=errlog, env=dict(env), pass_fds=[life], start_new_session=NEW_SESSION, creationflags=CREATION_FLAGS, limit=2 * CHUNK,
        )  # fmt: skip
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(life)
    received, reading = anyio.create_memory_object_stream[Any](0)
    writing, to_send = anyio.create_memory_object_stream[Any](0)
    tasks = [
        asyncio.create_task(_receive(process, received)),
        asyncio.create_task(_send(process, to_send)),
    ]
    try:
        yield reading, writing
    finally:
        for task in tasks:
            task.cancel()
        for stream in (received, reading, writing, to_send):
            stream.close()
        await asyncio.shield(_ended(process, held))


async def _ended(process: asyncio.subprocess.Process, held: int) -> None:
    """Give a server a moment after its input was closed; then the guard ends it."""
    if process.stdin:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), CLOSE_SECONDS)
    os.close(held)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), CLOSE_SECONDS)
    if process.returncode is None:
        process.kill()


async def _receive(process: asyncio.subprocess.Process, received: Any) -> None:
    """Read lines of JSON-RPC; for one that is too long its request is answered with an error, and the rest is skipped."""
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout
    line, head, cut, rate = bytearray(), b"", False, MessageRate()
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        while data := await process.stdout.read(CHUNK):
            *ended, rest = data.split(b"\n")
            for part in ended:
                await rate.wait()
                line += part
                whole = cut_answer(head, bytes(line)) if cut else bytes(line)
                line, head, cut = bytearray(), b"", False
                if whole:
                    try:
                        message = jsonrpc_message_adapter.validate_json(whole, by_name=False)
                    except ValueError as error:
                        await received.send(error)
                    else:
                        await received.send(SessionMessage(message))
            line += rest
            if len(line) > MESSAGE_BYTES:
                head, cut = head or bytes(line[:EDGE]), True
            if cut:
                del line[:-EDGE]
    received.close()


def cut_answer(head: bytes, tail: bytes) -> bytes:
    """Return an error in place of an answer of which only the beginning and the end are known; empty if it names no
    request."""
    found = _ID.search(head) or _ID.search(tail[-EDGE:])
    error = b'{"code":-32603,"message":"%b"}' % TOO_LARGE.encode()
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (found[1], error) if found else b""


async def _send(process: asyncio.subprocess.Process, to_send: Any) -> None:
    assert process.stdin
    with contextlib.suppress(ConnectionError):
        async for message in to_send:
            process.stdin.write(
                message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
            )
            await process.stdin.drain()
