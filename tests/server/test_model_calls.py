"""mazu.models.call over the wire: the answer for another agent of the editor, as it comes."""

from __future__ import annotations

from pathlib import Path

from tests.server.test_turns import agent


async def test_the_text_of_a_model_call_for_another_agent_is_sent_as_it_comes(
    env: dict[str, str], folder: Path
):
    text = "It will rain in Oslo at six, says the forecast."
    replies = [
        {"text": text, "chunk": 8, "fault": "reset_midstream", "after": 2},
        {"text": text, "chunk": 8, "calls": [{"name": "weather", "arguments": {}}]},
    ]
    async with agent(env, folder, replies) as client:
        question = {"role": "user", "text": "Will it rain in Oslo?"}
        tool = {"name": "weather", "description": "Says it.", "schema": {"type": "object"}}
        wanted = {"messages": [question], "tools": [tool], "partialResultToken": "mine"}
        answer = await client.command("mazu.models.call", wanted, within=60)
        parts = [p["value"] for p in client.notes("$/progress") if p["token"] == "mine"]
        begun = parts.index({"restart": True})
        assert "".join(part["text"] for part in parts[:begun]) == text[:16]
        assert "".join(part["text"] for part in parts[begun + 1 :]) == text == answer["text"]
        assert len(parts) > begun + 3
        assert [call["name"] for call in answer["calls"]] == ["weather"]
