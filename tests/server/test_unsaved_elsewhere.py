"""Two processes on one project: what another editor holds unsaved is never left behind by a rollback that says it is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.checkpoints.store.lock import lock_exclusively
from mazu_ls.server.documents.unsaved_elsewhere import FOLDER, MAX_CHARACTERS, UnsavedRegistry
from tests.server.client import Client, RpcFailure, connected, eventually
from tests.server.test_turns import agent, edit_call
from tests.server.test_undo_stories import OPTED

REPLIES = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]


async def refused(client: Client, command: str, **arguments: object) -> str:
    with pytest.raises(RpcFailure) as failure:
        await client.command(command, arguments, within=60)
    return failure.value.message


async def would_refuse(client: Client, id: str) -> bool:
    try:
        await client.command("mazu.rollback", {"id": id, "preview": True}, within=60)
    except RpcFailure:
        return True
    return False


async def would_do(client: Client, id: str) -> bool:
    return not await would_refuse(client, id)


async def test_a_rollback_beside_an_editor_with_the_agents_unsaved_text_is_refused(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    (folder / "mine.py").write_text("m = 1\n")
    async with agent(env, folder, REPLIES, **OPTED, allow=["edit_file: app.py"]) as editor:
        document = editor.open(path.as_uri(), "x = 1\n")
        mine = editor.open((folder / "mine.py").as_uri(), "m = 1\n")
        editor.change(mine.uri, "m = 2\n")
        done = await editor.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
        assert (document.text, path.read_text()) == ("x = 2\n", "x = 1\n")
        async with connected(env) as other:
            await other.initialize(folder)
            before = done["checkpoints"][0]
            await eventually(lambda: would_refuse(other, before))
            for arguments in ({"id": before}, {"id": before, "preview": True}):
                assert "unsaved changes: app.py." in await refused(other, "mazu.rollback", **arguments)
            for command in ("mazu.undo", "mazu.redo"):
                assert "is open in another terminal or editor" in await refused(other, command)
            shown = await other.command("mazu.session.show")
            assert (shown["id"], len(shown["turns"])) == (done["sessionId"], 1)
            path.write_text(document.text)
            editor.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
            await eventually(lambda: would_do(other, before))
            back = await other.command("mazu.rollback", {"id": before, "only": ["code"]})
            assert back["applied"] and back["verified"] and path.read_text() == "x = 1\n"
    async with connected(env) as later:
        await later.initialize(folder)
        redone = await later.command("mazu.redo", {"sessionId": done["sessionId"]}, within=60)
        assert redone["applied"], "nobody has anything open any more"


async def test_the_users_unsaved_line_on_the_agents_saved_edit_is_not_left_behind(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    async with agent(env, folder, REPLIES, **OPTED, allow=["edit_file: app.py"]) as editor:
        document = editor.open(path.as_uri(), "x = 1\n")
        done = await editor.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
        path.write_text(document.text)
        editor.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
        async with connected(env) as other:
            await other.initialize(folder)
            before = done["checkpoints"][0]
            await eventually(lambda: would_do(other, before))
            editor.change(document.uri, "x = 2\n# mine\n")
            await eventually(lambda: would_refuse(other, before))
            assert "unsaved changes: app.py." in await refused(other, "mazu.rollback", id=before)
            assert path.read_text() == "x = 2\n"
            editor.notify("textDocument/didClose", {"textDocument": {"uri": document.uri}})
            await eventually(lambda: would_do(other, before))


async def test_a_file_that_only_the_user_changed_is_not_overwritten_under_an_editor(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    async with connected(env) as editor:
        await editor.initialize(folder, **OPTED)
        before = (await editor.command("mazu.checkpoint", {"label": "before"}))["id"]
        path.write_text("x = 2\n")
        document = editor.open(path.as_uri(), "x = 2\n# mine\n")
        async with connected(env) as other:
            await other.initialize(folder)
            whole = {"id": before, "onConflict": "overwrite"}

            async def is_refused() -> bool:
                try:
                    await other.command("mazu.rollback", {**whole, "preview": True}, within=60)
                except RpcFailure:
                    return True
                return False

            await eventually(is_refused)
            assert "unsaved changes: app.py." in await refused(other, "mazu.rollback", **whole)
            assert (path.read_text(), document.text) == ("x = 2\n", "x = 2\n# mine\n")
            kept = await other.command("mazu.rollback", {"id": before, "onConflict": "keep"})
            assert kept["applied"], "the file stays as it is, so nothing is left behind"
            assert path.read_text() == "x = 2\n"


async def test_a_server_that_opened_its_project_again_is_no_other_editor(
    env: dict[str, str], folder: Path, tmp_path: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    more = tmp_path / "more"
    more.mkdir()
    async with agent(env, folder, REPLIES, **OPTED, allow=["edit_file: app.py"]) as editor:
        document = editor.open(path.as_uri(), "x = 1\n")
        done = await editor.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
        assert (document.text, path.read_text()) == ("x = 2\n", "x = 1\n")

        def lists() -> set[str]:
            return {found.name for found in tmp_path.rglob("unsaved/*.json")}

        async def is_listed() -> bool:
            return len(lists()) == 1

        await eventually(is_listed)
        before = lists()
        event = {"added": [{"uri": more.as_uri(), "name": "more"}], "removed": []}
        editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})

        async def is_open_again() -> bool:
            return len((await editor.command("mazu.status"))["folders"]) == 2

        async def is_listed_once_more() -> bool:
            return len(lists()) == 1 and lists() != before

        await eventually(is_open_again)
        await eventually(is_listed_once_more)
        back = await editor.command("mazu.undo", {"sessionId": done["sessionId"]}, within=60)
        assert back["applied"] and back["verified"]
        assert document.text == "x = 1\n"


async def test_a_checkpoint_from_elsewhere_leaves_an_editors_unsaved_text_and_whose_it_is(
    env: dict[str, str], folder: Path
):
    """The agent edits an open file twice, the user types in another one; between the edits a terminal takes a checkpoint."""
    for name in ("app.py", "mine.py"):
        (folder / name).write_text("x = 1\n")
    replies = [
        {"calls": [edit_call("app.py", "x = 1", "x = 2")]},
        {"calls": [edit_call("app.py", "x = 2", "x = 3")]},
        {"text": "Done."},
    ]
    async with agent(env, folder, replies, **OPTED) as editor, connected(env) as terminal:
        await terminal.initialize(folder)
        app, mine = (editor.open((folder / name).as_uri(), "x = 1\n") for name in ("app.py", "mine.py"))
        editor.change(mine.uri, "mine = 1\n")
        first = await editor.command("mazu.checkpoint")
        taken: list[dict[str, Any]] = []

        async def allow(params: Any) -> Any:
            if params["tool"].startswith("mazu."):
                return {"optionId": "leave"}
            if app.text == "x = 2\n":
                await eventually(lambda: known(terminal, folder / "app.py"), 60)
                taken.append(await terminal.command("mazu.checkpoint", within=60))
            return {"optionId": "allow_once"}

        editor.answers["mazu/permission/request"] = allow
        done = await editor.command("mazu.chat", {"message": "Three", "wait": True}, within=60)
        (elsewhere,) = taken
        assert app.text == "x = 3\n" and done["checkpoints"]
        assert elsewhere["files"] == {"added": 0, "modified": 0, "deleted": 0}
        asked = {"id": first["id"], "against": elsewhere["id"]}
        assert "mine.py" not in (await terminal.command("mazu.checkpoint.diff", asked, within=60))["patch"]
        undone = await editor.command("mazu.undo", {}, within=60)
        assert undone["applied"] and undone["plan"]["agents"] == ["app.py"], undone
        assert (app.text, mine.text) == ("x = 1\n", "mine = 1\n")


async def unknown(client: Client, path: Path) -> bool:
    return not await known(client, path)


async def known(client: Client, path: Path) -> bool:
    """Whether a process knows that another one's editor holds unsaved text of a file."""
    return path in client.connection.mazu.unsaved.elsewhere()


