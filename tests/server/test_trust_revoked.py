"""What the user no longer agrees to has no effect from that moment on."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import Client, eventually

STUB = Path(__file__).parents[1] / "tools/mcp_stub.py"


async def test_an_mcp_server_is_ended_and_its_tools_are_gone(
    client: Client, folder: Path, env: dict[str, str]
):
    pytest.importorskip("mcp")
    (folder / ".mazu").mkdir()
    arguments = json.dumps([str(STUB), "works", str(folder / "state")])
    (folder / ".mazu" / "config.toml").write_text(
        f'[[mcp_servers]]\nname = "stub"\ncommand = "{sys.executable}"\nargs = {arguments}\n'
    )
    await client.initialize(folder)

    async def agreed_and_connected() -> None:
        (item,) = (await client.command("mazu.trust.list"))["items"]
        await client.command("mazu.trust.agree", {"id": item["id"], "hash": item["hash"]})
        assert await eventually(lambda: _in_state(client, "connected"))
        assert [tool["name"] for tool in await _mcp_tools(client)] == ["mcp__stub__add"]

    await eventually(lambda: _in_state(client, "not_agreed"))
    await agreed_and_connected()
    assert await asyncio.to_thread(_processes, folder)
    (item,) = (await client.command("mazu.trust.revoke", {"id": "mcp:stub"}))["items"]
    assert item["state"] == "new"
    assert await _in_state(client, "not_agreed")
    assert await _mcp_tools(client) == []
    assert await asyncio.to_thread(_processes, folder) == []
    assert "stub" not in (Path(env["MAZU_HOME"]) / "trust.json").read_text()
    await agreed_and_connected()


async def _in_state(client: Client, state: str) -> bool:
    servers = (await client.command("mazu.status"))["mcpServers"]
    return [server["state"] for server in servers] == [state]


async def _mcp_tools(client: Client) -> list[dict[str, Any]]:
    tools = (await client.command("mazu.tools.list"))["tools"]
    return [tool for tool in tools if tool["source"] == "mcp"]


def _processes(folder: Path) -> list[str]:
    """Processes of the server of this test."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder / "state").encode() in words:
            found.append(entry.parent.name)
    return found
