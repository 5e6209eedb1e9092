"""The base protocol of LSP: `Content-Length` headers and bodies, with resynchronisation after malformed input."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

MAX_BODY = 256 * 1024**2
"""Bytes. A larger announced body is taken for a broken header: waiting for it would block everything."""
MAX_HEADER = 64 * 1024
HEADER_ROOM = 40
"""Bytes; no header of ours is longer."""
HEADER_END = re.compile(rb"\r\n\r\n|\n\n")
LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
"""Matched anywhere: after a broken message a header need not begin a line. `listener` is strict about the first one."""


_encode_into = msgspec.json.Encoder().encode_into


class BadFrame(Struct, frozen=True):
    """Bytes that are no message; `reason` is one sentence for the client."""

    reason: str


def frame(body: bytes) -> bytes:
    """Return one message as bytes for the wire."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def encode_frame(message: object) -> bytearray:
    """Encode one message as JSON for the wire, in one buffer: a long one is not copied behind its header.

    Raises TypeError for what JSON cannot represent, UnicodeEncodeError for half a surrogate pair.
    """
    framed = bytearray()
    _encode_into(message, framed, HEADER_ROOM)
    header = b"Content-Length: %d\r\n\r\n" % (len(framed) - HEADER_ROOM)
    framed[HEADER_ROOM - len(header) : HEADER_ROOM] = header
    del framed[: HEADER_ROOM - len(header)]
    return framed


class FrameReader:
    """Splits a byte stream into bodies; after a broken header it continues at the next `Content-Length`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._need: int | None = None

    def feed(self, data: bytes) -> list[bytes | BadFrame]:
        """Return everything that became complete with `data`."""
        found: list[bytes | BadFrame] = []
        self._buffer += data
        while (item := self._next()) is not None:
            found.append(item)
        return found

    def take(self, data: bytes) -> bytes | BadFrame | None:
        """Return the first message that became complete with `data`; the following bytes stay in `rest`."""
        self._buffer += data
        return self._next()

    @property
    def rest(self) -> bytes:
        """Return the input after the last complete message."""
        return bytes(self._buffer)

    def _next(self) -> bytes | BadFrame | None:
        if self._need is None:
            problem = self._header()
            if problem is not None:
                return problem
            if self._need is None:
                return None
        if len(self._buffer) < self._need:
            return None
        body = bytes(memoryview(self._buffer)[: self._need])
        del self._buffer[: self._need]
        self._need = None
        return body

    def _header(self) -> BadFrame | None:
        """Consume one header block: set `_need`, or return what is wrong with it."""
        end = HEADER_END.search(self._buffer)
        if end is None:
            if len(self._buffer) <= MAX_HEADER:
                return None
            del self._buffer[:-64]
            return BadFrame("No header was found in 64 KiB of input; it was skipped.")
        block = bytes(self._buffer[: end.start()])
        del self._buffer[: end.end()]
        lengths = LENGTH.findall(block)
        if not lengths:
            return BadFrame("A message without a Content-Length header was skipped.")
        value = lengths[-1].strip() if len(set(lengths)) == 1 else b"named twice"
        if not value.isdigit() or len(value) > 12 or int(value) > MAX_BODY:
            return BadFrame(
                f"Content-Length {value[:20].decode('latin-1')!r} is not usable; the message was skipped."
            )
        self._need = int(value)
        return None
