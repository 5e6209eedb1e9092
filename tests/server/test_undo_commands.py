"""Undo, rollback and rewind end the background commands of the turns that they take back."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.test_turn_changes import agent

LINE = "while true; do echo generated > out.txt; sleep 0.0517; done"


def runs() -> bool:
    """Return whether a process of the command lives, by what it was started with."""
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if LINE.encode() in one.read_bytes():
                return True
    return False


async def test_a_background_command_runs_on_while_the_user_is_asked(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text("one\n")
    edit = {"name": "edit_file", "arguments": {"path": "a.txt", "old": "one", "new": "two"}}
    shell = {"name": "run_shell", "arguments": {"command": LINE, "background": True}}
    replies = [{"calls": [edit, shell]}, {"text": "It runs."}]
    async with agent(env, folder, replies, allow=["edit_file: a.txt"]) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        (folder / "a.txt").write_text("mine\n")
        asked: list[bool] = []

        def answer(option: str) -> Callable[[Any], dict[str, Any]]:
            def say(params: Any) -> dict[str, Any]:
                asked.append(runs())
                return {"optionId": option}

            return say

        client.answers["mazu/permission/request"] = answer("cancel")
        assert not (await client.command("mazu.undo", {}, within=60))["applied"]
        assert asked == [True] and runs(), "nothing was undone, so nothing ended"
        client.answers["mazu/permission/request"] = answer("keep")
        assert (await client.command("mazu.undo", {}, within=60))["applied"]
        assert asked[1:] == [True] and not runs()


@pytest.mark.parametrize("way", ["undo", "rollback", "rewind", "later"])
async def test_a_background_command_ends_with_its_turn(env: dict[str, str], folder: Path, way: str):
    (folder / "a.txt").write_text("one\n")
    write = {"name": "write_file", "arguments": {"path": "b.txt", "content": "two\n"}}
    shell = {"name": "run_shell", "arguments": {"command": LINE, "background": True}}
    replies = [{"calls": [shell]}, {"text": "It runs."}, {"calls": [write]}, {"text": "Done."}]
    async with agent(env, folder, replies, allow=["write_file: b.txt"]) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        assert runs()
        first = (await client.command("mazu.checkpoint.list"))["checkpoints"][-1]["id"]
        if way == "later":  # a turn after the one that started it is undone: it runs on
            await client.command("mazu.chat", {"message": "Write", "wait": True}, within=60)
            assert (await client.command("mazu.undo"))["applied"]
            assert runs()
            return
        assert (await client.command("mazu.undo", {"preview": True}))["applied"] is False
        assert runs()
        if way == "rewind":
            await client.command("mazu.session.rewind")
        else:
            arguments = (
                {"id": first, "onConflict": "overwrite"} if way == "rollback" else {"onConflict": "overwrite"}
            )
            assert (await client.command(f"mazu.{way}", arguments))["applied"]
            assert not (folder / "out.txt").exists()
        assert not runs()
