"""An undo of what there is not says so, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.client import RpcFailure
from tests.server.test_turns import agent


async def test_a_turn_that_is_not_there_is_not_undone(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "Hello."}]) as client:
        done = await client.command("mazu.chat", {"message": "Hello", "wait": True}, within=60)
        session = {"sessionId": done["sessionId"]}
        with pytest.raises(RpcFailure, match="There is no turn 't_none' in the current conversation"):
            await client.command("mazu.undo", session | {"turnId": "t_none"})
        empty = await client.command("mazu.session.new", {"name": "empty"})
        with pytest.raises(RpcFailure, match="There is no turn to undo in this session"):
            await client.command("mazu.undo", {"sessionId": empty["id"]})
        events = (await client.command("mazu.session.events", session))["events"]
        assert [one["update"]["text"] for one in events if one["update"]["kind"] == "reply"] == ["Hello."]
