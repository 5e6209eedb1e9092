"""What is paid for is counted, over the wire: attempts that broke off, and costs of which only a part is known."""

from __future__ import annotations

from pathlib import Path

from tests.server.test_models import say
from tests.server.test_turns import agent

HALF = {"text": "half of it, and then the connection ends", "fault": "reset_midstream", "after": 2}


async def test_an_attempt_that_broke_off_is_paid_for_too(env: dict[str, str], folder: Path):
    async with agent(env, folder, [HALF, {"text": "All of it."}]) as client:
        result = await say(client)
        used, total = result["usage"], (await client.command("mazu.usage"))["total"]
        sent = [request.body for request in client.model.requests]
        assert (result["reply"], len(sent), used["modelCalls"]) == ("All of it.", 2, 2)
        assert used["estimated"] and used["inputTokens"] == total["inputTokens"]
        assert total["costUsd"] == used["costUsd"] > 0


async def test_attempts_that_break_off_stop_at_the_limit_of_cost(env: dict[str, str], folder: Path):
    async with agent(env, folder, [HALF, HALF, {"text": "Too late."}]) as client:
        result = await say(client, "mazu.run", "task", maxCost=0.001)
        assert (result["stopReason"], result["usage"]["modelCalls"]) == ("max_cost", 1)
        assert len(client.model.requests) == 1
