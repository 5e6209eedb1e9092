"""Byte transports: stdio through two threads (the loop never waits for an editor), or one TCP client."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

CHUNK = 256 * 1024
FLUSH_SECONDS = 1.0
Queued = bytes | bytearray | Callable[[], bytes | bytearray]
logger = logging.getLogger(__name__)


class Transport(Protocol):
    """A two-way byte stream."""

    async def read(self) -> bytes:
        """Return some bytes; empty at the end of input."""
        ...

    def write(self, data: bytes | bytearray) -> None:
        """Queue bytes; never blocks."""
        ...

    def write_later(self, encode: Callable[[], bytes | bytearray]) -> None:
        """Queue a message that may be encoded only when it is sent, in any thread: until then it takes no memory of its own."""
        ...

    @property
    def unread(self) -> int:
        """Return how many bytes are queued that the other side has not read."""
        ...

    async def close(self) -> None:
        """Send what is queued, for at most a second."""
        ...


class StdioTransport:
    """Blocking file descriptors behind a reading and a writing thread; pipes, sockets and files all work.

    Non-blocking pipes would not do: the flag belongs to the pipe, which the editor and children may share.
    """

    def __init__(self, source: int, sink: int, unread: bytes = b"") -> None:
        """`unread` is input that was read from `source` before."""
        self._source, self._sink = source, sink
        self._loop = asyncio.get_running_loop()
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self._output: queue.SimpleQueue[Queued | None] = queue.SimpleQueue()
        self._flushed = asyncio.Event()
        self._queued = 0
        self._written = 0
        if unread:
            self._input.put_nowait(unread)
        for run in (self._read_all, self._write_all):
            threading.Thread(target=run, name=run.__name__.strip("_"), daemon=True).start()

    async def read(self) -> bytes:
        return await self._input.get()

    def write(self, data: bytes | bytearray) -> None:
        self._queued += len(data)
        self._output.put(data)

    def write_later(self, encode: Callable[[], bytes | bytearray]) -> None:
        self._output.put(encode)

    @property
    def unread(self) -> int:
        return self._queued - self._written

    async def close(self) -> None:
        self._output.put(None)
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._flushed.wait()
        except TimeoutError:
            return

    def _read_all(self) -> None:
        data = b"start"
        while data:
            try:
                data = os.read(self._source, CHUNK)
            except OSError:
                data = b""
            self._on_loop(self._input.put_nowait, data)

    def _write_all(self) -> None:
        try:
            while (queued := self._output.get()) is not None:
                if not callable(queued):
                    for sent in self._send(queued):
                        self._written += sent
                elif data := _encoded(queued):
                    for _ in self._send(data):  # not counted when it was queued
                        pass
        except OSError:
            # The editor closed its end: for the loop that is the end of input.
            self._on_loop(self._input.put_nowait, b"")
        self._on_loop(self._flushed.set)

    def _send(self, data: bytes | bytearray) -> Iterator[int]:
        """Write all of it; yield how many bytes at a time the other side took."""
        view = memoryview(data)
        while view:
            sent = os.write(self._sink, view)
            yield sent
            view = view[sent:]

    def _on_loop(self, call: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            return  # The loop is closed: the process is ending.


def _encoded(encode: Callable[[], bytes | bytearray]) -> bytes | bytearray:
    """Return the message; nothing if that fails: the messages behind it must not be lost with it."""
    try:
        return encode()
    except Exception:
        logger.exception("a message could not be encoded any more")
        return b""


class StreamTransport:
    """asyncio's own streams: TCP, and in-memory pairs in the tests."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unread: bytes = b""
    ) -> None:
        """`unread`: input that was read before, and is returned again."""
        self._reader, self._writer, self._unread = reader, writer, unread

    async def read(self) -> bytes:
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        try:
            return await self._reader.read(CHUNK)
        except ConnectionError:
            return b""

    def write(self, data: bytes | bytearray) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def write_later(self, encode: Callable[[], bytes | bytearray]) -> None:
        self.write(encode())

    @property
    def unread(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    async def close(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        except (TimeoutError, ConnectionError):
            return
