"""What a turn changed, and taking parts of it back, over the wire."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.turn import turn_checkpoints
from mazu_ls.checkpoints import diff
from tests.server.client import RpcFailure
from tests.server.test_turns import agent

TEXT = "".join(f"line {n}\n" for n in range(1, 31))
CHANGED = TEXT.replace("line 3\n", "LINE 3\n").replace("line 27\n", "LINE 27\nextra\n")
REPLIES: list[dict[str, Any]] = [
    {
        "calls": [
            {
                "name": "edit_file",
                "arguments": {
                    "path": "a.txt",
                    "edits": [
                        {"old": "line 3\n", "new": "LINE 3\n"},
                        {"old": "line 27\n", "new": "LINE 27\nextra\n"},
                    ],
                },
            },
            {"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}},
        ]
    },
    {"text": "Done."},
]


async def test_hunks_are_shown_and_one_is_taken_back_around_later_work(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text(TEXT)
    async with agent(env, folder, REPLIES, allow=["edit_file: a.txt", "write_file: new.txt"]) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        assert (folder / "a.txt").read_text() == CHANGED
        found = await client.command("mazu.turn.changes")
        changed, new = found["files"]
        assert (changed["path"], changed["status"], changed["added"], changed["removed"]) == (
            "a.txt",
            "modified",
            3,
            2,
        )
        assert (new["path"], new["status"]) == ("new.txt", "added")
        first, second = changed["hunks"]
        assert first["diff"] == "-line 3\n+LINE 3"
        assert second["diff"] == "-line 27\n+LINE 27\n+extra"
        assert second["range"]["start"]["line"] == 26 and second["range"]["end"]["line"] == 28
        (folder / "a.txt").write_text("mine\n" + CHANGED)
        done = await client.command("mazu.turn.revert", {"hunks": [second["id"]]})
        assert done["applied"] and done["verified"] and done["plan"]["write"] == ["a.txt"]
        assert (folder / "a.txt").read_text() == "mine\n" + TEXT.replace("line 3\n", "LINE 3\n")
        assert (folder / "new.txt").exists()
        await client.command("mazu.turn.revert", {"paths": ["new.txt"]})
        assert not (folder / "new.txt").exists()
        assert (folder / "a.txt").read_text().startswith("mine\n")
        with pytest.raises(RpcFailure, match="did not change"):
            await client.command("mazu.turn.revert", {"paths": ["other.txt"]})


async def test_a_hunk_that_was_changed_since_is_left_and_said(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text(TEXT)
    async with agent(env, folder, REPLIES, allow=["edit_file: a.txt", "write_file: new.txt"]) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        (folder / "a.txt").write_text(CHANGED.replace("LINE 3\n", "My line three\n"))
        done = await client.command("mazu.turn.revert", {"paths": ["a.txt"]})
        assert not done["verified"] and [one["path"] for one in done["problems"]] == ["a.txt"]
        assert (folder / "a.txt").read_text() == TEXT.replace("line 3\n", "My line three\n")


async def test_a_turn_that_changed_nothing_has_no_changes(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "Hello."}]) as client:
        done = await client.command("mazu.chat", {"message": "Hi", "wait": True}, within=60)
        found = await client.command("mazu.turn.changes", {"turnId": done["turnId"]})
        assert found["files"] == [] and found["before"] is None
        with pytest.raises(RpcFailure, match="changed no file"):
            await client.command("mazu.turn.revert")


async def test_a_question_that_is_answered_with_leave_leaves_every_file(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text(TEXT)
    async with agent(env, folder, REPLIES, allow=["edit_file: a.txt", "write_file: new.txt"]) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        (folder / "new.txt").write_text("new\nmine\n")
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        done = await client.command("mazu.turn.revert", within=60)
        assert not done["applied"] and [one["path"] for one in done["plan"]["conflicts"]] == ["new.txt"]
        assert (folder / "a.txt").read_text() == CHANGED
        assert (folder / "new.txt").read_text() == "new\nmine\n"


async def test_what_the_user_changed_during_the_turn_is_not_taken_back_unasked(
    env: dict[str, str], folder: Path
):
    for name in ("a.txt", "agents.txt", "users.txt"):
        (folder / name).write_text(TEXT)
    shell = {"name": "run_shell", "arguments": {"command": "echo by the agent >> agents.txt"}}
    replies = [{"calls": REPLIES[0]["calls"][:1]}, {"calls": [shell]}, {"text": "Done."}]

    def type_meanwhile(params: Any) -> dict[str, Any]:
        if params["tool"] == "run_shell":
            (folder / "users.txt").write_text(TEXT + "mine\n")
            (folder / "a.txt").write_text("mine\n" + CHANGED)
        return {"optionId": "allow_once"}

    async with agent(env, folder, replies) as client:
        client.answers["mazu/permission/request"] = type_meanwhile
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        assert (folder / "users.txt").read_text() == TEXT + "mine\n"
        found = await client.command("mazu.turn.changes")
        assert [one["path"] for one in found["files"]] == ["a.txt", "agents.txt"]
        with pytest.raises(RpcFailure, match="did not change"):
            await client.command("mazu.turn.revert", {"paths": ["users.txt"]})
        done = await client.command("mazu.turn.revert")
        assert [one["path"] for one in done["problems"]] == ["a.txt"] and not done["verified"]
        assert (folder / "a.txt").read_text() == "mine\n" + CHANGED
        assert (folder / "agents.txt").read_text() == TEXT
        hunk = next(one for one in found["files"][0]["hunks"] if one["diff"].startswith("-line 3\n"))
        await client.command("mazu.turn.revert", {"hunks": [hunk["id"]]})
        assert (folder / "a.txt").read_text() == "mine\n" + CHANGED.replace("LINE 3\n", "line 3\n")


async def test_a_hunk_that_was_taken_back_is_redone_and_the_turn_is_undone_without_a_question(
    env: dict[str, str], folder: Path
):
    (folder / "a.txt").write_text(TEXT)
    async with agent(env, folder, REPLIES, allow=["edit_file: a.txt", "write_file: new.txt"]) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        found = await client.command("mazu.turn.changes")
        hunk = next(one for one in found["files"][0]["hunks"] if one["diff"].startswith("-line 3\n"))
        await client.command("mazu.turn.revert", {"hunks": [hunk["id"]]})
        assert (folder / "a.txt").read_text() == CHANGED.replace("LINE 3\n", "line 3\n")
        redone = await client.command("mazu.redo")
        assert redone["applied"] and (folder / "a.txt").read_text() == CHANGED
        await client.command("mazu.turn.revert", {"hunks": [hunk["id"]]})
        asked = len(client.notes("mazu/permission/request"))
        undone = await client.command("mazu.undo")
        assert undone["applied"] and (folder / "a.txt").read_text() == TEXT
        assert len(client.notes("mazu/permission/request")) == asked


async def test_what_was_undone_in_an_editor_and_not_saved_is_undone_in_the_file_with_its_turn(
    env: dict[str, str], folder: Path
):
    (folder / "a.txt").write_text(TEXT)
    async with agent(env, folder, REPLIES, allow=["edit_file: a.txt", "write_file: new.txt"]) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        document = client.open((folder / "a.txt").as_uri(), CHANGED)
        await client.command("mazu.turn.revert", {"paths": ["a.txt"]})
        assert (document.text, (folder / "a.txt").read_text()) == (TEXT, CHANGED)
        undone = await client.command("mazu.undo")
        assert undone["applied"] and undone["plan"]["keep"] == []
        assert (folder / "a.txt").read_text() == TEXT


async def test_a_link_that_leads_out_of_the_project_is_listed_with_the_rest(
    env: dict[str, str], folder: Path
):
    (folder / "a.txt").write_text("one\n")
    write = {"name": "write_file", "arguments": {"path": "a.txt", "content": "two\n"}}
    link = {"name": "run_shell", "arguments": {"command": "ln -s /etc/hostname out"}}
    replies = [{"calls": [write, link]}, {"text": "Done."}]
    async with agent(
        {**env, "PATH": os.environ["PATH"]}, folder, replies, allow=["write_file: a.txt", "run_shell: ln -s"]
    ) as client:
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        listed = await client.command("mazu.turn.changes")
        assert sorted(one["path"] for one in listed["files"]) == ["a.txt", "out"]


async def test_what_a_command_changed_counts_at_the_end_of_its_turn(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    for module in (turn_checkpoints, diff):
        monkeypatch.setattr(module, "COUNT_SECONDS", 60.0)
    (folder / "a.txt").write_text("one\n")
    (folder / "gone.txt").write_text("x\ny\n")
    write = {"name": "write_file", "arguments": {"path": "a.txt", "content": "two\n"}}
    run = "printf 'x\\ny\\n' > new.txt; rm gone.txt; ln -s /etc/hostname out; printf 'a\\0b' > bin.dat"
    command = {"name": "run_shell", "arguments": {"command": run}}
    replies = [{"calls": [write, command]}, {"text": "Done."}]
    async with agent(
        {**env, "PATH": os.environ["PATH"]}, folder, replies, allow=["write_file: a.txt", "run_shell: printf"]
    ) as client:
        result = await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        found = {one["uri"].rpartition("/")[2]: (one["added"], one["removed"]) for one in result["edits"]}
        listed = await client.command("mazu.turn.changes")
        assert sorted(found) == sorted(one["path"] for one in listed["files"])
        assert found == {
            "a.txt": (1, 1),
            "new.txt": (2, 0),
            "gone.txt": (0, 2),
            "out": (1, 0),
            "bin.dat": (0, 0),
        }
        (ended,) = [
            note["update"] for note in client.notes("mazu/session/update") if note["update"].get("changes")
        ]
        assert ended["changes"] == {"files": 5, "added": 4, "removed": 3}
