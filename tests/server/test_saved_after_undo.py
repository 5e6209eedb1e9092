"""What was unsaved at a checkpoint and was saved since stays in the file: no undo or redo takes it away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client
from tests.server.test_turns import edit_call
from tests.server.test_undo_stories import chat, restarted, shell

BEFORE, AGENT, MINE = "1\n2\n3\n4\n5\n6\n", "1\ntwo\n3\n4\n5\n6\n", "x = 5\n"


def replies() -> list[dict[str, Any]]:
    read = {"name": "read_file", "arguments": {"path": "app.py"}}
    edit = edit_call("app.py", "1\n2\n", "1\ntwo\n")
    return [{"calls": [read]}, {"calls": [edit]}, {"calls": [shell("cat app.py")]}, {"text": "Done."}]


def allow_and_save(client: Client, path: Path) -> None:
    """Allow all calls; the document is saved before a command runs."""
    client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
    client.answers["mazu/documents/save"] = lambda params: save(client, path)


def save(client: Client, path: Path) -> None:
    path.write_text(client.documents[path.as_uri()].text)
    client.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_a_line_saved_after_an_undo_stays_through_redo_and_undo(
    env: dict[str, str], folder: Path, checkpoint: bool
):
    path = folder / "app.py"
    path.write_text(BEFORE)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        document = client.open(path.as_uri(), BEFORE)
        allow_and_save(client, path)
        await chat(client, "edit")
        client.change(path.as_uri(), document.text + MINE)
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        assert (await client.command("mazu.undo"))["applied"]
        assert (document.text, path.read_text()) == (BEFORE + MINE, BEFORE)
        save(client, path)
        if checkpoint:
            await client.command("mazu.checkpoint")
        for _ in range(2):
            assert (await client.command("mazu.redo"))["verified"]
            assert document.text == path.read_text() == AGENT + MINE
            taken = await client.command("mazu.checkpoint", {"label": "seen"})
            seen = await client.command("mazu.checkpoint.file", {"id": taken["id"], "path": "app.py"})
            assert seen["text"] == AGENT + MINE
            assert (await client.command("mazu.undo"))["verified"]
            assert document.text == path.read_text() == BEFORE + MINE


async def test_a_line_typed_before_the_turn_and_saved_after_it_stays(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text(BEFORE)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        document = client.open(path.as_uri(), BEFORE)
        client.change(path.as_uri(), BEFORE + MINE)
        allow_and_save(client, path)
        await chat(client, "edit")
        assert path.read_text() == AGENT + MINE
        assert (await client.command("mazu.undo"))["verified"]
        assert document.text == path.read_text() == BEFORE + MINE


async def test_what_an_undo_put_away_unsaved_comes_back_unsaved(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text(BEFORE)
    async with ModelServer(replies()) as model, restarted(env, folder, model) as client:
        document = client.open(path.as_uri(), BEFORE)
        allow_and_save(client, path)
        await chat(client, "edit")
        client.change(path.as_uri(), document.text + MINE)
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "agents"}
        assert (await client.command("mazu.undo"))["applied"]
        assert document.text == path.read_text() == BEFORE
        assert (await client.command("mazu.redo"))["verified"]
        assert (document.text, path.read_text()) == (AGENT + MINE, AGENT)


async def test_what_was_saved_between_two_edits_does_not_keep_them_together(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text(BEFORE)
    edits = [edit_call("app.py", "2\n3\n", "two\n3\n"), edit_call("app.py", "5\n6\n", "5\nsix\n")]
    replies = [*({"calls": [edit]} for edit in edits), {"text": "Done."}]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        document = client.open(path.as_uri(), BEFORE)

        def answer(params: Any) -> Any:
            if params["tool"] == "mazu.undo":
                return {"optionId": "keep"}
            if document.text != BEFORE:  # the second question
                save(client, path)
                client.change(document.uri, MINE, (0, 0))
            return {"optionId": "allow_once"}

        client.answers["mazu/permission/request"] = answer
        await chat(client, "edit")
        assert document.text == MINE + "1\ntwo\n3\n4\n5\nsix\n"
        client.change(document.uri, "y = 6\n", (0, 0))
        undone = await client.command("mazu.undo")
        assert document.text == "y = 6\n" + MINE + BEFORE
        assert (path.read_text(), undone["plan"]["keep"]) == (BEFORE, [])
