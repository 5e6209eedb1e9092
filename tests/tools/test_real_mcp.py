"""A published MCP server (mcp-server-time of PyPI, in the dev group) as its own process, driven by the agent, its words kept apart."""

import sys
from pathlib import Path

import pytest

from mazu_ls.agent.project import extension_tools
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from tests.scenario import Story, World

CONVERT = {
    "name": "mcp__time__convert_time",
    "arguments": {"source_timezone": "Europe/Berlin", "time": "12:30", "target_timezone": "Asia/Tokyo"},
}
REMEMBER = {"name": "remember", "arguments": {"title": "Berlin noon is evening in Tokyo"}}
WRONG = {"name": "mcp__time__get_current_time", "arguments": {"timezone": "Middle/Earth"}}


async def test_a_published_server_is_used_by_the_agent_and_what_it_says_keeps_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        extension_tools, "START_SECONDS", 60.0
    )  # the first turn waits for it, on a busy machine too
    story = Story(files={"a.txt": "a\n"}, answers=[f"allow_once {one['name']}" for one in (CONVERT, WRONG)])
    server = {
        "name": "time",
        "command": sys.executable,
        "args": ["-m", "mcp_server_time", "--local-timezone", "UTC"],
    }
    story.settings |= {"mcp_servers": [server]}
    world = World(story, tmp_path)
    replies = [{"calls": [CONVERT]}, {"calls": [REMEMBER]}, {"calls": [WRONG]}, {"text": "Done."}]
    async with ModelServer(replies) as model:
        world.env["ANTHROPIC_BASE_URL"] = model.url
        project = await world.open()
        try:
            result = await (await project.sessions.new()).prompt(Prompt("What time is it in Tokyo at noon?"))
            assert (result.reply, result.stop_reason) == ("Done.", "end_turn")
            assert project.memories is not None
            (kept,), _total = await project.memories.list()
            assert kept.origin == "mcp:time"
        finally:
            await project.close()
        sent = str(model.requests[-1])
    assert '<untrusted origin="mcp:time">' in sent
    assert "T19:30:00+09:00" in sent or "T20:30:00+09:00" in sent
    assert "Middle/Earth" in sent
