"""What an undo did is told to the conversations that it moved, and to no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, RpcFailure
from tests.server.test_two_editors import second_editor


def told(client: Client) -> list[tuple[str, str]]:
    """The conversations that were told what a command did, and which."""
    return [
        (one["sessionId"], one["update"]["command"])
        for one in client.notes("mazu/session/update")
        if one["update"]["kind"] == "reverted"
    ]


async def test_what_another_process_moved_is_not_told_as_undone(env: dict[str, str], folder: Path):
    async with (
        ModelServer([{"text": "ok", "repeat": True}]) as model,
        second_editor(env, folder, model) as client,
    ):
        start = await client.command("mazu.checkpoint", {"label": "start"})
        chat = {"message": "one", "wait": True}
        first = (await client.command("mazu.chat", chat))["sessionId"]
        async with second_editor(env, folder, model) as other:
            moved = await other.command("mazu.rollback", {"id": start["id"], "only": ["conversation"]})
            assert moved["applied"]
        second = (await client.command("mazu.session.new"))["id"]
        await client.command("mazu.chat", {**chat, "sessionId": second})
        with pytest.raises(RpcFailure):
            await client.command("mazu.rollback", {"id": "cp_nope"})
        await client.command("mazu.undo", {"sessionId": second})
        assert told(client) == [(second, "mazu.undo")]
        assert len((await client.command("mazu.session.show", {"sessionId": first}))["turns"]) == 0
