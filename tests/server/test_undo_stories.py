"""Undo, rollback and retention as a user meets them: a real server process, restarted in between, on default settings."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, RpcFailure, eventually
from tests.server.test_process import real_server
from tests.server.test_turns import edit_call

ABILITIES: dict[str, Any] = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    }
}
ALLOWED = (
    "edit_file: app.py",
    "edit_file: closed.py",
    "edit_file: open.py",
    "edit_file: a.py",
    "run_shell: echo made",
)
OPTED = {**ABILITIES, "experimental": {"mazu": {"updates": True, "permissions": True, "save": True}}}


@asynccontextmanager
async def restarted(
    env: dict[str, str], folder: Path, model: ModelServer, *more_folders: Path, **capabilities: Any
) -> AsyncIterator[Client]:
    """One life of a real server; it ends in good order."""
    keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "PATH": os.environ["PATH"]}
    async with real_server({**env, **keys}) as (client, process):
        client.answers["workspace/applyEdit"] = client.apply_edit
        client.answers["window/workDoneProgress/create"] = lambda params: None
        client.answers["client/registerCapability"] = lambda params: None
        client.allow(*ALLOWED)
        client.more_folders = more_folders
        await client.initialize(folder, **(capabilities or OPTED))
        yield client
        await client.ask("shutdown")
        client.notify("exit")
        await asyncio.wait_for(process.wait(), 60)


async def chat(client: Client, message: str, session: str | None = None) -> dict[str, Any]:
    arguments = {"message": message, "wait": True} | ({"sessionId": session} if session else {})
    result = await client.command("mazu.chat", arguments, within=60)
    assert result["stopReason"] == "end_turn", result
    return result


def edits(path: str, *texts: str) -> Sequence[dict[str, Any]]:
    """Replies of a model that changes one file from each of these texts to the next, a turn for each change."""
    found: list[dict[str, Any]] = []
    for old, new in itertools.pairwise(texts):
        read = {"name": "read_file", "arguments": {"path": path}}
        found += [{"calls": [read]}, {"calls": [edit_call(path, old, new)]}, {"text": "Done."}]
    return found


async def test_turns_of_an_earlier_process_can_be_undone_one_after_the_other(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 0  # uncommitted\n")
    async with ModelServer(edits("app.py", "x = 0", "x = 1", "x = 2")) as model:
        async with restarted(env, folder, model) as client:
            first = await chat(client, "turn one")
            second = await chat(client, "turn two", first["sessionId"])
            assert second["sessionId"] == first["sessionId"]
            assert path.read_text() == "x = 2  # uncommitted\n"
        async with restarted(env, folder, model) as client:
            await client.command("mazu.checkpoint")
        async with restarted(env, folder, model) as client:
            (folder / "other.py").write_text("y = 1\n")
            await client.command("mazu.checkpoint")
            listed = await client.command("mazu.checkpoint.list")
            assert "before: turn one" in [one["label"] for one in listed["checkpoints"]]
            session = {"sessionId": first["sessionId"]}
            assert (await client.command("mazu.undo", session))["applied"]
            assert path.read_text() == "x = 1  # uncommitted\n"
            assert (await client.command("mazu.undo", session))["applied"]
            assert path.read_text() == "x = 0  # uncommitted\n"
            assert (folder / "other.py").read_text() == "y = 1\n"


async def test_pins_and_labels_hold_through_prunes_and_restarts(env: dict[str, str], folder: Path):
    path = folder / "a.txt"
    async with ModelServer([]) as model:
        async with restarted(env, folder, model) as client:
            for label in ("", "good", "", "", ""):
                path.write_text(f"{label} {path.exists() and path.read_text()}")
                await client.command("mazu.checkpoint", {"label": label})
            pinned = await client.command("mazu.checkpoint.pin", {"id": "cp_000001"})
            assert pinned["pinned"] is True
        async with restarted(env, folder, model) as client:
            pruned = await client.command("mazu.checkpoint.prune", {"keep": 1})
            assert pruned["removed"] == ["cp_000003", "cp_000004"]
            listed = (await client.command("mazu.checkpoint.list"))["checkpoints"]
            assert [one["title"] for one in listed] == ["your checkpoint", "good", "your checkpoint"]
            pruned = await client.command("mazu.checkpoint.prune", {"keep": 1, "labelled": True})
            assert pruned["removed"] == ["cp_000002"]
            assert not (await client.command("mazu.checkpoint.unpin", {"id": "cp_000001"}))["pinned"]
            assert (await client.command("mazu.checkpoint.prune", {"keep": 1}))["removed"] == ["cp_000001"]


async def test_the_conversation_alone_goes_back_where_a_checkpoint_was_pruned(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    replies: list[Any] = [
        {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
        {"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "One."},
        {"calls": [edit_call("app.py", "x = 2", "x = 3")]}, {"text": "Two."},
    ]  # fmt: skip
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        first = await client.command("mazu.chat", {"message": "one", "wait": True})
        session = {"sessionId": first["sessionId"]}
        await client.command("mazu.chat", {"message": "two", "wait": True, **session})
        await client.command("mazu.checkpoint.prune", {"keep": 1, "labelled": True})
        wanted = {**session, "turnId": first["turnId"]}
        with pytest.raises(RpcFailure, match="was pruned"):
            await client.command("mazu.undo", {**wanted, "memory": False})
        undone = await client.command("mazu.undo", {**wanted, "code": False, "memory": False})
        assert undone["applied"] and undone["verified"] and undone["plan"]["write"] == []
        assert path.read_text() == "x = 3\n"
        assert (await client.command("mazu.session.show", session))["turns"] == []
        assert (await client.command("mazu.redo", session))["applied"]
        assert len((await client.command("mazu.session.show", session))["turns"]) == 2


async def test_a_memory_with_a_comma_in_a_tag_comes_back(env: dict[str, str], folder: Path):
    (folder / "a.txt").write_text("before\n")
    async with ModelServer([]) as model, restarted(env, folder, model) as client:
        wanted = {"title": "The quota is 10", "tags": ["api", "limits, quota"]}
        memory = (await client.command("mazu.remember", wanted))["memory"]
        taken = await client.command("mazu.checkpoint")
        await client.command("mazu.memory.forget", {"id": memory["id"]})
        (folder / "a.txt").write_text("after\n")
        back = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
        assert back["applied"] and back["verified"], back
        (found,) = (await client.command("mazu.memory.list"))["memories"]
        assert found == memory
        assert (folder / "a.txt").read_text() == "before\n"


def shell(command: str) -> dict[str, Any]:
    return {"name": "run_shell", "arguments": {"command": command}}


def questions(client: Client) -> list[Any]:
    """What the user was asked about undoing and rolling back."""
    asked = client.notes("mazu/permission/request")
    plain = [
        one
        for one in client.notes("window/showMessageRequest")
        if one["message"].startswith(("Undo", "Roll back"))
    ]
    return [one for one in asked if one["tool"] in ("mazu.undo", "mazu.rollback", "mazu.redo")] + plain


async def test_an_undo_asks_nothing_where_only_the_agent_changed_and_redo_works_after_a_restart(
    env: dict[str, str], folder: Path
):
    for name in ("open.py", "closed.py"):
        (folder / name).write_text("x = 1\n")
    replies = [
        {"calls": [{"name": "read_file", "arguments": {"path": name}} for name in ("open.py", "closed.py")]},
        {"calls": [edit_call("closed.py", "x = 1", "x = 2")]},
        {"calls": [shell("echo made > made.txt; echo y >> closed.py")]},
        {"calls": [edit_call("open.py", "x = 1", "x = 2")]},
        {"text": "Done."},
    ]
    async with ModelServer(replies) as model:
        async with restarted(env, folder, model) as client:
            document = client.open((folder / "open.py").as_uri(), "x = 1\n")
            (folder / "mine.txt").write_text("before\n")
            session = (await chat(client, "change them"))["sessionId"]
            (folder / "mine.txt").write_text("after\n")
            (folder / "also-mine.txt").write_text("new\n")
            assert document.text == "x = 2\n"
            undone = await client.command("mazu.undo", {"sessionId": session})
            assert undone["applied"] and undone["verified"], undone
            assert questions(client) == []
            assert document.text == (folder / "closed.py").read_text() == "x = 1\n"
            assert not (folder / "made.txt").exists()
            assert [one["path"] for one in undone["plan"]["keep"]] == ["also-mine.txt", "mine.txt"]
            assert set(undone["plan"]["agents"]) == {"closed.py", "made.txt", "open.py"}
        async with restarted(env, folder, model) as client:
            redone = await client.command("mazu.redo", {"sessionId": session})
            assert redone["applied"] and redone["verified"], redone
            assert (folder / "closed.py").read_text() == "x = 2\ny\n"
            assert (folder / "made.txt").read_text() == "made\n"
            assert len((await client.command("mazu.session.show"))["turns"]) == 1
            undone = await client.command("mazu.undo", {"sessionId": session})
            assert undone["applied"] and questions(client) == []
            assert (folder / "closed.py").read_text() == "x = 1\n"
            assert (folder / "mine.txt").read_text() == "after\n"
            assert (folder / "also-mine.txt").read_text() == "new\n"


async def test_work_on_top_of_the_turn_is_asked_about_once(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("1\n2\n3\n4\n5\n")
    async with (
        ModelServer(edits("app.py", "1\n", "one\n")) as model,
        restarted(env, folder, model) as client,
    ):
        await chat(client, "edit")
        path.write_text("one\n2\n3\n4\nmine\n")
        await client.command("mazu.checkpoint")
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        preview = await client.command("mazu.undo", {"preview": True})
        left = await client.command("mazu.undo", {})
        assert not left["applied"] and left["plan"] == preview["plan"]
        assert [one["path"] for one in left["plan"]["conflicts"]] == ["app.py"]
        assert left["plan"]["keep"] == left["plan"]["agents"] == []
        (asked,) = questions(client)
        assert "app.py" in asked["title"] and "+mine" in asked["diff"] and "file:" not in str(asked)
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        kept = await client.command("mazu.undo", {})
        assert kept["applied"] and kept["verified"]
        assert path.read_text() == "1\n2\n3\n4\nmine\n"


async def test_a_killed_turn_is_undone_without_a_question(env: dict[str, str], folder: Path):
    path, notes = folder / "app.py", folder / "notes.txt"
    path.write_text("x = 1\n")
    notes.write_text("mine\n")
    command = shell("echo agent >> notes.txt; echo agent > made.txt; sleep 30")
    replies = [*edits("app.py", "x = 1", "x = 2")[:2], {"calls": [command]}, {"text": "Done."}]
    async with ModelServer(replies) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "PATH": os.environ["PATH"]}
        async with real_server({**env, **keys}) as (client, process):
            client.allow("edit_file: app.py", "run_shell: echo agent")
            await client.initialize(folder, **OPTED)
            started = await client.command("mazu.chat", {"message": "edit"})
            await eventually(lambda: _says(folder / "made.txt", "agent\n"), 60)
            # What is younger than the process's last sign of life could be anybody's, and would be asked about.
            await eventually(lambda: _lived_after(folder / "made.txt", env), 60)
            process.kill()
        async with restarted(env, folder, model) as client:
            (listed,) = (await client.command("mazu.session.list"))["sessions"]
            assert listed["interrupted"] and listed["state"] == "idle"
            status = await client.command("mazu.status")
            assert status["interrupted"]["sessionId"] == started["sessionId"]
            undone = await client.command("mazu.undo", {"sessionId": started["sessionId"]})
            assert undone["applied"] and undone["verified"], undone
            assert questions(client) == []
            assert (path.read_text(), notes.read_text()) == ("x = 1\n", "mine\n")
            assert not (folder / "made.txt").exists()


@pytest.mark.parametrize("reopened", [False, True])
async def test_an_edit_that_was_lost_with_the_editor_is_said(
    env: dict[str, str], folder: Path, reopened: bool
):
    """The agent edits an open document, which nobody saves; then editor and server are killed."""
    path = folder / "app.py"
    path.write_text("x = 1\n")
    waiting = {"text": "Still at it.", "delay": 60}
    replies = [*edits("app.py", "x = 1", "x = 2")[:2], waiting, {"text": "I see."}, {"text": "Yes."}]
    async with ModelServer(replies) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "PATH": os.environ["PATH"]}
        async with real_server({**env, **keys}) as (client, process):
            client.answers["workspace/applyEdit"] = client.apply_edit
            client.allow("edit_file: app.py")
            await client.initialize(folder, **OPTED)
            document = client.open(path.as_uri(), "x = 1\n")
            session = (await client.command("mazu.chat", {"message": "edit"}))["sessionId"]

            async def has_checkpoint() -> bool:  # taken beside the next request
                listed = (await client.command("mazu.checkpoint.list"))["checkpoints"]
                return len(model.requests) == 3 and any(one["kind"] == "step" for one in listed)

            await eventually(has_checkpoint, 60)
            assert (document.text, path.read_text()) == ("x = 2\n", "x = 1\n")
            process.kill()
        async with restarted(env, folder, model) as client:
            if reopened:
                client.open(path.as_uri(), "x = 1\n")
            await chat(client, "continue please", session)
            asked = str(model.bodies[3]["messages"][-1])
            assert "<lost_edits>" in asked and "Read them again: app.py" in asked, asked
            await client.until(
                lambda m: "unsaved text of app.py is open in no editor" in str(m.get("params")), within=5
            )
            path.write_text("x = 2\n")
            if reopened:
                client.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
            await chat(client, "it is there again", session)
            assert "<lost_edits>" not in str(model.bodies[4]["messages"][-1])


async def _lived_after(file: Path, env: dict[str, str]) -> bool:
    """Whether the process that runs a command has shown that it lives since a file was changed."""
    signs = Path(env["MAZU_STATE_HOME"]).glob("projects/*/checkpoints/commands/*")
    return any(sign.stat().st_mtime_ns > file.stat().st_ctime_ns for sign in signs)


async def _says(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


async def test_a_step_holds_what_the_user_saved_meanwhile_in_three_ways(env: dict[str, str], folder: Path):
    names = ("app.py", "didsave.txt", "watched.txt", "unwatched.txt")
    for name in names:
        (folder / name).write_text("1\n")
    replies = [
        {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
        {"calls": [edit_call("app.py", "1", "2")]},
        {"calls": [edit_call("app.py", "2", "3")]},
        {"text": "Done."},
    ]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        saved = folder / "didsave.txt"
        document = client.open(saved.as_uri(), "1\n", "plaintext")

        def between_the_steps() -> None:
            client.change(document.uri, "mine\n")
            saved.write_text("mine\n")
            client.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
            (folder / "watched.txt").write_text("mine\n")
            watched = {"uri": (folder / "watched.txt").as_uri(), "type": 2}
            client.notify("workspace/didChangeWatchedFiles", {"changes": [watched]})
            (folder / "unwatched.txt").write_text("mine\n")

        asked: list[Any] = []

        def allow(params: Any) -> Any:
            asked.append(params)
            if len(asked) == 2:
                between_the_steps()
            return {"optionId": "allow_once"}

        client.answers["mazu/permission/request"] = allow
        result = await chat(client, "edit twice")
        for name in names:
            (folder / name).write_text("later\n")
        back = await client.command(
            "mazu.rollback", {"id": result["checkpoints"][-1], "onConflict": "overwrite"}
        )
        assert back["applied"] and back["verified"], back
        assert [(folder / name).read_text() for name in names] == ["3\n", "mine\n", "mine\n", "mine\n"]


@pytest.mark.parametrize("with_session", [False, True])
async def test_a_rollback_to_a_checkpoint_of_no_session_can_be_redone(
    env: dict[str, str], folder: Path, with_session: bool
):
    """As from a terminal, where each command is a process of its own."""
    (folder / "a.py").write_text("x = 1\n")
    replies = [{"calls": [edit_call("a.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    async with ModelServer(replies) as model:
        async with restarted(env, folder, model) as client:
            taken = await client.command("mazu.checkpoint", {"label": "before work"})
        async with restarted(env, folder, model) as client:
            if with_session:
                await chat(client, "change it")
            else:
                (folder / "a.py").write_text("x = 2\n")
        async with restarted(env, folder, model) as client:
            back = await client.command("mazu.rollback", {"id": taken["id"], "onConflict": "overwrite"})
            assert back["verified"], back
            assert (folder / "a.py").read_text() == "x = 1\n"
        async with restarted(env, folder, model) as client:
            redone = await client.command("mazu.redo")
            assert redone["applied"] and redone["verified"], redone
            assert (folder / "a.py").read_text() == "x = 2\n"
            with pytest.raises(RpcFailure, match="no undo or rollback"):
                await client.command("mazu.redo")


async def test_undo_after_a_redo_leaves_what_the_user_saved_since(env: dict[str, str], folder: Path):
    """Undo, redo, a save by hand and no checkpoint in between, a restart, undo: the agent's line goes, the user's stays."""
    path = folder / "app.py"
    between = "".join(f"line {n}\n" for n in range(8))
    path.write_text(f"x = 1\n{between}y = 1\n")
    async with ModelServer(edits("app.py", "x = 1", "x = 2")) as model:
        async with restarted(env, folder, model) as client:
            session = (await chat(client, "edit"))["sessionId"]
            for command in ("mazu.undo", "mazu.redo"):
                assert (await client.command(command, within=60))["applied"]
            path.write_text(f"x = 2\n{between}y = 2\n")
        async with restarted(env, folder, model) as client:
            done = await client.command("mazu.undo", {"sessionId": session, "onConflict": "keep"}, within=60)
            assert done["applied"] and done["verified"] and done["plan"]["write"] == ["app.py"], done
            assert path.read_text() == f"x = 1\n{between}y = 2\n"
            assert (await client.command("mazu.redo", {"sessionId": session}, within=60))["applied"]
            assert path.read_text() == f"x = 2\n{between}y = 2\n"


async def test_a_chmod_of_the_agent_is_counted_compared_and_undone(env: dict[str, str], folder: Path):
    modes = {"app.py": 0o644, "run.sh": 0o755, "key.pem": 0o600}
    for name, mode in modes.items():
        (folder / name).write_text("1\n2\n3\n4\n5\n6\n")
        (folder / name).chmod(mode)

    def found() -> dict[str, int]:
        return {name: (folder / name).stat().st_mode & 0o777 for name in modes}

    replies = [{"calls": [shell("chmod 400 app.py run.sh; chmod 640 key.pem")]}, {"text": "Done."}]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        client.allow(*ALLOWED, "run_shell: chmod 400")
        taken = await client.command("mazu.checkpoint", {"label": "a"})
        done = await chat(client, "protect them")
        changed = {"app.py": 0o400, "run.sh": 0o400, "key.pem": 0o640}
        assert found() == changed and len(done["edits"]) == 3, done
        diff = await client.command("mazu.checkpoint.diff", {"id": taken["id"]})
        assert {file["path"]: file["status"] for file in diff["files"]} == dict.fromkeys(modes, "modified")
        assert "old mode 100600\nnew mode 100640\n" in diff["patch"]
        for _ in range(2):
            undone = await client.command("mazu.undo")
            assert undone["applied"] and undone["verified"] and undone["plan"]["keep"] == [], undone
            assert found() == modes
            assert (await client.command("mazu.redo"))["verified"] and found() == changed
        (folder / "app.py").chmod(0o600)
        (folder / "key.pem").write_text("1\n2\n3\n4\n5\nsix\n")
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        undone = await client.command("mazu.undo")
        assert undone["applied"] and undone["verified"], undone
        assert found() == modes | {"app.py": 0o600}
        assert (folder / "key.pem").read_text() == "1\n2\n3\n4\n5\nsix\n"
        (asked,) = questions(client)
        assert "app.py, key.pem" in asked["title"]


LINES = [f"{number}\n" for number in range(1, 41)]


def changed_lines(*changed: tuple[int, str]) -> str:
    lines = dict(enumerate(LINES, 1)) | {number: f"{text}\n" for number, text in changed}
    return "".join(lines.values())


@pytest.mark.parametrize("in_editor", [True, False])
async def test_what_the_user_changed_between_two_edits_of_a_turn_is_separated(
    env: dict[str, str], folder: Path, in_editor: bool
):
    path = folder / "app.py"
    path.write_text(changed_lines())
    path.chmod(0o644)
    mode = 0o644 if in_editor else 0o600
    (folder / "closed.py").write_text("x = 1\n")
    replies = [
        {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
        {"calls": [edit_call("app.py", "\n5\n", "\nfive\n")]},
        {"calls": [{"name": "read_file", "arguments": {"path": "closed.py"}}]},
        {
            "calls": [
                edit_call("closed.py", "x = 1", "x = 2"),
                edit_call("app.py", "\n35\n", "\nthirty-five\n"),
            ]
        },
        {"text": "Done."},
    ]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        document = client.open(path.as_uri(), path.read_text()) if in_editor else None
        allow = client.answers["mazu/permission/request"]

        def text() -> str:
            return document.text if document else path.read_text()

        def answer(params: dict[str, Any]) -> Any:
            if params["title"] == "Edit closed.py":
                mine = text().replace("\n20\n", "\nmine\n")
                client.change(path.as_uri(), mine) if document else path.write_text(mine)
                path.chmod(mode)
            return allow(params)

        client.answers["mazu/permission/request"] = answer
        await chat(client, "two edits")
        assert text() == changed_lines((5, "five"), (20, "mine"), (35, "thirty-five"))
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        for _ in range(2):
            undone = await client.command("mazu.undo")
            assert undone["applied"] and undone["verified"], undone
            assert text() == changed_lines((20, "mine"))
            assert path.stat().st_mode & 0o777 == mode
            assert (await client.command("mazu.redo"))["applied"]
            assert text() == changed_lines((5, "five"), (20, "mine"), (35, "thirty-five"))
        assert [one["title"] for one in questions(client)] == ["Undo: what should happen to app.py?"] * 2


@pytest.mark.parametrize(
    "command", ["rm -f app.py", "sed -i s/35/thirty-five/ app.py", "cp closed.py app.py"]
)
async def test_what_the_user_changed_before_a_command_of_the_same_turn_is_not_lost(
    env: dict[str, str], folder: Path, command: str
):
    """The agent edits a file, the user changes another line of it, and a command of the agent removes or replaces it."""
    path = folder / "app.py"
    path.write_text(changed_lines())
    path.chmod(0o644)
    (folder / "closed.py").write_text("x = 1\n")
    replies = [
        {"calls": [{"name": "read_file", "arguments": {"path": "app.py"}}]},
        {"calls": [edit_call("app.py", "\n5\n", "\nfive\n")]},
        {"calls": [shell(command)]},
        {"text": "Done."},
    ]
    async with ModelServer(replies) as model, restarted(env, folder, model) as client:
        allow = client.answers["mazu/permission/request"]

        def answer(params: dict[str, Any]) -> Any:
            if params["tool"] == "run_shell":
                path.write_text(path.read_text().replace("\n20\n", "\nmine\n"))
                return {"optionId": "allow_once"}
            return allow(params)

        client.answers["mazu/permission/request"] = answer
        done = await chat(client, "edit, then run")
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        undone = await client.command("mazu.undo", within=60)
        assert undone["applied"] and undone["verified"] and not undone["plan"]["conflicts"], undone
        assert path.read_text() == changed_lines((20, "mine")) and path.stat().st_mode & 0o777 == 0o644
        texts = [
            (await client.command("mazu.checkpoint.file", {"id": id, "path": "app.py"}))["text"]
            for id in done["checkpoints"]
        ]
        assert changed_lines((5, "five"), (20, "mine")) in texts, "a checkpoint holds it"
