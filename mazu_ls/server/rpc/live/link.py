"""One end of a connection of the live socket: messages of LSP's base protocol, requests in both directions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from mazu_ls.server.errors import INVALID_REQUEST
from mazu_ls.server.rpc.client_requests import ClientRequests, encode_message
from mazu_ls.server.rpc.framing import BadFrame, FrameReader

logger = logging.getLogger(__name__)
CHUNK = 64 * 1024
MOST_UNREAD = 4 * 1024**2
"""Maximum bytes of one message."""
MOST_UNSENT = 16 * 1024**2
"""Maximum bytes queued for a peer that does not read; then the connection ends."""
QUIET_SECONDS = 30.0
"""Seconds after which a silent peer is closed, unless something is in progress for it."""
WRITE_SECONDS = 10.0


class LiveLink(ClientRequests):
    """Sends and receives. `notify` and `ask` are those of `ClientConnection`; `ask` fails once the connection is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._reader = reader
        self._writer = writer
        self.write = self._write
        self.unread = writer.transport.get_write_buffer_size
        self.most_unread = MOST_UNREAD
        self.last_size = 0
        """Bytes of the message that `messages` yielded last."""
        self.is_awaited: Callable[[], bool] = lambda: bool(self._asked)
        """Whether something is in progress, so that a peer may be silent for long."""

    def _write(self, data: bytes | bytearray) -> None:
        """Queue one message; a peer that does not read loses its connection instead of filling the memory."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        self._writer.write(data)
        if transport.get_write_buffer_size() > MOST_UNSENT:
            logger.warning("A process that reads nothing was disconnected.")
            transport.abort()

    async def send_answer(self, answer: dict[str, Any]) -> None:
        """Send an answer and wait until the peer reads it; one that does not in time loses its connection."""
        self.write(encode_message({"jsonrpc": "2.0", **answer}))
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._writer.drain()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield requests and notifications until the peer leaves; answers are passed to their waiters.

        Raises ValueError after telling the peer that it sent no message, OSError (TimeoutError for a silent one)
        otherwise.
        """
        frames, unread = FrameReader(), 0
        while data := await self._read():
            items = frames.feed(data)
            unread = 0 if items else unread + len(data)
            if unread > self.most_unread or any(
                len(item) > self.most_unread for item in items if isinstance(item, bytes)
            ):
                raise ValueError("a message was too long")
            for item in items:
                if (message := _decode(item)) is None:
                    error = {"code": INVALID_REQUEST, "message": "That is no LSP request."}
                    await self.send_answer({"id": None, "error": error})
                    raise ValueError("it sent no LSP message")
                self.last_size = len(item) if isinstance(item, bytes) else 0
                if "method" in message:
                    yield message
                else:
                    self.resolve(message["id"], message.get("result"), message.get("error"))

    async def _read(self) -> bytes:
        while True:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    return await self._reader.read(CHUNK)
            except TimeoutError:
                if not self.is_awaited():
                    raise


def _decode(item: bytes | BadFrame) -> dict[str, Any] | None:
    """Return a request, a notification or an answer; None for anything else."""
    try:
        message: Any = None if isinstance(item, BadFrame) else msgspec.json.decode(item)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    if "method" in message:
        return message if isinstance(message["method"], str) else None
    is_answer = isinstance(message.get("id"), str) and ("result" in message or "error" in message)
    return message if is_answer else None
