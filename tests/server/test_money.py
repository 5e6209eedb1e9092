"""What is paid for is counted, over the wire: attempts that broke off, and costs of which only a part is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mazu_ls.server.chat.commands import COMMANDS
from mazu_ls.terminal.show import money
from tests.server.test_models import say
from tests.server.test_turns import agent

HALF = {"text": "half of it, and then the connection ends", "fault": "reset_midstream", "after": 2}


def requests(client: Any) -> int:
    return len(client.model.requests)


async def test_an_attempt_that_broke_off_is_paid_for_too(env: dict[str, str], folder: Path):
    async with agent(env, folder, [HALF, {"text": "All of it."}]) as client:
        result = await say(client)
        used, total = result["usage"], (await client.command("mazu.usage"))["total"]
        assert (result["reply"], requests(client), used["modelCalls"]) == ("All of it.", 2, 2)
        assert used["estimated"] and used["inputTokens"] == total["inputTokens"]
        assert total["costUsd"] == used["costUsd"] > 0


async def test_attempts_that_break_off_stop_at_the_limit_of_cost(env: dict[str, str], folder: Path):
    async with agent(env, folder, [HALF, HALF, {"text": "Too late."}]) as client:
        result = await say(client, "mazu.run", "task", maxCost=0.005)
        assert (result["stopReason"], result["usage"]["modelCalls"]) == ("max_cost", 1)
        assert requests(client) == 1


async def test_of_a_total_with_an_unknown_part_the_known_one_is_told(env: dict[str, str], folder: Path):
    replies = [{"text": "One."}, {"text": "Two."}, {"text": "Three."}]
    async with agent(env, folder, replies) as client:
        first = await say(client)
        for _ in range(2):
            unknown = (await say(client, model="claude-nobody-knows"))["usage"]
            assert (unknown["costUsd"], unknown["knownCostUsd"], unknown["unpricedCalls"]) == (None, 0, 1)
        session = first["sessionId"]
        spent = await client.command("mazu.usage", {"sessionId": session})
        assert spent["costUsd"] is None
        assert spent["total"]["unpricedCalls"] == 2
        assert spent["total"]["knownCostUsd"] == first["usage"]["costUsd"] > 0
        sentence = f"at least ${first['usage']['costUsd']:.4f}, 2 calls of unknown cost"
        assert money(spent["total"]) == sentence
        assert COMMANDS["usage"].shown(spent).endswith(sentence)
