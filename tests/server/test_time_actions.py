"""Checkpoint, undo, rollback and recall as code actions: in an editor that has nothing of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.state.identity import open_state
from tests.server.client import Client
from tests.server.test_code_actions import actions, run, span
from tests.server.test_turns import agent, edit_call

PLAIN: dict[str, Any] = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
REPLIES = [
    {"calls": [edit_call("app.py", "x = 1", "x = 2")]},
    {"text": "Two."},
    {"calls": [edit_call("app.py", "x = 2", "x = 3")]},
    {"text": "Three."},
]


async def act(client: Client, uri: str, title: str) -> None:
    await run(client, await actions(client, uri, span(0, 0, 0, 0)), f"Mazu: {title}")


def choosing(client: Client, *words: str) -> list[Any]:
    """Answer questions with the first choice in which one of the words occurs."""
    asked: list[Any] = []

    def answer(params: Any) -> Any:
        asked.append(params)
        return next((one for one in params["actions"] if any(word in one["title"] for word in words)), None)

    client.answers["window/showMessageRequest"] = answer
    return asked


async def said(client: Client, text: str) -> None:
    await client.until(
        lambda m: m.get("method") == "window/showMessage" and text in m["params"]["message"], within=60
    )


async def edited_twice(client: Client, folder: Path) -> str:
    choosing(client, "Allow once")
    for message in ("Make it two", "Make it three"):
        await client.command("mazu.chat", {"message": message, "wait": True}, within=60)
    assert (folder / "app.py").read_text() == "x = 3\n"
    uri = (folder / "app.py").as_uri()
    client.open(uri, "x = 3\n")
    return uri


async def test_undo_and_checkpoint_say_what_came_of_them(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, REPLIES, **PLAIN) as client:
        uri = await edited_twice(client, folder)
        asked = choosing(client, "Nothing")
        await act(client, uri, "checkpoint now")
        await said(client, "Mazu: checkpoint taken")
        await act(client, uri, "undo the last turn")
        await said(client, "Mazu: the last turn is undone: 1 file, the conversation.")
        assert (folder / "app.py").read_text() == "x = 2\n"
        assert asked == []


@pytest.mark.parametrize("title", ["roll back…", "restore this file to…"])
async def test_a_point_is_chosen_by_the_users_words(env: dict[str, str], folder: Path, title: str):
    (folder / "app.py").write_text("x = 1\n")
    (folder / "other.py").write_text("y = 1\n")
    async with agent(env, folder, REPLIES, **PLAIN) as client:
        uri = await edited_twice(client, folder)
        await client.command("mazu.remember", {"title": "A fact"})
        asked = choosing(client, "Make it two", "Only the agent's changes")
        await act(client, uri, title)
        await said(client, ": 1 file")
        assert (folder / "app.py").read_text() == "x = 1\n"
        labels = [one["title"] for one in asked[0]["actions"]]
        assert labels[-1] == "Leave it as it is" and not any("cp_" in label for label in labels)
        turns = (await client.command("mazu.session.show"))["turns"]
        assert len(turns) == (0 if title == "roll back…" else 2)
        # The memory is the user's own: a rollback of everything asks about it once, and it stays.
        assert len(asked) == (2 if title == "roll back…" else 1)
        assert (await client.command("mazu.memory.list"))["total"] == 1


async def test_points_with_the_same_words_are_all_offered(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    async with agent(env, folder, REPLIES, **PLAIN) as client:
        choosing(client, "Allow once")
        for _ in range(2):
            await client.command("mazu.chat", {"message": "Yes, continue", "wait": True}, within=60)
        uri = (folder / "app.py").as_uri()
        client.open(uri, "x = 3\n")
        asked: list[Any] = []

        def last_point(params: Any) -> Any:
            asked.append(params)
            return [one for one in params["actions"] if "Yes, continue" in one["title"]][-1]

        client.answers["window/showMessageRequest"] = last_point
        await act(client, uri, "restore this file to…")
        await said(client, ": 1 file")
        labels = [one["title"] for one in asked[0]["actions"]]
        assert len(labels) == len(set(labels)) == 3, labels
        assert (folder / "app.py").read_text() == "x = 1\n"


def worktree_of(main: Path, env: dict[str, str]) -> Path:
    """Make a repository in which mazu-ls was used, and a linked worktree of it."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    linked = main.with_name("linked")
    main.mkdir()
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *words], cwd=main, check=True)
    subprocess.run([*git, "worktree", "add", "-q", "-b", "other", str(linked)], cwd=main, check=True)
    state = open_state(main, env)
    (state.folder / "memory.db").touch()
    state.release()
    return linked


async def test_in_a_linked_worktree_one_is_told_where_the_other_memory_is(
    env: dict[str, str], tmp_path: Path
):
    linked = worktree_of(tmp_path / "main", env)
    (linked / "app.py").write_text("x = 1\n")
    async with agent(env, linked, [], **PLAIN) as client:
        uri = (linked / "app.py").as_uri()
        client.open(uri, "x = 1\n")
        await act(client, uri, "what do we know about this?")
        await said(client, f"This is a linked worktree of {tmp_path}/main, which has a memory of its own")


async def test_what_is_known_is_shown(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("def total(): pass\n")
    async with agent(env, folder, [], **PLAIN) as client:
        uri = (folder / "app.py").as_uri()
        client.open(uri, "def total(): pass\n")
        await act(client, uri, "what do we know about this?")
        await said(client, "nothing is remembered about this yet")
        await client.command("mazu.remember", {"title": "total() counts in cents"})
        await act(client, uri, "what do we know about this?")
        await said(client, "total() counts in cents")
        await client.command(
            "mazu.remember", {"title": "total() is called by the report", "body": "Every night."}
        )
        await act(client, uri, "what do we know about this?")
        await client.until(lambda m: m.get("method") == "window/showDocument", within=60)
        assert "Every night." in next((folder / ".mazu" / "view").glob("recall.md")).read_text()
