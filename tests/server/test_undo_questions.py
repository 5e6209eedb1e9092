"""What happens to an undo while its question is open: a person may think for long, and work on meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import NO_ANSWER, RpcFailure
from tests.server.test_turns import edit_call
from tests.server.test_undo_stories import chat, edits, questions, restarted

TEXT = "1\n2\n3\n4\n5\n6\n7\n8\n"


async def test_an_open_question_loses_nothing_of_what_is_done_meanwhile(env: dict[str, str], folder: Path):
    """The user types in the document that is asked about, and in one that was not: the second is asked about, too."""
    paths = folder / "app.py", folder / "a.py"
    for path in paths:
        path.write_text(TEXT)
    read = [{"name": "read_file", "arguments": {"path": path.name}} for path in paths]
    change = [edit_call(path.name, "1\n2", "one\n2") for path in paths]
    replies = [
        {"calls": read},
        {"calls": change},
        {"text": "Done."},
        {"text": "Hello."},
        {"text": "Hello again."},
    ]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        app, other = (client.open(path.as_uri(), TEXT) for path in paths)
        session = (await chat(client, "edit both"))["sessionId"]
        client.change(app.uri, app.text.replace("8", "eight"))
        answers = iter(("agents", "keep"))

        def answer(params: dict[str, Any]) -> Any:
            chosen = next(answers)
            if chosen == "agents":
                client.change(app.uri, app.text.replace("6", "six"))
                client.change(other.uri, other.text.replace("8", "eight"))
            return {"optionId": chosen}

        client.answers["mazu/permission/request"] = answer
        undone = await client.command("mazu.undo", within=60)
        assert undone["applied"] and undone["verified"], undone
        named = [one["title"].removeprefix("Undo: what should happen to ") for one in questions(client)]
        assert named == ["app.py?", "a.py, app.py?"]
        assert app.text == TEXT.replace("6", "six").replace("8", "eight")
        assert other.text == TEXT.replace("8", "eight")
        assert (await client.command("mazu.redo"))["applied"]

        async def go_on(params: dict[str, Any]) -> Any:
            await chat(client, "hello", session)
            return {"optionId": "agents"}

        async def go_on_and_fail(params: dict[str, Any]) -> Any:
            await chat(client, "hello", session)
            asked = [one for one in client.received if one.get("method") == "mazu/permission/request"][-1]
            client.raw({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32603, "message": "gone"}})
            return NO_ANSWER

        for answered in (go_on, go_on_and_fail):
            client.answers["mazu/permission/request"] = answered
            with pytest.raises(RpcFailure, match="The conversation continued while you were asked"):
                await client.command("mazu.undo", {"sessionId": session}, within=60)
            assert (await client.command("mazu.undo", {"sessionId": session}))[
                "applied"
            ]  # the last turn alone
        assert app.text == "one\n" + TEXT.replace("6", "six").replace("8", "eight")[2:]


async def test_a_question_says_how_long_it_waits_and_then_what_became_of_it(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text(TEXT)
    (Path(env["MAZU_HOME"]) / "config.toml").parent.mkdir(exist_ok=True)
    replies = [
        {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
        {"calls": [edit_call("app.py", "1\n2", "one\n2")]},
        {"text": "Done."},
    ]
    async with ModelServer(replies) as model:
        async with restarted(env, folder, model) as client:
            await chat(client, "edit")
            path.write_text(path.read_text().replace("8", "eight"))
            client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
            assert not (await client.command("mazu.undo"))["applied"]
            assert "within 5 minutes, nothing is changed" in questions(client)[-1]["detail"]
        (Path(env["MAZU_HOME"]) / "config.toml").write_text("[permissions]\ntimeout_seconds = 1\n")
        async with restarted(env, folder, model) as client:
            client.answers["mazu/permission/request"] = lambda params: NO_ANSWER
            left = await client.command("mazu.undo", within=30)
            assert not left["applied"] and path.read_text().startswith("one\n")
            assert "within 1 second, nothing is changed" in questions(client)[-1]["detail"]
            told = [one["message"] for one in client.notes("window/showMessage")]
            assert any("the question about app.py had no answer for 1 second" in one for one in told), told


async def test_lines_added_right_below_the_agents_change_are_separated_from_it(
    env: dict[str, str], folder: Path
):
    """And where it cannot be separated, the question says what keeping does."""
    path = folder / "app.py"
    path.write_text(TEXT)
    async with (
        ModelServer(edits("app.py", "7\n8", "7\neight")) as model,
        restarted(env, folder, model) as client,
    ):
        await chat(client, "edit")
        path.write_text(TEXT.replace("8", "eight\n9\n10"))
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        undone = await client.command("mazu.undo", within=60)
        assert undone["applied"] and undone["verified"], undone
        assert path.read_text() == TEXT + "9\n10\n"
        assert "stay" not in questions(client)[-1]["detail"]
        assert (await client.command("mazu.redo", within=60))["applied"]
        path.write_text(TEXT.replace("8", "acht\n9\n10"))
        await client.command("mazu.undo", within=60)
        assert "the lines that both changed stay as they are now in app.py" in questions(client)[-1]["detail"]
        assert path.read_text() == TEXT.replace("8", "acht\n9\n10")


@pytest.mark.parametrize(
    ("more", "said"),
    [("", "the lines that both changed"), ("\nnine", "the agent's blocks in which you changed lines")],
)
async def test_the_question_says_what_keeping_does_to_a_file_that_is_open_and_saved(
    env: dict[str, str], folder: Path, more: str, said: str
):
    path = folder / "app.py"
    path.write_text(TEXT)
    async with (
        ModelServer(edits("app.py", "7\n8", f"7\neight{more}")) as model,
        restarted(env, folder, model) as client,
    ):
        document = client.open(path.as_uri(), TEXT)
        await chat(client, "edit")
        client.change(path.as_uri(), document.text.replace("eight", "acht"))
        path.write_text(document.text)
        client.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        undone = await client.command("mazu.undo", within=60)
        assert undone["applied"], undone
        assert f"{said} stay as they are now in app.py" in questions(client)[-1]["detail"]
        assert document.text == path.read_text() == TEXT.replace("8", f"acht{more}")


async def test_a_question_about_an_ignored_file_shows_its_diff_too(env: dict[str, str], folder: Path):
    paths = folder / "app.py", folder / "local.cfg"
    for path in paths:
        path.write_text(TEXT)
    (folder / ".gitignore").write_text("*.cfg\n")
    read = [{"name": "read_file", "arguments": {"path": path.name}} for path in paths]
    change = [edit_call(path.name, "1\n2", "one\n2") for path in paths]
    async with (
        ModelServer([{"calls": read}, {"calls": change}, {"text": "Done."}]) as model,
        restarted(env, folder, model) as client,
    ):
        client.allow("edit_file: local.cfg", "edit_file: app.py")
        await chat(client, "edit both")
        for path in paths:
            path.write_text(path.read_text().replace("one", "eins"))
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "agents"}
        assert (await client.command("mazu.undo", within=60))["verified"]
        (asked,) = questions(client)[-1:]
        assert asked["title"] == "Undo: what should happen to app.py, local.cfg?"
        lines = asked["diff"].splitlines()
        assert (lines.count("-1"), lines.count("+eins"), lines.count("+++ b/local.cfg")) == (2, 2, 1), lines
        assert [path.read_text() for path in paths] == [TEXT, TEXT]
        assert "local.cfg" not in (await client.command("mazu.checkpoint.diff", {"id": "cp_000001"}))["patch"]


@pytest.mark.parametrize("saved", [False, True])
async def test_an_edit_of_an_open_document_that_git_ignores_is_undone(
    env: dict[str, str], folder: Path, saved: bool
):
    path = folder / "app.py"
    path.write_text(TEXT)
    (folder / ".gitignore").write_text("*.py\n")
    async with (
        ModelServer(edits("app.py", "1\n2", "one\n2")) as model,
        restarted(env, folder, model) as client,
    ):
        document = client.open(path.as_uri(), TEXT)
        await chat(client, "edit")
        assert document.text.startswith("one\n")
        if saved:
            path.write_text(document.text)
            client.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})
        undone = await client.command("mazu.undo", within=60)
        assert undone["applied"] and undone["verified"], undone
        assert document.text == path.read_text() == TEXT
        assert questions(client) == []


async def test_redo_asks_in_its_own_words_and_shows_what_it_would_change(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text(TEXT)
    async with (
        ModelServer(edits("app.py", "1\n2", "one\n2")) as model,
        restarted(env, folder, model) as client,
    ):
        await chat(client, "number the lines")
        assert (await client.command("mazu.undo", within=60))["applied"]
        path.write_text(TEXT + "mine\n")
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        redone = await client.command("mazu.redo", within=60)
        assert redone["applied"] and redone["verified"], redone
        (asked,) = questions(client)
        assert asked["title"] == "Redo “number the lines”: what should happen to app.py?"
        assert {"-1", "+one", "-mine"} <= set(asked["diff"].splitlines())
        assert path.read_text() == "one\n" + TEXT[2:] + "mine\n"