async def test_files_that_are_saved_everywhere_are_rolled_back_beside_one_that_is_not(
    env: dict[str, str], folder: Path
):
    for name in ("app.py", "other.py"):
        (folder / name).write_text("x = 1\n")
    replies = [
        {"calls": [edit_call("app.py", "x = 1", "x = 2"), edit_call("other.py", "x = 1", "x = 2")]},
        *REPLIES[1:],
    ]
    async with (
        agent(env, folder, replies, allow=["edit_file: app.py", "edit_file: other.py"], **OPTED) as editor,
        connected(env) as terminal,
    ):
        await terminal.initialize(folder)
        editor.open((folder / "app.py").as_uri(), "x = 1\n")
        done = await editor.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
        before = done["checkpoints"][0]
        await eventually(lambda: would_refuse(terminal, before), 60)
        assert "app.py" in await refused(terminal, "mazu.rollback", id=before, paths=["app.py"])
        back = await terminal.command("mazu.rollback", {"id": before, "paths": ["other.py"]}, within=60)
        assert back["applied"] and back["verified"], back
        assert (folder / "other.py").read_text() == "x = 1\n"


async def test_text_typed_after_a_checkpoint_is_not_left_behind_by_a_rollback_of_everything(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    async with connected(env) as editor, connected(env) as other:
        await editor.initialize(folder, **OPTED)
        document = editor.open(path.as_uri(), "x = 1\n")
        editor.change(document.uri, "x = 1\n# unsaved\n")
        id = (await editor.command("mazu.checkpoint", {"label": "mine"}, within=60))["id"]
        await other.initialize(folder)
        await other.command("mazu.checkpoint.list", within=60)
        await eventually(lambda: known(other, path), 60)
        assert await would_do(other, id), "the editor shows what the checkpoint holds"
        editor.change(document.uri, "x = 1\n# unsaved\n# more\n")
        await eventually(lambda: would_refuse(other, id), 60)
        for arguments in ({"id": id}, {"id": id, "onConflict": "overwrite"}, {"id": id, "preview": True}):
            assert "unsaved changes: app.py." in await refused(other, "mazu.rollback", **arguments)
        kept = await other.command("mazu.rollback", {"id": id, "onConflict": "keep"}, within=60)
        assert kept["applied"] and document.text == "x = 1\n# unsaved\n# more\n"


async def test_a_file_that_another_editor_holds_unsaved_is_not_edited_until_it_is_saved(
    env: dict[str, str], folder: Path
):
    """The model and the user are given the reason; nothing is written below the text that the other editor would save."""
    path = folder / "app.py"
    path.write_text("x = 1\n")
    replies = [*REPLIES, *REPLIES]
    async with connected(env) as editor:
        await editor.initialize(folder)
        document = editor.open(path.as_uri(), "x = 1\n")
        async with agent(env, folder, replies, **OPTED, allow=["edit_file: app.py"]) as other:
            shown = await other.command("mazu.checkpoint", {"label": "before"})
            editor.change(document.uri, "x = 1\ntyped\n")
            await eventually(lambda: would_refuse_all(other, shown["id"]))
            done = await other.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
            (failed,) = [
                one["update"]
                for one in other.notes("mazu/session/update")
                if one["update"]["kind"] == "tool_result"
            ]
            assert not failed["ok"] and "unsaved changes: app.py" in failed["summary"], failed
            assert path.read_text() == "x = 1\n" and not done["edits"]
            assert other.notes("mazu/permission/request") == [], "nobody is asked about what cannot be done"
            path.write_text(document.text)
            editor.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
            await eventually(lambda: would_do(other, shown["id"]))
            await other.command("mazu.chat", {"message": "Again", "wait": True}, within=60)
            assert path.read_text() == "x = 2\ntyped\n"


async def would_refuse_all(client: Client, id: str) -> bool:
    try:
        await client.command("mazu.rollback", {"id": id, "preview": True, "onConflict": "overwrite"})
    except RpcFailure:
        return True
    return False


async def test_a_checkpoint_includes_the_unsaved_text_of_another_editor(env: dict[str, str], folder: Path):
    path = folder / "notes.txt"
    path.write_text("saved\n")
    async with agent(env, folder, REPLIES, **OPTED) as editor:
        document = editor.open(path.as_uri(), "saved\n")
        async with connected(env) as other:
            await other.initialize(folder)
            before = await other.command("mazu.checkpoint", {"label": "one"})
            editor.change(document.uri, "typed\n")
            await eventually(lambda: known(other, path))
            taken = await other.command("mazu.checkpoint", {"label": "two"})
            assert (taken["skipped"], taken["files"]["modified"]) == ([], 1)
            back = await editor.command("mazu.rollback", {"id": before["id"], "preview": True})
            assert back["plan"]["users"] == ["notes.txt"] and not back["plan"]["agents"]
            editor.change(document.uri, "typed\nmore\n")
            back = await editor.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
            assert back["applied"] and back["verified"] and document.text == "typed\n", back
            assert path.read_text() == "saved\n"


async def test_a_text_too_long_to_be_shared_is_named(env: dict[str, str], folder: Path):
    path = folder / "notes.txt"
    path.write_text("saved\n")
    async with agent(env, folder, REPLIES, **OPTED) as editor:
        document = editor.open(path.as_uri(), "saved\n")
        async with connected(env) as other:
            await other.initialize(folder)
            await other.command("mazu.checkpoint.list")  # the project is open then
            editor.change(document.uri, "typed\n" * (MAX_CHARACTERS // 6 + 1))
            await eventually(lambda: known(other, path))
            taken = await other.command("mazu.checkpoint", {"label": "two"})
            assert [(one["path"], "another editor" in one["reason"]) for one in taken["skipped"]] == [
                ("notes.txt", True)
            ]
            path.write_text("typed\n")
            editor.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
            editor.notify("textDocument/didClose", {"textDocument": {"uri": document.uri}})
            await eventually(lambda: unknown(other, path))
            assert (await other.command("mazu.checkpoint", {"label": "three"}))["skipped"] == []
            back = await other.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
            assert back["applied"] and path.read_text() == "saved\n"


def test_what_a_server_of_an_earlier_version_shares_is_understood(tmp_path: Path):
    """It may still run in another window while the extension is updated; it shares hashes of the texts alone."""
    here, folder = UnsavedRegistry(tmp_path), tmp_path / FOLDER
    folder.mkdir()
    (folder / "other.json").write_text(json.dumps({str(tmp_path / "a.py"): "0123abcd"}))
    with lock_exclusively(folder / "other", 0.0):
        assert here.elsewhere() == {tmp_path / "a.py": "0123abcd"}


async def test_text_that_another_editor_holds_is_no_change_of_a_turn(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n# a\n# b\n# c\ny = 1\n")
    command = {"name": "run_shell", "arguments": {"command": "sed -i 's/y = 1/y = 2/' app.py"}}
    replies = [{"calls": [command]}, {"text": "Done."}]
    async with (
        agent(env, folder, replies, **OPTED, allow=["run_shell: sed"]) as client,
        connected(env) as editor,
    ):
        await client.command("mazu.checkpoint")
        await editor.initialize(folder, **OPTED)
        document = editor.open(path.as_uri(), path.read_text())
        editor.change(document.uri, path.read_text().replace("x = 1", "x = 1  # mine"))
        await eventually(lambda: known(client, path))
        done = await client.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
        first, last = done["checkpoints"][0], done["checkpoints"][-1]
        for against in (last, "now"):
            found = await client.command("mazu.checkpoint.diff", {"id": first, "against": against})
            (file,) = found["files"]
            assert (file["added"], file["removed"]) == (1, 1), found["patch"]
            assert "-y = 1\n+y = 2" in found["patch"] and "# mine" not in found["patch"]
