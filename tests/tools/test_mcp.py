"""MCP servers as real processes: one that works, and those that do not."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mazu_ls.agent.project.settings.rule_warnings import rules_without_tool
from mazu_ls.config.config import Config, McpServer
from mazu_ls.errors import ToolError
from mazu_ls.policy.rules import Rule
from mazu_ls.tools.mcp import servers as mcp
from mazu_ls.tools.mcp.servers import McpServers
from mazu_ls.tools.mcp.tools import tool_name, tool_prefix
from mazu_ls.tools.skills.trust import TrustStore
from tests.own_sleep import own_seconds

pytest.importorskip("mcp")
STUB = str(Path(__file__).with_name("mcp_stub.py"))
TURN: Any = None


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  the server's state has no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(entry: McpServer, home: Path, told: list[str] | None = None) -> AsyncIterator[McpServers]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    tell = [].append if told is None else told.append
    servers = McpServers([entry], env, TrustStore.load(home), tell=tell)
    servers.agree(entry.name)
    try:
        yield servers
    finally:
        await servers.close()


def stub(mode: str, home: Path) -> McpServer:
    return McpServer(name="stub", command=sys.executable, args=(STUB, mode, str(home / "state")))


def state(servers: McpServers) -> str:
    return servers.status()[0].state


async def test_a_server_of_the_official_package_over_stdio_and_http(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        "import sys\nfrom mcp.server import MCPServer\n"
        "server = MCPServer('real')\n"
        "@server.tool()\ndef add(a: int, b: int) -> int:\n    'Adds two numbers.'\n    return a + b\n"
        "server.run('stdio') if len(sys.argv) < 2 else server.run('streamable-http', port=int(sys.argv[1]))\n",
        encoding="utf-8",
    )
    async with running(
        McpServer(name="real", command=sys.executable, args=(str(script),)), tmp_path
    ) as servers:
        await until(lambda: state(servers) == "connected")
        (tool,) = servers.tools()
        assert (tool.name, tool.source) == ("mcp__real__add", "mcp")
        output = await tool.call({"a": 2, "b": 3}, TURN)
        assert (output.text, output.untrusted, output.ok) == ("5", "mcp:real", True)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with running(McpServer(name="http", url=f"http://127.0.0.1:{port}/mcp"), tmp_path) as servers:
            await until(lambda: state(servers) == "connected", 30)
            assert (await servers.tools()[0].call({"a": 2, "b": 3}, TURN)).text == "5"
    finally:
        process.kill()
        await process.wait()


async def test_a_server_over_http_is_reached_through_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "localhost")
    async with listening, running(McpServer(name="far", url="http://far.invalid/mcp"), tmp_path):
        await until(lambda: bool(asked), 40)
    assert asked[0].startswith("POST http://far.invalid/mcp")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_nothing_starts_before_the_user_agreed(tmp_path: Path) -> None:
    servers = McpServers([stub("works", tmp_path)], os.environ, TrustStore.load(tmp_path))
    await servers.start()
    assert (state(servers), servers.tools()) == ("not_agreed", [])
    servers.agree("stub")
    await until(lambda: state(servers) == "connected")
    await servers.close()
    swapped = McpServer(name="stub", command="/bin/sh", args=("-c", f"touch {tmp_path}/owned"))
    servers = McpServers([swapped], os.environ, TrustStore.load(tmp_path))
    await servers.start()
    assert state(servers) == "not_agreed"
    assert not (tmp_path / "owned").exists()


async def test_one_that_dies_is_said_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp, "BACKOFF", (0.05,))
    async with running(stub("dies", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        tool = servers.tools()[0]
        with pytest.raises(ToolError, match=r"went away|failed"):
            await tool.call({"a": 1, "b": 2}, TURN)
        await until(lambda: state(servers) == "connected")
        assert (await tool.call({"a": 1, "b": 2}, TURN)).text == "3"


async def test_one_that_hangs_and_one_that_floods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp, "CALL_SECONDS", 0.3)
    async with running(stub("hangs", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        with pytest.raises(ToolError):
            await servers.tools()[0].call({"a": 1, "b": 2}, TURN)
    monkeypatch.setattr(mcp, "CALL_SECONDS", 60)
    async with running(stub("floods", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        assert len((await servers.tools()[0].call({"a": 1, "b": 2}, TURN)).text) < 31_000


async def test_one_that_never_answers_is_no_green_light(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "START_SECONDS", 0.5)
    async with running(stub("silent", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "failed")
        assert "no answer" in servers.status()[0].detail


async def test_noise_on_its_output_is_passed_over(tmp_path: Path) -> None:
    async with running(stub("noisy", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        assert (await servers.tools()[0].call({"a": 1, "b": 2}, TURN)).text == "3"


async def test_an_error_of_the_tool_is_a_failed_call(tmp_path: Path) -> None:
    async with running(stub("fails", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        output = await servers.tools()[0].call({}, TURN)
        assert (output.ok, output.text) == (False, "no such thing")


async def test_a_placeholder_of_a_secret_is_not_sent(tmp_path: Path) -> None:
    async with running(stub("fails", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        with pytest.raises(ToolError, match="placeholder for a secret"):
            await servers.tools()[0].call({"text": ["[redacted: openai key]"]}, TURN)


async def test_a_changed_description_is_asked_about_again(tmp_path: Path) -> None:
    async with running(stub("changes", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        await servers.tools()[0].call({"a": 1, "b": 2}, TURN)
        await until(lambda: servers.status()[0].waiting == ("add",))
        assert servers.tools() == []
        servers.agree("stub")
        assert len(servers.tools()) == 1


async def test_a_tool_that_a_turn_still_holds_is_not_called_once_the_agreement_is_taken_back(
    tmp_path: Path,
) -> None:
    async with running(stub("works", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        tool = servers.tools()[0]
        await servers.revoke("stub")
        assert (state(servers), servers.tools()) == ("not_agreed", [])
        with pytest.raises(ToolError, match="revoked the agreement"):
            await tool.call({"a": 1, "b": 2}, TURN)
        assert TrustStore.load(tmp_path).list() == ()


async def test_what_a_server_started_ends_with_it(tmp_path: Path) -> None:
    async with running(stub("children", tmp_path), tmp_path) as servers:
        await until(lambda: state(servers) == "connected")
        assert any(sleepers(tmp_path))
    await until(lambda: not any(sleepers(tmp_path)))


def sleepers(home: Path) -> list[str]:
    found = []
    words = ["sleep", own_seconds(7301, of=home / "state")]
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[:2] == [
                word.encode() for word in words
            ]:
                found.append(entry.name)
        except OSError:
            continue
    return found


GROUP = """
import sys, traceback
class Failed(ExceptionGroup):
    pass
