"""A memory about code that changed needs a check, whoever changed the code: the agent, a terminal, git, nobody while it ran."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.server.client import Client, connected
from tests.server.test_turns import agent, edit_call

BEFORE = "import os\n\n\ndef total(order):\n    # cents\n    return sum(order)\n"
AFTER = BEFORE.replace("# cents\n    return sum(order)", "# euros\n    return round(max(order), 2)")
REPLIES = [
    {"calls": [edit_call("app.py", "    # cents\n    return sum(order)", "    # euros\n    return round(max(order), 2)")]},
    {"text": "Done."},
]  # fmt: skip


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


async def remember(client: Client, path: Path) -> str:
    span = {"start": {"line": 3, "character": 0}, "end": {"line": 5, "character": 0}}
    anchors = [{"uri": path.as_uri(), "range": span}]
    made = await client.command("mazu.remember", {"title": "total adds whole cents", "anchors": anchors})
    assert made["memory"]["state"] == "current"
    return made["memory"]["id"]


async def state(client: Client, memory: str) -> str:
    return (await client.command("mazu.memory.show", {"id": memory}))["memory"]["state"]


@pytest.mark.parametrize("who", ["agent", "terminal", "git", "deleted"])
async def test_code_that_changes_while_the_editor_runs(env: dict[str, str], folder: Path, who: str):
    path = folder / "app.py"
    git(folder, "init", "-q", "-b", "main")
    for branch, text in (("main", BEFORE), ("other", AFTER)):
        path.write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", branch)
        git(folder, "checkout", "-q", *(["-b", "other"] if branch == "main" else ["main"]))
    async with agent(env, folder, REPLIES, allow=["edit_file: app.py"]) as client:
        memory = await remember(client, path)
        if who == "agent":
            await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        elif who == "git":
            git(folder, "checkout", "-q", "other")
        elif who == "terminal":
            path.write_text(AFTER)
        else:
            path.unlink()
        assert await state(client, memory) == "check"
        path.write_text(BEFORE)
        assert await state(client, memory) == "current"


@pytest.mark.parametrize("deleted", [False, True])
async def test_code_that_changed_while_no_editor_ran(env: dict[str, str], folder: Path, deleted: bool):
    path = folder / "app.py"
    path.write_text(BEFORE)
    async with connected(env) as client:
        await client.initialize(folder)
        memory = await remember(client, path)
    if deleted:
        path.unlink()
    else:
        path.write_text(AFTER)
    async with connected(env) as client:
        await client.initialize(folder)
        assert await state(client, memory) == "check"
