"""MCP servers that change what was agreed to, flood, hoard, or want to outlive the program that started them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.config.config import McpServer
from mazu_ls.errors import ToolError
from mazu_ls.tools.mcp import stdio
from mazu_ls.tools.mcp.stdio import TOO_LARGE, cut_answer
from mazu_ls.tools.mcp.streams import MessageRate
from tests.own_sleep import own_seconds
from tests.server.client import Client, eventually
from tests.server.test_process import real_server
from tests.server.test_turns import agent
from tests.tools.test_mcp import STUB, TURN, running, state, stub, until

pytest.importorskip("mcp")
PATIENCE = 60


def configured(mode: str, place: Path) -> str:
    return f'[[mcp_servers]]\nname = "stub"\ncommand = "{sys.executable}"\nargs = ["{STUB}", "{mode}", "{place}"]\n'


@asynccontextmanager
async def of_the_user(
    env: dict[str, str], folder: Path, mode: str, tmp_path: Path, replies: list[dict[str, Any]] | None = None
) -> AsyncIterator[Client]:
    """A server in the user's own settings, which needs no agreement; it begins with the first message."""
    home = Path(env["MAZU_HOME"])
    home.mkdir()
    (home / "config.toml").write_text(configured(mode, tmp_path / "mode-state"))
    replies = replies or [
        {"text": "Hello."},
        {"calls": [{"name": "mcp__stub__add", "arguments": {"a": 2, "b": 3}}]},
        {"text": "Done."},
    ]
    async with agent({**env, "PATH": os.environ["PATH"]}, folder, replies) as client:
        yield client


async def status(client: Client) -> dict[str, Any]:
    return (await client.command("mazu.status"))["mcpServers"][0]


async def test_tools_that_come_after_an_empty_list_are_asked_about_and_can_be_agreed_to(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    async with of_the_user(env, folder, "empty", tmp_path) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_always"}
        await client.command("mazu.chat", {"message": "Hello", "wait": True}, within=PATIENCE)

        async def asked() -> list[Any]:
            return [one for one in client.notes("mazu/permission/request") if one["tool"] == "trust"]

        (question,) = await eventually(asked, PATIENCE)
        assert "new or changed tools" in question["title"]
        assert '"name": "add"' in question["detail"] and "Adds." in question["detail"]

        async def callable_() -> bool:
            return (await status(client))["tools"] == 1

        await eventually(callable_, PATIENCE)
        assert (await status(client))["waiting"] == []


async def test_what_is_refused_waits_and_is_agreed_to_later(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    async with of_the_user(env, folder, "empty", tmp_path) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "deny"}
        await client.command("mazu.chat", {"message": "Hello", "wait": True}, within=PATIENCE)

        async def waits() -> bool:
            return (await status(client))["waiting"] == ["add"]

        await eventually(waits, PATIENCE)
        assert (await status(client))["tools"] == 0
        (item,) = [one for one in (await client.command("mazu.trust.list"))["items"] if one["kind"] == "mcp"]
        assert item["state"] == "changed"
        with pytest.raises(Exception, match="changed meanwhile"):
            await client.command("mazu.trust.agree", {"id": item["id"], "hash": "0" * 64})
        await client.command("mazu.trust.agree", {"id": item["id"], "hash": item["hash"]})
        assert (await status(client))["tools"] == 1


async def test_an_answer_of_30_mb_is_cut_and_the_server_goes_on(tmp_path: Path) -> None:
    async with running(stub("huge", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected", PATIENCE)
        for _ in range(2):
            with pytest.raises(ToolError, match="larger than 8 MiB"):
                await servers.tools()[0].call({"a": 2, "b": 3}, TURN)
        assert state(servers) == "connected"


@pytest.mark.parametrize(
    ("head", "tail", "named"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{', b"}", b'"id":7,'),
        (b'{"result":{"content":"xxx', b'xxx"},"id": "a-1","jsonrpc":"2.0"}', b'"id":"a-1",'),
        (b'{"result":"xxx', b"xxx", b""),
    ],
)
def test_the_request_of_a_cut_answer_is_found(head: bytes, tail: bytes, named: bytes):
    answer = cut_answer(head, tail)
    assert named in answer if named else answer == b""
    assert not named or TOO_LARGE.encode() in answer


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP server whose answer never ends."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return


async def test_an_endless_body_is_left(tmp_path: Path) -> None:
    async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with running(McpServer(name="stub", url=f"http://127.0.0.1:{port}/mcp"), tmp_path) as servers:
            await until(lambda: state(servers) == "failed", PATIENCE)


@given(st.lists(st.floats(0, 0.1), max_size=300))
def test_a_flood_of_messages_is_slowed_down(pauses: list[float]):
    """However a server sends, no more than the burst and so many in a second get through."""
    rate, now, begun = MessageRate(), 5.0, 5.0
    rate.BURST = 20
    for count, pause in enumerate(pauses):
        now += pause
        assert count <= rate.BURST + (now - begun) * rate.RATE + 1
        now += rate.delay(now)


def processes(*words: bytes) -> list[int]:
    """Those in whose command line all the words stand."""
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                line = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(int(place.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize("how", ["kill -9", "closed input", "shutdown"])
async def test_a_server_that_ignores_everything_ends_with_us(
    env: dict[str, str], folder: Path, tmp_path: Path, how: str
):
    """Its child too, that left its session and has no environment by which it could be known."""
    home, place = Path(env["MAZU_HOME"]), tmp_path / "stubborn-state"
    sleep = own_seconds(7302, of=place).encode()
    home.mkdir()
    (home / "config.toml").write_text(configured("stubborn", place))
    async with real_server({**env, "PATH": os.environ["PATH"]}) as (client, process):
        await client.initialize(folder)
        await client.command("mazu.status")
        await client.command("mazu.tools.list")

        async def runs() -> bool:
            return bool(place.exists() and place.read_text() and processes(b"sleep", sleep))

        await eventually(runs, PATIENCE)
        server = int(place.read_text())
        if how == "kill -9":
            process.kill()
        elif how == "closed input":
            assert process.stdin
            process.stdin.close()
        else:
            await client.ask("shutdown")
            client.notify("exit")
        await asyncio.wait_for(process.wait(), PATIENCE)

        async def gone() -> bool:
            return not processes(b"sleep", sleep) and not Path(f"/proc/{server}").exists()

        await eventually(gone, PATIENCE)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
async def test_one_that_takes_all_memory_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio, "memory_bytes", lambda: 2 * 400 * 2**20)
    async with running(stub("hungry", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected", PATIENCE)
        with pytest.raises(ToolError, match=r"went away|Connection closed"):
            await servers.tools()[0].call({"a": 2, "b": 3}, TURN)