try:
    raise ImportError("no such part")
except ImportError as error:
    inner = error
try:
    raise Failed("in a task", [inner])
except Failed:
    traceback.print_exc()
print("INFO server stopped\\nsys:1: ResourceWarning: unclosed", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (McpServer("none", "/no/such/program"), "No such file or directory: /no/such/program"),
        (McpServer("false", "false"), "it closed the connection"),
        (McpServer("sh", "sh", ("-c", "echo no such option >&2; exit 3")), "it closed the connection no such option"),
        (McpServer("py", sys.executable, ("-c", "import absent_one")), "it closed the connection ModuleNotFoundError: No module named 'absent_one'"),
        (McpServer("group", sys.executable, ("-c", GROUP)), "it closed the connection ImportError: no such part"),
        (McpServer("neither"), "the entry has neither `command` nor `url`"),
    ],
)  # fmt: skip
async def test_one_that_cannot_be_started_is_said_once_in_a_sentence(
    entry: McpServer,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(mcp, "BACKOFF", (0.05,))
    told: list[str] = []
    async with running(entry, tmp_path, told) as servers:
        await until(lambda: sum("MCP server" in r.message for r in caplog.records) > 1)
        assert state(servers) in ("failed", "starting")
        await until(lambda: state(servers) == "failed")
        assert servers.status()[0].detail.split("\n")[0] == why
    assert told == [f"The MCP server {entry.name} cannot be used: {why}."]
    assert "ExceptionGroup" not in caplog.text


def test_names_fit_what_providers_allow() -> None:
    assert tool_name("a", "b") == "mcp__a__b"
    assert tool_name("a", "b.c") != tool_name("a", "b c")
    assert all(len(tool_name("s" * 40, "t" * n)) <= 64 for n in (1, 20, 200))


def test_a_servers_name_does_not_give_it_the_tools_or_rules_of_another() -> None:
    imitated = tool_prefix("a__b").removeprefix("mcp__").removesuffix("__")
    servers = ["a", "_a", "a_", "a__b", "a_b", "a__", "a__b__c", "__", imitated]
    made = [tool_name(server, tool) for server in servers for tool in ("b__c", "c", "_c", "b__" + "t" * 80)]
    assert len(set(made)) == len(made)
    for server in servers:
        rule = Rule(f"{tool_prefix(server)}*", (), "allow")
        assert [one for one in servers if rule.applies(tool_name(one, "c"))] == [server]
    # what rules were written with before stays
    assert tool_name("my-server_2", "read__all_") == "mcp__my-server_2__read__all_"


def test_rules_for_a_server_whose_tools_have_another_name_are_named():
    servers = [{"name": "my__db", "command": "x"}, {"name": "plain", "command": "y"}]
    tools = [
        "mcp__my__db__*",
        "mcp__my__db__drop",
        "mcp__my__*",
        "mcp__*",
        "mcp__plain__x",
        f"{tool_prefix('my__db')}*",
    ]
    rules = [{"tool": tool, "pattern": "*", "verdict": "deny"} for tool in tools]
    config = msgspec.convert({"permissions": {"rules": rules}, "mcp_servers": servers}, Config)
    said = rules_without_tool(config, [], {})
    assert [one.partition("Write ")[2].partition(" in ")[0] for one in said] == [
        f"{tool_prefix('my__db')}{rest}" for rest in ("*", "drop", "*")
    ]
    assert "does nothing" in said[0]


@pytest.mark.parametrize("name", ["github\n", "a b", "", "x" * 41, "\nx"])
def test_a_name_with_another_line_is_none(name: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"mcp_servers": [{"name": name, "command": "x"}]}, Config)


def test_no_name_of_a_server_is_that_of_another_with_its_digest():
    names = ["github__jira", "a__b", "my__my", "db__db", "_x", "x_", *(f"s{n}__t" for n in range(200))]
    prefixes = {tool_prefix(name) for name in names}
    assert len(prefixes) == len(names)
    imitated = {tool_prefix(prefix.removeprefix("mcp__").removesuffix("__")) for prefix in prefixes}
    assert not prefixes & imitated
    assert tool_prefix("logs_20260131") == "mcp__logs_20260131__", "a date is no digest"
