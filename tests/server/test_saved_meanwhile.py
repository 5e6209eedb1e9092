"""What the user saves or types while a command of the agent runs is the user's: undo leaves it, and asks nothing for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, connected, eventually
from tests.server.test_turns import agent
from tests.server.test_undo_stories import OPTED, chat, questions, restarted, shell


def command(first: str, then: str = "true") -> list[dict[str, Any]]:
    """A model that runs one command: `first`, a wait for the user, `then`."""
    waits = "touch ran.txt; while [ ! -e go.txt ]; do sleep 0.05; done"
    return [{"calls": [shell(f"{first}; {waits}; {then}")]}, {"text": "Done."}]


@pytest.fixture(autouse=True)
def ignored(folder: Path) -> None:
    """What ends the wait is no file of the project."""
    (folder / ".gitignore").write_text("go.txt\n")


async def during_the_command(client: Client, folder: Path, *work: tuple[Client, Callable[[], None]]) -> None:
    """A turn; while its command runs the user does something in each of these editors."""
    for asked in (client, *(editor for editor, _ in work)):  # whichever answers first
        asked.allow("run_shell: ")
    turn = asyncio.create_task(chat(client, "run it"))
    await eventually(lambda: exists(folder / "ran.txt"), 60)
    for editor, act in work:
        act()
        await editor.command("mazu.checkpoint.list", within=60)  # behind it, the save is recorded
    (folder / "go.txt").touch()
    await turn


async def exists(path: Path) -> bool:
    return path.exists()


def save(client: Client, path: Path, text: str) -> None:
    """The user types a text and saves it."""
    client.change(path.as_uri(), text)
    path.write_text(text)
    client.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})


def listed(report: dict[str, Any], what: str) -> list[str]:
    return [one["path"] for one in report["plan"][what]]


async def undo(client: Client) -> dict[str, Any]:
    """Undo the last turn; it must do what its preview says."""
    preview = await client.command("mazu.undo", {"preview": True}, within=60)
    undone = await client.command("mazu.undo", {}, within=60)
    assert undone["plan"] == preview["plan"]
    assert undone["verified"] == undone["applied"], undone
    return undone


async def test_what_the_user_saves_while_a_command_runs_stays_without_a_question(
    env: dict[str, str], folder: Path
):
    for name in ("theirs.py", "mine.py", "closed.py"):
        (folder / name).write_text("x = 1\n")
    mine = folder / "mine.py"
    async with ModelServer(command("echo 'x = 2' > theirs.py", "echo 'x = 2' > closed.py")) as model:
        async with restarted(env, folder, model) as client:
            client.open(mine.as_uri(), "x = 1\n")
            await during_the_command(client, folder, (client, lambda: save(client, mine, "mine = 1\n")))
        async with restarted(env, folder, model) as client:
            undone = await undo(client)
            assert undone["applied"] and questions(client) == [], undone
            assert listed(undone, "keep") == ["mine.py"]
            assert undone["plan"]["agents"] == ["closed.py", "ran.txt", "theirs.py"]
            assert mine.read_text() == "mine = 1\n"
            assert (folder / "theirs.py").read_text() == (folder / "closed.py").read_text() == "x = 1\n"


async def test_what_is_saved_in_another_process_while_a_command_runs_stays_too(
    env: dict[str, str], folder: Path
):
    for name in ("theirs.py", "mine.py"):
        (folder / name).write_text("x = 1\n")
    mine = folder / "mine.py"
    async with (
        ModelServer(command("echo 'x = 2' > theirs.py")) as model,
        restarted(env, folder, model) as terminal,
        restarted(env, folder, model) as editor,
    ):
        editor.open(mine.as_uri(), "x = 1\n")
        await editor.command("mazu.status", {}, within=60)
        await during_the_command(terminal, folder, (editor, lambda: save(editor, mine, "mine = 1\n")))
        undone = await undo(terminal)
        assert undone["applied"] and questions(terminal) == [], undone
        assert listed(undone, "keep") == ["mine.py"]
        assert (mine.read_text(), (folder / "theirs.py").read_text()) == ("mine = 1\n", "x = 1\n")


async def test_what_was_typed_on_the_commands_text_and_saved_is_both(env: dict[str, str], folder: Path):
    """The editor loads what the command wrote; the user goes on from there and saves."""
    path = folder / "app.py"
    path.write_text("1\n2\n3\n4\n5\n")
    async with agent(
        env, folder, command("echo 6 >> app.py"), allow=["run_shell: echo 6"], **OPTED
    ) as client:
        document = client.open(path.as_uri(), path.read_text())

        def load() -> None:
            client.change(document.uri, path.read_text())

        def go_on() -> None:
            save(client, path, "mine\n" + path.read_text().removeprefix("1\n"))

        async def loaded() -> bool:
            return client.connection.mazu.editor.documents.get(document.uri).is_at_base

        turn = asyncio.create_task(chat(client, "run it"))
        await eventually(lambda: exists(folder / "ran.txt"), 60)
        load()
        await client.settled()
        await eventually(loaded, 60)
        go_on()
        await client.settled()
        (folder / "go.txt").touch()
        await turn
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        asked = await undo(client)
        assert not asked["applied"] and listed(asked, "conflicts") == ["app.py"]
        assert path.read_text() == "mine\n2\n3\n4\n5\n6\n"


@pytest.mark.parametrize("writes", [True, False])
async def test_what_is_typed_while_a_command_runs_is_the_users(
    env: dict[str, str], folder: Path, writes: bool
):
    """Not saved: on a file that the command writes meanwhile it is asked about, else it stays."""
    path = folder / "app.py"
    path.write_text("x = 1\n")
    does = "echo 'x = 2' > app.py" if writes else "true"
    async with agent(env, folder, command(does), **OPTED) as client:
        document = client.open(path.as_uri(), "x = 1\n")
        await during_the_command(client, folder, (client, lambda: client.change(document.uri, "typed\n")))
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        undone = await undo(client)
        assert undone["applied"] != writes and document.text == "typed\n", undone
        assert listed(undone, "conflicts" if writes else "keep") == ["app.py"]


async def test_an_editor_that_loads_what_a_command_wrote_is_no_work_of_the_users(
    env: dict[str, str], folder: Path
):
    """A clean document that shows the old text when the command ends, and the new one at the next checkpoint."""
    path = folder / "app.py"
    path.write_text("x = 1\n")
    replies = [
        {"calls": [shell("echo 'x = 2' > app.py")]},
        {"calls": [shell("touch made.txt")]},
        {"text": "."},
    ]
    async with agent(env, folder, replies, **OPTED) as client:
        document = client.open(path.as_uri(), "x = 1\n")
        asked: list[Any] = []

        async def allow(params: Any) -> Any:
            asked.append(params)
            if path.read_text() == "x = 2\n":
                client.change(document.uri, "x = 2\n")
                await client.settled()
            return {"optionId": "allow_once"}

        client.answers["mazu/permission/request"] = allow
        await chat(client, "run it")
        assert document.text == "x = 2\n" and len(asked) == 2
        undone = await undo(client)
        assert undone["applied"], undone
        assert path.read_text() == document.text == "x = 1\n"


async def test_a_save_that_is_heard_of_after_the_command_has_ended(env: dict[str, str], folder: Path):
    """The file is there before the end of the command, the notification comes after it."""
    mine = folder / "mine.py"
    mine.write_text("x = 1\n")
    async with connected(env) as client:
        await client.initialize(folder, **OPTED)
        engine = (await client.connection.mazu.wait_opened()).checkpoints
        client.open(mine.as_uri(), "x = 1\n")
        first = (await client.command("mazu.checkpoint"))["id"]
        number = await engine.begin_command("s", ())
        (folder / "theirs.py").write_text("x = 1\n")
        mine.write_text("mine = 1\n")
        await engine.end_command(number, ())
        save(client, mine, "mine = 1\n")
        await client.settled()
        looked = await client.command("mazu.rollback", {"id": first, "preview": True})
        assert (looked["plan"]["agents"], looked["plan"]["users"]) == (["theirs.py"], ["mine.py"])
