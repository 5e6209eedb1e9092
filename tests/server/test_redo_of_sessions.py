"""A redo restores what its undo took, and nothing of what another conversation's undo took since."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, RpcFailure
from tests.server.test_turns import edit_call
from tests.server.test_undo_stories import chat, restarted

EDIT = {"a.py": ("a = 1\n", "a = 2\n"), "open.py": ("b = 1\n", "b = 2\n")}


def replies(*edits: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [
        reply
        for path, old, new in edits
        for reply in (
            {"calls": [{"name": "read_file", "arguments": {"path": path}}]},
            {"calls": [edit_call(path, old, new)]},
            {"text": "Done."},
        )
    ]


async def turns(client: Client, folder: Path) -> tuple[str, str]:
    """Two conversations, each of which edits a file of its own."""
    first = (await chat(client, "edit a"))["sessionId"]
    second = (await client.command("mazu.session.new"))["id"]
    await chat(client, "edit open", second)
    assert texts(folder) == ["a = 2\n", "b = 2\n"]
    return first, second


def texts(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in EDIT]


async def said(client: Client, session: str) -> int:
    return len((await client.command("mazu.session.show", {"sessionId": session}))["turns"])


def write_files(folder: Path) -> list[tuple[str, str, str]]:
    for name, (old, _) in EDIT.items():
        (folder / name).write_text(old)
    return [(name, *edit) for name, edit in EDIT.items()]


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_each_redo_restores_its_own_undo(env: dict[str, str], folder: Path, checkpoint: bool):
    edits = write_files(folder)
    async with ModelServer(replies(*edits)) as model, restarted(env, folder, model) as client:
        first, second = await turns(client, folder)
        for session, held in ((second, ["a = 2\n", "b = 1\n"]), (first, ["a = 1\n", "b = 1\n"])):
            assert (await client.command("mazu.undo", {"sessionId": session}))["verified"]
            assert texts(folder) == held
        if checkpoint:
            await client.command("mazu.checkpoint")
        redone = await client.command("mazu.redo", {"sessionId": second})
        assert redone["plan"]["write"] == ["open.py"]
        assert texts(folder) == ["a = 1\n", "b = 2\n"]
        assert [await said(client, one) for one in (first, second)] == [0, 1]
        assert (await client.command("mazu.redo", {"sessionId": first}))["plan"]["write"] == ["a.py"]
        assert texts(folder) == ["a = 2\n", "b = 2\n"]
        assert [await said(client, one) for one in (first, second)] == [1, 1]


async def test_a_redo_asks_where_another_conversation_continued(env: dict[str, str], folder: Path):
    edits = [*write_files(folder), ("a.py", "a = 1\n", "a = 3\n")]
    async with ModelServer(replies(*edits)) as model, restarted(env, folder, model) as client:
        first, second = await turns(client, folder)
        assert (await client.command("mazu.undo", {"sessionId": first}))["verified"]
        await chat(client, "edit a, too", second)
        asked: list[Any] = []
        client.answers["mazu/permission/request"] = lambda params: (
            asked.append(params) or {"optionId": "leave"}
        )
        report = await client.command("mazu.redo", {"sessionId": first})
        assert asked and texts(folder) == ["a = 3\n", "b = 2\n"], report
        assert not report["plan"]["write"]


async def test_a_redo_of_no_session_names_the_conversation_that_has_one(env: dict[str, str], folder: Path):
    edits = write_files(folder)
    async with (
        ModelServer([*replies(*edits), {"text": "Well.", "repeat": True}]) as model,
        restarted(env, folder, model) as client,
    ):
        first, second = await turns(client, folder)
        assert (await client.command("mazu.undo", {"sessionId": first}))["verified"]
        await chat(client, "go on", second)
        with pytest.raises(RpcFailure) as failed:
            await client.command("mazu.redo")
        said = f"{failed.value.message} {failed.value.data}"
        assert f"--session {first}" in said and "edit a" in said and "already" not in said
        await chat(client, "go on", first)
        await chat(client, "go on", second)
        with pytest.raises(RpcFailure) as failed:  # that one cannot be redone any more
            await client.command("mazu.redo")
        assert first not in f"{failed.value.message} {failed.value.data}"


async def test_a_rewrite_is_redone_also_if_the_chat_continued(env: dict[str, str], folder: Path):
    write_files(folder)
    said = [{"text": "Hello."}, {"text": "```python\na = 9\n```"}, {"text": "More."}]
    async with ModelServer(said) as model, restarted(env, folder, model) as client:
        await chat(client, "hello")
        client.open(uri := (folder / "a.py").as_uri(), "a = 1\n", language="python")
        line = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
        await client.command(
            "mazu.edit", {"uri": uri, "range": line, "instruction": "nine", "wait": True}, within=60
        )
        assert (await client.command("mazu.undo"))["applied"]
        await chat(client, "hello again")
        assert (await client.command("mazu.redo"))["applied"]
        assert "a = 9" in client.documents[uri].text


async def test_a_redo_of_a_rollback_restores_every_conversation(env: dict[str, str], folder: Path):
    edits = write_files(folder)
    async with ModelServer(replies(*edits)) as model, restarted(env, folder, model) as client:
        start = await client.command("mazu.checkpoint", {"label": "start"})
        sessions = await turns(client, folder)
        assert (await client.command("mazu.rollback", {"id": start["id"]}))["verified"]
        assert texts(folder) == ["a = 1\n", "b = 1\n"]
        assert [await said(client, one) for one in sessions] == [0, 0]
        assert (await client.command("mazu.redo"))["verified"]
        assert texts(folder) == ["a = 2\n", "b = 2\n"]
        assert [await said(client, one) for one in sessions] == [1, 1]


async def test_any_conversation_redoes_a_rollback_of_everything(env: dict[str, str], folder: Path):
    """Also one to a checkpoint of another conversation, and not an older undo of its own instead."""
    edits = [*write_files(folder), ("a.py", "a = 2\n", "a = 3\n")]
    async with ModelServer(replies(*edits)) as model, restarted(env, folder, model) as client:
        first, second = await turns(client, folder)
        await chat(client, "edit a again", first)
        assert (await client.command("mazu.undo", {"sessionId": first}))["verified"]
        listed = (await client.command("mazu.checkpoint.list", {"sessionId": second}))["checkpoints"]
        start = next(one["id"] for one in listed if one["kind"] == "baseline")
        assert (await client.command("mazu.rollback", {"id": start}))["verified"]
        assert texts(folder) == ["a = 2\n", "b = 1\n"]
        assert (await client.command("mazu.redo", {"sessionId": first}))["verified"]
        assert texts(folder) == ["a = 2\n", "b = 2\n"]
        assert (await client.command("mazu.redo", {"sessionId": first}))["verified"]
        assert texts(folder) == ["a = 3\n", "b = 2\n"]


async def test_a_redo_leaves_memories_of_another_undo(env: dict[str, str], folder: Path):
    kept = [
        {"name": "remember", "arguments": {"title": title, "category": "fact"}} for title in ("One", "Two")
    ]
    said_once = [reply for call in kept for reply in ({"calls": [call]}, {"text": "Kept."})]
    async with ModelServer(said_once) as model, restarted(env, folder, model) as client:
        client.allow("remember: One", "remember: Two")
        first = (await chat(client, "keep one"))["sessionId"]
        second = (await client.command("mazu.session.new"))["id"]
        await chat(client, "keep two", second)
        for session in (second, first):
            assert (await client.command("mazu.undo", {"sessionId": session}))["verified"]

        async def titles() -> list[str]:
            return sorted(one["title"] for one in (await client.command("mazu.memory.list"))["memories"])

        assert await titles() == []
        assert (await client.command("mazu.redo", {"sessionId": second}))["verified"]
        assert await titles() == ["Two"]
        assert (await client.command("mazu.redo", {"sessionId": first}))["verified"]
        assert await titles() == ["One", "Two"]


async def test_a_rollback_that_an_earlier_version_recorded_is_redone(env: dict[str, str], folder: Path):
    edits = write_files(folder)
    async with ModelServer(replies(*edits)) as model:
        async with restarted(env, folder, model) as client:
            first, _ = await turns(client, folder)
            listed = (await client.command("mazu.checkpoint.list", {"sessionId": first}))["checkpoints"]
            start = next(one["id"] for one in listed if one["kind"] == "baseline")
            assert (await client.command("mazu.rollback", {"id": start}))["applied"]
            assert texts(folder) == ["a = 1\n", "b = 1\n"]
        forget_what_was_not_recorded(env, first)
        async with restarted(env, folder, model) as client:
            assert (await client.command("mazu.redo", {"sessionId": first}))["verified"]
            assert texts(folder) == ["a = 2\n", "b = 2\n"]


def forget_what_was_not_recorded(env: dict[str, str], session: str) -> None:
    """Leave of the last rollback's record what earlier versions wrote: under the session of its target."""
    (path,) = Path(env["MAZU_STATE_HOME"]).rglob("memory.db")
    with closing(apsw.Connection(str(path))) as db:
        (row,) = db.execute("SELECT id, sections FROM checkpoint_rollback").fetchall()
        recorded = json.loads(str(row[1]))
        kept = {name: recorded[name] for name in ("only", "paths", "partial")}
        values = (json.dumps(kept), session, row[0])
        db.execute("UPDATE checkpoint_rollback SET sections = ?, session = ? WHERE id = ?", values)


