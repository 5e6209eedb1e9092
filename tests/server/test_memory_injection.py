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


SUBJECTS = [f"{first}{second}ola" for first in "bdfglmnprst" for second in "aeiou"]


async def test_with_more_rules_than_fit_the_newest_stand_and_an_old_one_comes_when_it_applies(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, [{"text": "Done."}] * 5) as client:
        for subject in SUBJECTS:
            rule = f"The {subject} service owns its table, nobody else writes it"
            await client.command("mazu.remember", {"title": rule, "category": "decision"})
        for message in ("Say hello.", "Write a parser for dates.", "Change the beola and baola services."):
            await client.command("mazu.chat", {"message": message, "wait": True})
        one, two, three = (json.loads(json.dumps(body)) for body in client.model.bodies[-3:])
        assert one["system"] == two["system"] == three["system"]
        standing = [subject for subject in SUBJECTS if f"The {subject} service" in json.dumps(one["system"])]
        assert 20 < len(standing) < len(SUBJECTS) and standing == SUBJECTS[-len(standing) :]
        assert "The baola service" in json.dumps(three["messages"][-1])
        assert "The baola service" not in json.dumps(two["messages"][-1])
        shown = await client.command("mazu.memory.why", {"message": "Change the baola service."})
        told = {one["memory"]["title"].split()[1]: one for one in shown["told"]}
        assert [told[subject]["block"] for subject in ("baola", *standing)] == ["context"] + [
            "standing"
        ] * len(standing)
        assert "the newest first" in told[standing[0]]["why"]
        left = {one["memory"]["title"].split()[1]: one["why"] for one in shown["left"]}
        assert left.keys() == set(SUBJECTS) - told.keys()
        assert any("newer ones do" in why for why in left.values())
        await client.command("mazu.remember", {"title": "Logs are in English", "category": "decision"})
        await client.command("mazu.chat", {"message": "And now?", "wait": True})
        now = json.dumps(client.model.bodies[-1]["system"])
        assert "Logs are in English" in now
        assert [s for s in SUBJECTS if f"The {s} service" in now] == standing[1:]
