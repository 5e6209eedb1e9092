"""Just enough HTTP/1.1 for a model server: requests with a body, JSON answers, event streams."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Not Allowed",
}


@dataclass
class HttpRequest:
    """One request as it came in. `headers` have lower-case names. `last`: the connection is to
    be closed after it. `gone` is set when the client left before the end."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    last: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """The next request on this connection, or None when the client closed it. Raises ValueError, IncompleteReadError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await _read_body(reader, headers)
    last = version == "HTTP/1.0" or headers.get("connection", "").lower() == "close"
    return HttpRequest(method, target.partition("?")[0], headers, json.loads(body) if body else {}, last)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    parts: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer with a JSON body."""
    data = json.dumps(body).encode()
    own = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
    return _head(status, own) + data


def stream_head() -> bytes:
    """The start of an answer that is an event stream."""
    return _head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})


def framed(data: bytes) -> bytes:
    """One piece of an event stream."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


STREAM_END = b"0\r\n\r\n"


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection so that the client sees a reset, not an end."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {PHRASES.get(status, 'Error')}\r\n{lines}\r\n".encode("latin-1")
