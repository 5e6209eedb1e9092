"""Checkpoints and rollback over the wire: code, unsaved buffer, memory and conversation go back together."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import Client, RpcFailure
from tests.server.test_turns import agent

EDITS = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
OPTED = {**EDITS, "experimental": {"mazu": {"updates": True, "permissions": True, "save": True}}}


@pytest.fixture
async def editor(client: Client, folder: Path) -> Client:
    """A client that applies edits honestly, in a folder with two files."""
    (folder / "a.py").write_text("a = 1\n")
    (folder / "b.py").write_text("b = 1\n")
    client.answers["workspace/applyEdit"] = client.apply_edit
    await client.initialize(folder, **OPTED)
    return client


async def test_everything_goes_back_together_and_forward_again(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    async with agent(env, folder, [{"text": "Hello."}, {"text": "Again."}], **OPTED) as client:
        document = client.open(path.as_uri(), "x = 1  # unsaved\n")
        await client.command("mazu.remember", {"title": "Known before"})
        await client.command("mazu.chat", {"message": "hi", "wait": True}, within=60)
        taken = await client.command("mazu.checkpoint", {"label": "good"})
        assert taken["kind"] == "manual"
        assert taken["label"] == "good"

        path.write_text("x = 999\n")
        (folder / "junk.txt").write_text("junk")
        client.change(path.as_uri(), "ruined\n")
        await client.command("mazu.remember", {"title": "Learned after"})
        await client.command("mazu.chat", {"message": "more", "wait": True}, within=60)

        plain = await client.command("mazu.rollback", {"id": taken["id"], "preview": True})
        mine = ["app.py", "junk.txt", "memory m_000002 \u201cLearned after\u201d"]
        assert plain["plan"]["write"] == [] and plain["plan"]["users"] == mine
        assert [one["path"] for one in plain["plan"]["keep"]] == mine
        all_of_it = {"id": taken["id"], "preview": True, "onConflict": "overwrite"}
        preview = await client.command("mazu.rollback", all_of_it)
        assert preview["applied"] is False
        assert "app.py" in preview["plan"]["write"]
        assert "junk.txt" in preview["plan"]["delete"]
        assert path.read_text() == "x = 999\n"

        result = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
        assert result["applied"] and result["verified"], result
        assert path.read_text() == "x = 1\n"
        assert not (folder / "junk.txt").exists()
        assert document.text == "x = 1  # unsaved\n"
        assert await titles(client) == {"Known before"}
        assert (await client.command("mazu.session.show"))["turnCount"] == 1

        safety = result["safety"]
        assert safety["kind"] == "safety"
        back = await client.command("mazu.rollback", {"id": safety["id"], "onConflict": "overwrite"})
        assert back["applied"] and back["verified"], back
        assert path.read_text() == "x = 999\n"
        assert document.text == "ruined\n"
        assert await titles(client) == {"Known before", "Learned after"}
        assert (await client.command("mazu.session.show"))["turnCount"] == 2


async def titles(client: Client) -> set[str]:
    return {memory["title"] for memory in (await client.command("mazu.memory.list", {}))["memories"]}


async def test_only_one_file_or_one_part_goes_back(editor: Client, folder: Path):
    taken = await editor.command("mazu.checkpoint")
    for name in ("a.py", "b.py"):
        (folder / name).write_text("changed\n")
    await editor.command("mazu.remember", {"title": "Stays"})
    one = {"id": taken["id"], "paths": ["a.py"], "onConflict": "overwrite"}
    assert (await editor.command("mazu.rollback", one))["applied"]
    assert (folder / "a.py").read_text() == "a = 1\n"
    assert (folder / "b.py").read_text() == "changed\n"
    await editor.command("mazu.rollback", {"id": taken["id"], "only": ["memory"], "onConflict": "overwrite"})
    assert (folder / "b.py").read_text() == "changed\n"
    assert await titles(editor) == set()


async def test_a_file_the_user_changed_is_asked_about_and_not_touched_where_nobody_answers(
    editor: Client, folder: Path
):
    taken = await editor.command("mazu.checkpoint")
    (folder / "a.py").write_text("mine\n")
    asked = await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "ask"})
    assert asked["applied"] is False
    assert asked["plan"]["undecided"] and [one["path"] for one in asked["plan"]["keep"]] == ["a.py"]
    assert asked["plan"]["conflicts"] == []
    assert (folder / "a.py").read_text() == "mine\n"
    assert editor.notes("window/showMessageRequest") == []
    assert (await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"}))["applied"]
    assert (folder / "a.py").read_text() == "a = 1\n"


async def test_any_other_editor_asks_its_user(client: Client, folder: Path):
    (folder / "a.py").write_text("a = 1\n")
    client.answers["window/showMessageRequest"] = lambda params: {"title": "Everything as it was"}
    await client.initialize(folder, **EDITS)
    await client.command("mazu.checkpoint")
    (folder / "a.py").write_text("mine\n")
    result = await client.command("mazu.rollback", {"onConflict": "ask"})
    assert result["applied"]
    assert "a.py" in client.notes("window/showMessageRequest")[0]["message"]
    assert (folder / "a.py").read_text() == "a = 1\n"


async def test_without_a_wish_and_without_an_answer_only_the_agents_changes_go(editor: Client, folder: Path):
    taken = await editor.command("mazu.checkpoint")
    (folder / "a.py").write_text("mine\n")
    (folder / "new.py").write_text("mine\n")
    await editor.command("mazu.checkpoint")
    result = await editor.command("mazu.rollback", {"id": taken["id"]})
    assert result["applied"] and result["verified"]
    assert [one["path"] for one in result["plan"]["keep"]] == ["a.py", "new.py"]
    assert (folder / "a.py").read_text() == (folder / "new.py").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("answer", "left"), [("keep", "mine\n"), ("overwrite", "a = 1\n"), ("leave", "mine\n")]
)
async def test_a_client_that_asks_by_itself_is_asked_once_with_a_diff(
    editor: Client, folder: Path, answer: str, left: str
):
    editor.answers["mazu/permission/request"] = lambda params: {"optionId": answer}
    taken = await editor.command("mazu.checkpoint", {"label": "good"})
    (folder / "a.py").write_text("mine\n")
    result = await editor.command("mazu.rollback", {"id": taken["id"]})
    assert result["applied"] is (answer != "leave")
    assert (folder / "a.py").read_text() == left
    (asked,) = editor.notes("mazu/permission/request")
    assert "good" in asked["title"] and "a.py" in asked["detail"] and "file:" not in str(asked)
    assert "+mine" in asked["diff"]
    assert [option["id"] for option in asked["options"]] == ["keep", "overwrite", "leave"]


async def test_keeping_keeps_what_was_typed_too(editor: Client, folder: Path):
    document = editor.open((folder / "a.py").as_uri(), "a = 1\n")
    taken = await editor.command("mazu.checkpoint")
    editor.change(document.uri, "a = 1\nmine = 2\n")
    asked = await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "ask"})
    assert not asked["applied"]
    assert asked["plan"]["users"] == ["a.py"]
    kept = await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "keep"})
    assert kept["applied"] and [one["path"] for one in kept["plan"]["keep"]] == ["a.py"]
    assert document.text == "a = 1\nmine = 2\n"
    await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
    assert document.text == "a = 1\n"


async def test_a_text_that_an_earlier_checkpoint_knows_is_not_asked_about(editor: Client, folder: Path):
    """The editor's own undo of the agent's edit brings such a text."""
    document = editor.open((folder / "a.py").as_uri(), "a = 1\n")
    first = await editor.command("mazu.checkpoint")
    for text in ("a = 2\n", "a = 3\n"):
        editor.change(document.uri, text)
        await editor.command("mazu.checkpoint")
    editor.change(document.uri, "a = 2\n")
    back = await editor.command("mazu.rollback", {"id": first["id"], "onConflict": "overwrite"})
    assert back["applied"] and back["plan"]["conflicts"] == []
    assert document.text == "a = 1\n"


async def test_paths_that_nobody_knows_are_refused(editor: Client, folder: Path):
    taken = await editor.command("mazu.checkpoint")
    for path in ("nope.txt", "../x", "/etc/passwd"):
        with pytest.raises(RpcFailure) as refused:
            await editor.command("mazu.rollback", {"id": taken["id"], "paths": [path]})
        assert refused.value.data["kind"] == "not_found"
        with pytest.raises(RpcFailure, match="contains"):
            await editor.command("mazu.checkpoint.diff", {"id": taken["id"], "paths": [path]})


async def test_a_part_that_was_rolled_back_is_brought_forward_again_without_a_question(
    editor: Client, folder: Path
):
    taken = await editor.command("mazu.checkpoint")
    (folder / "a.py").write_text("later\n")
    await editor.command("mazu.checkpoint")
    for part in ({"only": ["code"]}, {"paths": ["a.py"]}):
        back = await editor.command("mazu.rollback", {"id": taken["id"], **part, "onConflict": "overwrite"})
        assert back["applied"] and (folder / "a.py").read_text() == "a = 1\n"
        again = await editor.command("mazu.rollback", {"id": back["safety"]["id"]})
        assert again["applied"], again["plan"]
        assert (folder / "a.py").read_text() == "later\n"


async def test_lists_diffs_and_pruning(editor: Client, folder: Path):
    first = await editor.command("mazu.checkpoint", {"label": "first"})
    (folder / "a.py").write_text("a = 2\na = 3\n")
    await editor.command("mazu.remember", {"title": "In between"})
    second = await editor.command("mazu.checkpoint", {"label": "second"})
    assert second["parentId"] == first["id"]
    assert second["files"] == {"added": 0, "modified": 1, "deleted": 0}
    listed = await editor.command("mazu.checkpoint.list", {})
    assert [one["label"] for one in listed["checkpoints"]] == ["second", "first"]
    assert listed["current"] == second["id"]
    diff = await editor.command("mazu.checkpoint.diff", {"id": first["id"], "against": second["id"]})
    assert diff["files"] == [{"path": "a.py", "status": "modified", "added": 2, "removed": 1}]
    assert "+a = 3" in diff["patch"]
    (memory,) = (await editor.command("mazu.memory.list", {}))["memories"]
    assert diff["memories"] == {"added": [memory["id"]], "changed": [], "removed": []}
    assert (await editor.command("mazu.checkpoint.diff"))["files"] == []
    assert (await editor.command("mazu.checkpoint.prune", {"keep": 1}))["removed"] == []
    pruned = await editor.command("mazu.checkpoint.prune", {"keep": 1, "labelled": True})
    assert pruned["removed"] == [first["id"]]


async def test_an_unsaved_change_is_in_the_count_and_in_the_diff(editor: Client, folder: Path):
    document = editor.open((folder / "a.py").as_uri(), "a = 1\n")
    first = await editor.command("mazu.checkpoint")
    editor.change(document.uri, "a = 1\nb = 2\n")
    now = await editor.command("mazu.checkpoint.diff", {"id": first["id"]})
    assert now["files"] == [{"path": "a.py", "status": "modified", "added": 1, "removed": 0}]
    assert "+b = 2" in now["patch"]
    second = await editor.command("mazu.checkpoint")
    assert second["files"] == {"added": 0, "modified": 1, "deleted": 0}
    assert (await editor.command("mazu.checkpoint.diff"))["files"] == []


async def test_several_folders_go_back_together_and_untouched_files_keep_their_times(
    client: Client, tmp_path: Path
):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "a.py").write_text("a = 1\n")
        (folder / "still.py").write_text("s = 1\n")
    folders = [{"uri": folder.as_uri(), "name": folder.name} for folder in (one, two)]
    await client.ask(
        "initialize", {"processId": None, "rootUri": None, "workspaceFolders": folders, "capabilities": {}}
    )
    client.notify("initialized", {})
    taken = await client.command("mazu.checkpoint")
    times = [(folder / "still.py").stat().st_mtime_ns for folder in (one, two)]
    for folder in (one, two):
        (folder / "a.py").write_text("a = 2\n")
    found = await client.command("mazu.checkpoint.diff", {"id": taken["id"]})
    assert [file["path"] for file in found["files"]] == ["one/a.py", "two/a.py"]
    part = {"id": taken["id"], "paths": ["two"], "onConflict": "overwrite"}
    assert (await client.command("mazu.rollback", part))["plan"]["write"] == ["two/a.py"]
    assert [(folder / "a.py").read_text() for folder in (one, two)] == ["a = 2\n", "a = 1\n"]
    back = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
    assert back["verified"] and (one / "a.py").read_text() == "a = 1\n"
    assert [(folder / "still.py").stat().st_mtime_ns for folder in (one, two)] == times


async def test_an_unknown_checkpoint_is_not_found(editor: Client):
    for command, arguments in (
        ("mazu.rollback", {"id": "cp_009999"}),
        ("mazu.checkpoint.diff", {"id": "nonsense"}),
    ):
        with pytest.raises(RpcFailure) as caught:
            await editor.command(command, arguments)
        assert caught.value.data["kind"] == "not_found"


async def test_an_editor_that_refuses_the_text_is_reported_and_nothing_is_called_verified(
    editor: Client, folder: Path
):
    path = folder / "a.py"
    editor.open(path.as_uri(), "a = 1\n")
    taken = await editor.command("mazu.checkpoint")
    editor.change(path.as_uri(), "typed\n")
    editor.answers["workspace/applyEdit"] = lambda params: {"applied": False, "failureReason": "read-only"}
    result = await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
    assert result["verified"] is False
    assert path.as_uri() in [problem["path"] for problem in result["problems"]]
    assert editor.documents[path.as_uri()].text == "typed\n"


async def test_the_user_s_git_stays_as_it_is(editor: Client, folder: Path):
    def git(*arguments: str) -> bytes:
        command = ["git", "-c", "user.name=u", "-c", "user.email=u@example.org", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout

    git("init", "-q")
    git("add", "a.py")
    git("commit", "-qm", "one")
    (folder / "a.py").write_text("a = 2\n")
    before = snapshot(folder / ".git")
    taken = await editor.command("mazu.checkpoint")
    (folder / "a.py").write_text("a = 3\n")
    await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
    assert (folder / "a.py").read_text() == "a = 2\n"
    assert snapshot(folder / ".git") == before
    assert git("status", "--porcelain") == b" M a.py\n?? b.py\n"


def snapshot(place: Path) -> dict[str, Any]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


async def test_a_checkpoint_shows_everything_as_it_was(editor: Client, folder: Path):
    first = await editor.command("mazu.remember", {"title": "Tabs, not spaces", "category": "convention"})
    taken = await editor.command("mazu.checkpoint", {"label": "then"})
    (folder / "sub").mkdir()
    (folder / "sub" / "C.py").write_text("c = 1\n")
    (folder / "a.py").unlink()
    await editor.command("mazu.memory.forget", {"id": first["memory"]["id"]})
    await editor.command("mazu.remember", {"title": "Spaces after all"})
    now = await editor.command("mazu.checkpoint", {"label": "now"})

    then = await editor.command("mazu.checkpoint.contents", {"id": taken["id"]})
    assert then["files"] == ["a.py", "b.py"] and then["total"] == 2
    assert then["memories"] == [
        {
            "id": first["memory"]["id"],
            "category": "convention",
            "title": "Tabs, not spaces",
            "state": "current",
        }
    ]
    held = await editor.command("mazu.checkpoint.contents", {"id": now["id"], "query": "PY", "limit": 1})
    assert held["files"] == ["b.py"] and held["total"] == 2
    assert [memory["title"] for memory in held["memories"]] == ["Spaces after all"]
    assert await editor.command("mazu.checkpoint.contents") == {**held, "files": ["b.py", "sub/C.py"]}
    with pytest.raises(RpcFailure, match="cp_999999"):
        await editor.command("mazu.checkpoint.contents", {"id": "cp_999999"})
