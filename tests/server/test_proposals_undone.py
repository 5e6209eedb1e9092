"""What was accepted is the agent's work, whoever's keys made it: undo takes it back without a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, eventually
from tests.server.test_proposals import CREATES, SOURCE, chat, hints, proposing, take, write_source
from tests.server.test_undo_stories import OPTED, questions, restarted

CAPABILITIES = {**CREATES, "experimental": OPTED["experimental"]}


async def accept_all(client: Client) -> None:
    accepted = await client.command("mazu.proposal.accept", {})
    assert accepted["accepted"] and accepted["problems"] == []


async def accepted_step(client: Client) -> bool:
    listed = (await client.command("mazu.checkpoint.list"))["checkpoints"]
    return any(one["title"] == "accepted: app.py" for one in listed)


@pytest.mark.parametrize("way", ["command, closed", "command, open", "literal edit"])
async def test_undo_of_a_turn_takes_its_accepted_hunks_back(env: dict[str, str], folder: Path, way: str):
    path = write_source(folder)
    async with proposing(env, folder, **CAPABILITIES) as client:
        document = None if way == "command, closed" else client.open(path.as_uri(), SOURCE)

        def text() -> str:
            return document.text if document else path.read_text()

        taken = await client.command("mazu.checkpoint")
        await chat(client)
        if way == "literal edit":
            await hints(client, path.as_uri(), 2)
            await take(client, path.as_uri(), 4, "accept proposal (file")
        else:
            await accept_all(client)
        assert text() != SOURCE
        preview = await client.command("mazu.rollback", {"id": taken["id"], "preview": True})
        assert (preview["plan"]["agents"], preview["plan"]["users"]) == (["app.py"], [])
        undone = await client.command("mazu.undo")
        assert undone["applied"] and undone["verified"], undone
        assert text() == SOURCE and questions(client) == []
        redone = await client.command("mazu.redo")
        assert redone["applied"] and text() != SOURCE


async def test_what_the_user_wrote_beside_an_accepted_hunk_stays(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder, **CAPABILITIES) as client:
        await chat(client)
        await accept_all(client)
        await eventually(lambda: accepted_step(client))
        path.write_text("# mine\n" + path.read_text())
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        undone = await client.command("mazu.undo")
        assert undone["applied"] and path.read_text() == "# mine\n" + SOURCE


async def test_hunks_accepted_by_a_later_process_are_undone_too(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder, **CAPABILITIES) as client:
        session = (await chat(client))["sessionId"]
    async with ModelServer([]) as model, restarted(env, folder, model) as client:
        await accept_all(client)
        assert path.read_text() != SOURCE
        undone = await client.command("mazu.undo", {"sessionId": session})
        assert undone["applied"] and path.read_text() == SOURCE and questions(client) == []