async def test_redos_without_a_session_go_back_from_the_last_undo(env: dict[str, str], folder: Path):
    edits = write_files(folder)
    async with ModelServer(replies(*edits)) as model, restarted(env, folder, model) as client:
        first, second = await turns(client, folder)
        for session in (second, first):  # the last one is not of the conversation that was used last
            assert (await client.command("mazu.undo", {"sessionId": session}))["verified"]
        assert texts(folder) == ["a = 1\n", "b = 1\n"]
        assert (await client.command("mazu.redo"))["plan"]["write"] == ["a.py"]
        assert [await said(client, one) for one in (first, second)] == [1, 0]
        assert (await client.command("mazu.redo"))["plan"]["write"] == ["open.py"]
        assert texts(folder) == ["a = 2\n", "b = 2\n"]
        assert [await said(client, one) for one in (first, second)] == [1, 1]
        with pytest.raises(RpcFailure):
            await client.command("mazu.redo")


async def test_a_redo_after_the_undo_of_a_rewrite_is_of_that(env: dict[str, str], folder: Path):
    """Not of another conversation, whose undo was before it."""
    edits = write_files(folder)
    said = [*replies(*edits), {"text": "```python\nc = 9\n```"}]
    async with ModelServer(said) as model:
        async with restarted(env, folder, model) as client:
            first, _ = await turns(client, folder)
            (folder / "c.py").write_text("c = 1\n")
            client.open(uri := (folder / "c.py").as_uri(), "c = 1\n", language="python")
            line = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
            edit = {"uri": uri, "range": line, "instruction": "nine", "wait": True}
            await client.command("mazu.edit", edit, within=60)
            assert (await client.command("mazu.undo", {"sessionId": first}))["verified"]
            (folder / "c.py").write_text("c = 9\n")
        async with restarted(env, folder, model) as client:
            assert (await client.command("mazu.undo"))["plan"]["write"] == ["c.py"]
            assert (await client.command("mazu.redo"))["plan"]["write"] == ["c.py"]
            assert (folder / "c.py").read_text() == "c = 9\n"
            assert texts(folder) == ["a = 1\n", "b = 2\n"]
