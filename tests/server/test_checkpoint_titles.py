"""What checkpoints are called: in the user's words, also where the program wrote the message, and before a rollback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.client import Client
from tests.server.test_turns import agent, edit_call


async def titles(client: Client) -> list[str]:
    """The titles of all checkpoints, the oldest first."""
    listed = await client.command("mazu.checkpoint.list")
    return [one["title"] for one in reversed(listed["checkpoints"])]


async def test_undo_redo_and_rollback_are_said_in_the_words_of_the_turn(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    script = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    async with agent(env, folder, script, allow=["edit_file: app.py"]) as client:
        await client.command("mazu.chat", {"message": "make x two", "wait": True}, within=60)
        await client.command("mazu.undo")
        await client.command("mazu.redo")
        step = next(
            one
            for one in (await client.command("mazu.checkpoint.list"))["checkpoints"]
            if one["kind"] == "step"
        )
        await client.command("mazu.rollback", {"id": step["id"]})
        assert await titles(client) == [
            "before: make x two",
            "make x two · edit app.py",
            "before undoing: make x two",
            "before redoing: make x two",
            "before going back to: make x two · edit app.py",
        ]


async def test_a_rewrite_is_called_by_what_was_asked_for(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    whole: dict[str, Any] = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
    async with agent(env, folder, [{"text": "```python\nx = 2\n```"}]) as client:
        asked = {"uri": path.as_uri(), "range": whole, "instruction": "make it two", "wait": True}
        await client.command("mazu.edit", asked, within=60)
        assert (await titles(client))[0] == "before: make it two (app.py)"
