"""A proxy that wants a login, or falls silent: who said no, in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from mazu_ls.errors import Kind
from mazu_ls.models.retry import RetryPolicy
from tests.models.test_endpoints import PROVIDERS, failure, http, proxies, talk_to

__all__ = ["proxies"]
LOGIN = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
)


@asynccontextmanager
async def proxy(answer: bytes) -> AsyncIterator[int]:
    """A proxy that says this to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_login_is_named_once(provider, scheme, proxies):
    async with proxy(LOGIN) as port:
        proxies(**{f"{scheme.upper()}_PROXY": f"http://127.0.0.1:{port}"})
        error = await talk_to(f"{scheme}://model-of-{provider}.invalid", provider).fails("Hello.")
    assert error.kind is Kind.CONFIG
    assert "proxy" in error.message and "user name and a password" in error.message
    assert f"{scheme.upper()}_PROXY" in error.hint and "tried" not in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_proxy_that_falls_silent_is_told_in_words(provider, proxies):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            await reader.read()

    patience = RetryPolicy(retries=1, base=0.01, cap=0.02, connect=0.3, first=0.5, idle=0.3)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxies(ALL_PROXY=f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        error = await talk_to(f"http://silent-for-{provider}.invalid", provider, patience).fails("Hello.")
        server.close()
    assert error.kind is Kind.NETWORK
    assert "cancel scope" not in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_service_that_refuses_without_a_word_leaves_no_colon(provider):
    error, _ = await failure(http(b"", "403 Forbidden"), provider)
    assert error.message.endswith("."), error.message
