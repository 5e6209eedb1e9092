"""Where an MCP server of a cloned project may be: what the user was shown, else public addresses; no redirect and no resolver widens it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mazu_ls.agent.project.start_questions import where_it_is
from mazu_ls.config.config import McpServer
from mazu_ls.tools.mcp.servers import McpServers
from mazu_ls.tools.skills.trust import TrustStore
from tests.tools.test_mcp import state, until

pytest.importorskip("mcp")


@asynccontextmanager
async def agreed(
    url: str, home: Path, told: list[str], *, own: bool = False, headers: dict[str, str] | None = None
) -> AsyncIterator[McpServers]:
    entry = McpServer(name="far", url=url, headers=headers or {})
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    servers = McpServers([entry], env, TrustStore.load(home), tell=told.append, own=[entry] if own else [])
    servers.agree(entry.name)
    try:
        yield servers
    finally:
        await servers.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver of ours: for each name what it answers, one after the other; the last one again and again."""
    answers: dict[str, list[str]] = {}
    real = asyncio.base_events.BaseEventLoop.getaddrinfo

    async def resolve(loop: Any, host: Any, port: Any, **rest: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in answers:
            return await real(loop, host, port, **rest)
        given = answers[name]
        address = given.pop(0) if len(given) > 1 else given[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", resolve)
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.lower(), raising=False)
    return answers


@asynccontextmanager
async def listening(asked: list[str], answer: bytes = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().strip())
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_name_of_a_project_that_leads_to_this_machine_is_not_connected_to(
    names: dict[str, list[str]], tmp_path: Path
) -> None:
    names["far.example"] = ["127.0.0.1"]
    asked: list[str] = []
    told: list[str] = []
    async with listening(asked) as port, agreed(f"http://far.example:{port}/mcp", tmp_path, told) as servers:
        await until(lambda: bool(told))
        assert state(servers) == "failed"
    assert asked == []
    assert "far.example leads to 127.0.0.1, which is not a public address" in told[0]


async def test_the_users_own_entry_is_reached_wherever_it_is(
    names: dict[str, list[str]], tmp_path: Path
) -> None:
    names["far.example"] = ["127.0.0.1"]
    asked: list[str] = []
    async with listening(asked) as port, agreed(f"http://far.example:{port}/mcp", tmp_path, [], own=True):
        await until(lambda: bool(asked))
    assert asked[0] == "POST /mcp HTTP/1.1"


async def test_a_local_address_that_the_question_named_is_reached(
    names: dict[str, list[str]], tmp_path: Path
) -> None:
    asked: list[str] = []
    async with listening(asked) as port, agreed(f"http://localhost:{port}/mcp", tmp_path, []):
        await until(lambda: bool(asked))
    assert asked[0] == "POST /mcp HTTP/1.1"


async def test_a_resolver_that_changes_its_mind_is_not_asked_again(
    names: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is public and is the one connected to; a private one after it is refused."""
    names["far.example"] = ["203.0.114.7", "127.0.0.1"]
    connected: list[str] = []
    told: list[str] = []

    async def connect(remote_host: str, **_: object) -> None:
        connected.append(remote_host)
        raise OSError("no such network here")

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    async with agreed("https://far.example/mcp", tmp_path, told) as servers:
        await until(lambda: "which is not a public address" in servers.status()[0].detail, 30)
    assert connected == ["203.0.114.7"]


@pytest.mark.parametrize("to", ["http://127.0.0.1:{port}/private", "http://far.example:{port}/private"])
async def test_a_redirect_leads_to_no_other_server(
    names: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """A public host answers with a redirect to this machine, by its address and by a name that leads here the second time."""
    names["far.example"] = ["203.0.114.7"]
    asked: list[str] = []
    first: list[str] = []
    told: list[str] = []
    real = anyio.connect_tcp
    async with listening(asked) as port:
        answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {to.format(port=port)}\r\nContent-Length: 0\r\n\r\n"
        async with listening(first, answer.encode()) as public:

            async def connect(remote_host: str, remote_port: int, **rest: Any) -> Any:
                assert remote_host == "203.0.114.7"  # the only one that may be tried
                return await real("127.0.0.1", public, **rest)

            monkeypatch.setattr(anyio, "connect_tcp", connect)
            async with agreed(f"http://far.example:{public}/mcp", tmp_path, told):
                await until(lambda: bool(told))
    assert first[0] == "POST /mcp HTTP/1.1"
    assert f"host: far.example:{public}" in first[1].lower()
    assert asked == []


async def test_what_is_for_the_host_goes_to_the_proxy_where_the_address_is_public(
    names: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["far.example"], names["near.example"] = ["203.0.114.7"], ["10.0.0.1"]
    asked: list[str] = []
    told: list[str] = []
    async with listening(asked) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        async with agreed("http://far.example/mcp", tmp_path / "far", []):
            await until(lambda: bool(asked))
        assert asked[0].startswith("POST http://far.example/mcp")
        del asked[:]
        async with agreed("http://near.example/mcp", tmp_path / "near", told):
            await until(lambda: bool(told))
    assert asked == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://tools.example/mcp", " It is at tools.example."),
        (
            "http://2130706433/mcp",
            " It is at 2130706433 (127.0.0.1), on this machine or in your own network.",
        ),
        ("http://a:b@169.254.169.254/", " It is at 169.254.169.254, on this machine or in your own network."),
        (
            "http://localhost:8080/mcp",
            " It is at localhost (127.0.0.1), on this machine or in your own network.",
        ),
        ("https://b\u00fccher.example/", " It is at xn--bcher-kva.example."),
        ("http://[::1]/", " It is at ::1, on this machine or in your own network."),
    ],
)
def test_the_question_names_the_host(url: str, said: str) -> None:
    assert where_it_is(McpServer(name="far", url=url)) == said


def test_a_program_has_no_host() -> None:
    assert where_it_is(McpServer(name="far", command="x")) == ""
