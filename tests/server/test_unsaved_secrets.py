"""A file that holds secrets by its name is asked about though it is in no file yet: the editor shows it unsaved."""

from __future__ import annotations

from pathlib import Path

from mazu_ls.demo.model_server import ModelServer
from tests.server.test_undo_stories import chat, restarted


async def test_an_unsaved_env_file_is_asked_about(env: dict[str, str], folder: Path):
    read = {"name": "read_file", "arguments": {"path": ".env"}}
    async with (
        ModelServer([{"calls": [read]}, {"text": "Done."}]) as model,
        restarted(env, folder, model) as client,
    ):
        uri = (folder / ".env").as_uri()
        client.open(uri, "")
        client.change(uri, "DB_PIN=hunter rabbit 77\n")
        client.allow(refuse=["read_file: .env"])
        await chat(client, "what is in .env?")
        assert "rabbit" not in str(model.bodies)
        assert [one["tool"] for one in client.notes("mazu/permission/request")] == ["read_file"]
