"""An HTTP client with bounded answers: limited bodies, limited size and number of events, no compression."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2

from mazu_ls.tools.mcp.streams import MessageRate

BODY_BYTES = 8 * 2**20
STREAM_BYTES = 512 * 2**20
"""Bytes of one stream of events, which may stay open for days: then it is reopened."""


def bounded_client(headers: Mapping[str, str], timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """Return a client that raises ReadError for a body, or one event of a stream, larger than BODY_BYTES.

    Its transport is httpx's own: a client with another one ignores HTTP(S)_PROXY, ALL_PROXY and NO_PROXY.
    """
    hooks = {"request": [_ask_uncompressed], "response": [_bound]}
    return httpx2.AsyncClient(headers=dict(headers), timeout=timeout, event_hooks=hooks)


async def _ask_uncompressed(request: httpx2.Request) -> None:
    request.headers["accept-encoding"] = "identity"


async def _bound(response: httpx2.Response) -> None:
    """Install the limit before anything of the body is read; an exception raised here closes the response."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx2.ReadError(
            "it compresses its answers although it was asked not to", request=response.request
        )
    events = response.headers.get("content-type", "").lower().startswith("text/event-stream")
    response.stream = _BoundedStream(response.stream, response.request, events=events)


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, request: httpx2.Request, *, events: bool) -> None:
        self._inner, self._request, self._events = inner, request, events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = size = 0
        rate = MessageRate()
        async for chunk in self._inner:
            for _ in range(chunk.count(b"\n\n") + chunk.count(b"\r\n\r\n") if self._events else 0):
                await rate.wait()
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
