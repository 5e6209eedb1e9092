"""`mazu.turn.output`: what a tool call gave back, of which the updates have one line; which sessions are chats."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.client import RpcFailure
from tests.server.test_turns import agent


async def test_all_that_a_call_gave_back_can_be_read_also_after_a_restart(env: dict[str, str], folder: Path):
    fails = {"name": "run_shell", "arguments": {"command": "printf 'one\\ntwo\\n'; exit 3"}}
    async with agent(
        env, folder, [{"calls": [fails]}, {"text": "It failed."}], allow=["run_shell: printf"]
    ) as client:
        done = await client.command("mazu.chat", {"message": "Build", "wait": True}, within=60)
        session = {"sessionId": done["sessionId"]}
        page = await client.command("mazu.session.events", session)
    (ended,) = [one["update"] for one in page["events"] if one["update"]["kind"] == "tool_result"]
    assert (ended["ok"], ended["summary"]) == (False, "exit code 3")
    async with agent(env, folder, []) as client:
        found = await client.command("mazu.turn.output", {**session, "callId": ended["callId"]})
        assert found == {"text": "one\ntwo\n[exit code 3]", "ok": False}
        assert await client.command("mazu.turn.output", session) == found
        with pytest.raises(RpcFailure, match="has not ended"):
            await client.command("mazu.turn.output", {**session, "callId": "none"})


async def test_a_list_of_conversations_tells_which_are_chats(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "Hello."}, {"text": "Why not?", "repeat": True}]) as client:
        await client.command("mazu.chat", {"message": "Hello", "wait": True}, within=60)
        models = ["anthropic:one", "anthropic:two"]
        await client.command("mazu.council", {"question": "Why?", "models": models, "wait": True}, within=60)
        listed = (await client.command("mazu.session.list"))["sessions"]
    assert [one["name"] for one in listed if not one["aside"]] == ["Hello"]
    assert len(listed) > 1
