"""What belongs to no session stops too: a question, a council, its lead."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import RpcFailure
from tests.server.test_turns import agent

SLOW = {"text": "word " * 400, "delay": 0.05, "chunk": 5}
COUNCIL = {
    "question": "Which?",
    "models": ["anthropic:claude-sonnet-5-5", "anthropic:claude-haiku-5"],
    "lead": "anthropic:claude-sonnet-5-5",
}


async def asked(client: Any, count: int) -> None:
    async with asyncio.timeout(60):
        while len(client.model.requests) < count:  # noqa: ASYNC110 - the model server tells nobody
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("by_id", [True, False])
async def test_a_question_is_stopped(env: dict[str, str], folder: Path, by_id: bool):
    async with agent(env, folder, [SLOW]) as client:
        started = await client.command("mazu.ask", {"question": "Why?"}, within=60)
        await asked(client, 1)
        named = {"sessionId": started["sessionId"]} if by_id else {}
        assert await client.command("mazu.cancel", named) == {"cancelled": True}
        ended = await client.until(
            lambda m: m.get("params", {}).get("value", {}).get("kind") == "end", within=2
        )
        assert ended["params"]["value"]["message"] == "stopped"
        assert await client.command("mazu.cancel") == {"cancelled": False}


@pytest.mark.parametrize("calls", [2, 3])
async def test_a_council_is_stopped_with_its_members_and_its_lead(
    env: dict[str, str], folder: Path, calls: int
):
    quick = {"text": "This one."}
    async with agent(env, folder, [SLOW] * 2 if calls == 2 else [quick, quick, SLOW]) as client:
        waiting = asyncio.ensure_future(client.command("mazu.council", COUNCIL | {"wait": True}, within=60))
        await asked(client, calls)
        assert await client.command("mazu.cancel") == {"cancelled": True}
        with pytest.raises(RpcFailure) as caught:
            await asyncio.wait_for(waiting, 2)
        assert caught.value.code == -32800
        assert len(client.model.requests) == calls
