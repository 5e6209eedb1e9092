"""What stands is told in every turn, and mazu.memory.why says what is told."""

from __future__ import annotations

import json
from pathlib import Path

from tests.server.client import Client
from tests.server.test_turns import agent

QUESTION = "How do we store money? Write the price field."


async def test_a_decision_reaches_the_model_though_the_message_shares_no_word_with_it(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, [{"text": "In cents."}, {"text": "In cents, as said."}]) as client:
        await client.command("mazu.remember", {"title": "Amounts are whole cents", "category": "decision"})
        await client.command("mazu.chat", {"message": QUESTION, "wait": True})
        await client.command("mazu.chat", {"message": "And tax?", "wait": True})
        first, second = client.model.bodies[-2:]
    assert "Amounts are whole cents" in json.dumps(first)
    assert first["system"] == second["system"], "what stands must not disturb the provider's cache"
    assert "Amounts are whole cents" in json.dumps(second["system"])


async def test_why_shows_what_a_message_would_be_given_and_what_not(client: Client, folder: Path):
    await client.initialize(folder)
    await client.command("mazu.remember", {"title": "Amounts are whole cents", "category": "decision"})
    await client.command("mazu.remember", {"title": "The price field is called amount"})
    shown = await client.command("mazu.memory.why", {"message": QUESTION})
    assert [(one["memory"]["title"], one["block"]) for one in shown["told"]] == [
        ("Amounts are whole cents", "standing"),
        ("The price field is called amount", "context"),
    ]
    assert all(one["why"] for one in shown["told"])
    assert shown["left"] == []
    assert 0 < shown["tokens"] <= shown["budget"] == 1500
