"""An HTTP transport whose answers end: bounded bodies, bounded events, nothing compressed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2

BODY_BYTES = 8 * 2**20
STREAM_BYTES = 512 * 2**20
"""Of one stream of events, which may stay open for days: then it is opened again."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """httpx's own transport. A body, or one event of a stream, that is larger than BODY_BYTES is a ReadError."""

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.ReadError("it compresses its answers though it was asked not to", request=request)
        events = response.headers.get("content-type", "").lower().startswith("text/event-stream")
        response.stream = _BoundedStream(response.stream, request, events=events)
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, request: httpx2.Request, *, events: bool) -> None:
        self._inner, self._request, self._events = inner, request, events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = size = 0
        async for chunk in self._inner:
            total += len(chunk)
            size += len(chunk)
            if self._events and (end := max(chunk.rfind(b"\n\n"), chunk.rfind(b"\r\n\r\n"))) >= 0:
                size = len(chunk) - end
            if size > BODY_BYTES or total > STREAM_BYTES:
                raise httpx2.ReadError(
                    f"its answer is larger than {BODY_BYTES // 2**20} MiB", request=self._request
                )
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
