"""What is told of a session after its conversation was taken back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.server.test_turns import agent


async def test_turns_that_were_taken_back_do_not_count_and_the_times_stay(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok", "repeat": True}]) as client:
        start = await client.command("mazu.checkpoint", {"label": "start"})
        for word in ("one", "two"):
            await client.command("mazu.chat", {"message": word, "wait": True}, within=60)
        before = await client.command("mazu.session.show")
        await client.command("mazu.session.rewind", {"turns": 1})
        (listed,) = (await client.command("mazu.session.list"))["sessions"]
        assert listed["turnCount"] == (await client.command("mazu.session.show"))["turnCount"] == 1
        assert listed["createdAt"] == before["createdAt"]
        done = await client.command("mazu.rollback", {"id": start["id"], "only": ["conversation"]})
        assert done["applied"]
        shown = await client.command("mazu.session.show", {"sessionId": before["id"]})
        (listed,) = (await client.command("mazu.session.list"))["sessions"]
        assert {key: shown[key] for key in listed} == listed
        assert (shown["turnCount"], shown["turns"], shown["name"]) == (0, [], before["name"])
        assert shown["createdAt"] == before["createdAt"]
        assert datetime.fromisoformat(shown["updatedAt"]) >= datetime.fromisoformat(before["updatedAt"])
        await client.command("mazu.chat", {"message": "three", "wait": True}, within=60)
        (listed,) = (await client.command("mazu.session.list"))["sessions"]
        assert listed["turnCount"] == 1
