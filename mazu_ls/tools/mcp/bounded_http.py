"""MCP over HTTP with bounded answers (limited bodies, limited size and number of events, no compression) and checked addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx2
from mcp.client.streamable_http import streamable_http_client

from mazu_ls.config.config import McpServer
from mazu_ls.tools.mcp.streams import START_SECONDS, MessageRate
from mazu_ls.tools.web.addresses import first_private, look_up, private_address
from mazu_ls.tools.web.host_names import canonical_host

BODY_BYTES = 8 * 2**20
STREAM_BYTES = 512 * 2**20
"""Bytes of one stream of events, which may stay open for days: then it is reopened."""


@asynccontextmanager
async def http_streams(entry: McpServer, *, own: bool) -> AsyncIterator[Any]:
    """Connect to a server. One of a project (not `own`) may be where its address says that it is, and else at public addresses only.

    The client raises ReadError for a body, or one event of a stream, larger than BODY_BYTES, and ConnectError for an address
    that may not be reached. Redirects are followed within the same host alone.
    """
    assert entry.url is not None
    hooks = {"request": [_ask_uncompressed], "response": [_bound]}
    timeout = httpx2.Timeout(START_SECONDS, read=300)
    async with (
        httpx2.AsyncClient(
            headers=entry.headers, timeout=timeout, event_hooks=hooks, **_route(entry.url, own)
        ) as client,
        streamable_http_client(entry.url, http_client=client) as streams,
    ):
        yield streams


def _route(url: str, own: bool) -> dict[str, Any]:
    """Return how the client connects: as httpx does, with HTTP(S)_PROXY, ALL_PROXY and NO_PROXY; for an entry of a project through
    the proxy that is meant for its host, or else with each address checked."""
    parsed = httpx2.URL(url)  # as the client reads it
    host = parsed.raw_host.decode("ascii")
    if own or private_address(host) is not None:  # the user wrote it, or agreed to just this private address
        return {}
    found = getproxies()
    proxy = found.get(parsed.scheme) or found.get("all")
    if proxy and not proxy_bypass(host):
        return {"transport": _Checked(proxy if "://" in proxy else f"http://{proxy}")}
    return {"transport": _Checked(None)}


class _Checked(httpx2.AsyncHTTPTransport):
    """Connects to the address that was checked, not to a name that may lead to another one by then; a proxy is given the name."""

    def __init__(self, proxy: str | None) -> None:
        super().__init__(proxy=proxy)
        self._proxied = proxy is not None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        name = canonical_host(url.raw_host.decode("ascii"))
        try:
            addresses = await look_up(name, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            if self._proxied:  # only the proxy knows where it leads
                return await super().handle_async_request(request)
            raise httpx2.ConnectError(f"{name} has no address: {error}", request=request) from error
        if (private := first_private(addresses)) is not None:
            said = f"{name} leads to {private}, which is not a public address; an MCP server there has to be in your own settings"
            raise httpx2.ConnectError(said, request=request)
        if self._proxied:
            return await super().handle_async_request(request)
        there = httpx2.Request(
            request.method,
            url.copy_with(host=addresses[0]),
            headers=request.headers,  # among them the name, as Host
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": name},
        )
        return await super().handle_async_request(there)


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
