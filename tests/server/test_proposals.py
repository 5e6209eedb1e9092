"""Proposals over the wire: hints, code actions with literal edits, and what the model hears of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import Client, eventually
from tests.server.test_clients import EDITORS, Editor, Quirks
from tests.server.test_code_actions import actions, span
from tests.server.test_turns import ALL, agent, edit_call

SOURCE = "import os\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2  # 👩\n"
TWO_EDITS = {
    "name": "edit_file",
    "arguments": {
        "path": "app.py",
        "edits": [{"old": "return 1", "new": "return 10"}, {"old": "return 2", "new": "return 20"}],
    },
}
REPLIES = [{"calls": [TWO_EDITS]}, {"text": "Proposed."}, {"text": "I see.", "repeat": True}]
CREATES = {
    **ALL,
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create", "delete"]},
    },
}


@asynccontextmanager
async def proposing(
    env: dict[str, str], folder: Path, replies: Sequence[dict[str, Any]] = REPLIES, **capabilities: Any
) -> AsyncIterator[Client]:
    """A client whose agent proposes."""
    config = folder / ".mazu" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text('[edits]\napply = "propose"\n')
    async with agent(env, folder, replies, **capabilities) as client:
        yield client


def write_source(folder: Path) -> Path:
    path = folder / "app.py"
    path.write_text(SOURCE)
    return path


async def chat(client: Client, message: str = "Do it") -> dict[str, Any]:
    return await client.command("mazu.chat", {"message": message, "wait": True}, within=60)


async def hints(client: Client, uri: str, wanted: int) -> list[dict[str, Any]]:
    """The last hints of a document, once there are so many proposals among them."""

    async def there() -> list[list[dict[str, Any]]]:
        told = [note for note in client.notes("textDocument/publishDiagnostics") if note["uri"] == uri]
        last = told[-1]["diagnostics"] if told else []
        return [last] if len(last) == wanted and (told or not wanted) else []

    return (await eventually(there))[0]


async def titles(client: Client, uri: str, line: int = 0) -> list[str]:
    return [
        one["title"]
        for one in await actions(client, uri, span(line, 0, line, 0))
        if "proposal" in one["title"]
    ]


async def take(client: Client, uri: str, line: int, start: str) -> dict[str, Any]:
    """Run a code action as an editor does: its edit, then its command."""
    found = await actions(client, uri, span(line, 0, line, 0))
    action = next(one for one in found if one["title"].startswith(f"Mazu: {start}"))
    if edit := action.get("edit"):
        for changed, edits in edit.get("changes", {}).items():
            version = client.documents[changed].version
            edit = {
                "documentChanges": [{"textDocument": {"uri": changed, "version": version}, "edits": edits}]
            }
        assert client.apply_edit({"edit": edit}) == {"applied": True}
        await client.settled()
    if call := action.get("command"):
        await client.command(call["command"], *call["arguments"])
    return action


def heard(client: Client) -> str:
    """The last request that the model got."""
    return json.dumps(client.model.bodies[-1]["messages"], ensure_ascii=False)


async def test_an_edit_is_proposed_shown_and_accepted_hunk_by_hunk(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        document = client.open(path.as_uri(), SOURCE)
        result = await chat(client)
        assert (result["edits"], document.text) == ([], SOURCE)
        assert len(result["checkpoints"]) == 1, "what undo goes back to once a hunk is accepted"
        assert "proposed, not applied: app.py" in json.dumps(client.model.bodies[-1])
        first, second = await hints(client, path.as_uri(), 2)
        assert (first["source"], first["severity"], first["range"]["start"]["line"]) == ("mazu", 4, 4)
        assert second["message"] == "Mazu proposes (hunk 2 of 2)\n-    return 2  # 👩\n+    return 20  # 👩"
        assert await titles(client, path.as_uri(), 4) == [
            "Mazu: accept proposal (hunk 1 of 2)",
            "Mazu: reject proposal (hunk 1 of 2)",
            "Mazu: accept proposal (file app.py, 2 hunks)",
            "Mazu: reject proposal (file app.py, 2 hunks)",
            "Mazu: accept proposal (all, 2 hunks in 1 file)",
            "Mazu: reject proposal (all, 2 hunks in 1 file)",
        ]
        action = await take(client, path.as_uri(), 4, "accept proposal (hunk")
        assert "command" not in action
        assert action["edit"]["documentChanges"][0]["textDocument"]["version"] == 1
        assert document.text == SOURCE.replace("return 1", "return 10")
        (left,) = await hints(client, path.as_uri(), 1)
        assert left["range"]["start"]["line"] == 8
        await client.command(
            "mazu.proposal.reject", {"ids": [left["data"]["proposal"]], "note": "two is right"}
        )
        assert await hints(client, path.as_uri(), 0) == []
        await chat(client, "And now?")
        said = heard(client)
        assert "- accepted hunk 1 of app.py" in said
        assert "- the user rejected hunk 2 of app.py: two is right" in said
        await chat(client, "Once more")
        assert heard(client).count("two is right") == 1


async def test_typing_elsewhere_moves_a_proposal_and_typing_in_it_makes_it_stale(
    env: dict[str, str], folder: Path
):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        document = client.open(path.as_uri(), SOURCE)
        await chat(client)
        client.change(path.as_uri(), "# a\n# b\n", (0, 0))
        client.change(path.as_uri(), "3", (6, 11), (6, 12))
        await client.settled()
        found = await client.command("mazu.proposal.list")
        assert [(one["state"], one["range"]["start"]["line"]) for one in found["proposals"]] == [
            ("stale", 6),
            ("open", 10),
        ]
        assert await titles(client, path.as_uri(), 6) == [
            "Mazu: reject proposal (hunk 1 of 2)",
            "Mazu: accept proposal (file app.py, 2 hunks)",
            "Mazu: reject proposal (file app.py, 2 hunks)",
            "Mazu: accept proposal (all, 2 hunks in 1 file)",
            "Mazu: reject proposal (all, 2 hunks in 1 file)",
        ]
        await take(client, path.as_uri(), 0, "accept proposal (file")
        assert document.text == "# a\n# b\n" + SOURCE.replace("return 1", "return 3").replace(
            "return 2", "return 20"
        )
        client.change(path.as_uri(), "1", (6, 11), (6, 12))
        await client.settled()
        (healed,) = (await client.command("mazu.proposal.list"))["proposals"]
        assert (healed["state"], healed["hunk"]) == ("open", 1)


async def test_proposals_survive_a_restart(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        await chat(client)
        assert path.read_text() == SOURCE
    async with proposing(env, folder) as client:
        shown = await hints(client, path.as_uri(), 2)
        assert [one["range"]["start"]["line"] for one in shown] == [4, 8]
        document = client.open(path.as_uri(), SOURCE)
        await take(client, path.as_uri(), 0, "accept proposal (all")
        assert document.text == SOURCE.replace("return 1", "return 10").replace("return 2", "return 20")
        assert (await client.command("mazu.proposal.list"))["proposals"] == []
        assert await hints(client, path.as_uri(), 0) == []
    async with proposing(env, folder) as client:
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


async def test_a_rejection_during_the_turn_is_heard_before_it_ends(env: dict[str, str], folder: Path):
    path = write_source(folder)
    replies = [
        {"calls": [TWO_EDITS]},
        {"text": "Here you are, slowly. " * 20, "chunk": 10, "delay": 1.0},
        {"text": "Then I leave it."},
    ]
    async with proposing(env, folder, replies) as client:
        client.open(path.as_uri(), SOURCE)
        _, turn = client.start(
            "workspace/executeCommand",
            {"command": "mazu.chat", "arguments": [{"message": "Do it", "wait": True}]},
        )
        await hints(client, path.as_uri(), 2)

        async def answering() -> bool:
            return len(client.model.requests) == 2

        assert await eventually(answering, within=40)
        await client.command("mazu.proposal.reject", {"uri": path.as_uri()})
        object.__setattr__(client.model.script.replies[1], "delay", 0.0)  # only now may the answer end
        result = await turn
        assert result["reply"] == "Then I leave it."
        assert "rejected hunk 1 of app.py" in heard(client)


async def test_new_files_are_created_by_the_editor_where_it_can(env: dict[str, str], folder: Path):
    path = write_source(folder)
    call = {"name": "write_file", "arguments": {"path": "pkg/new.py", "content": "x = 1\n"}}
    async with proposing(env, folder, [{"calls": [call]}, {"text": "Proposed."}], **CREATES) as client:
        client.open(path.as_uri(), SOURCE)
        await chat(client)
        new = folder / "pkg" / "new.py"
        assert not new.exists()
        found = await actions(client, path.as_uri(), span(0, 0, 0, 0))
        action = next(one for one in found if one["title"] == "Mazu: accept proposal (new file pkg/new.py)")
        create, write = action["edit"]["documentChanges"]
        assert (create["kind"], create["uri"], write["textDocument"]) == (
            "create",
            new.as_uri(),
            {"uri": new.as_uri(), "version": None},
        )
        assert [edit["newText"] for edit in write["edits"]] == ["x = 1\n"]
        client.open(new.as_uri(), "x = 1\n")
        await client.settled()
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


async def test_new_files_are_created_by_a_command_where_the_editor_cannot(env: dict[str, str], folder: Path):
    path = write_source(folder)
    call = {"name": "write_file", "arguments": {"path": "pkg/new.py", "content": "x = 1\n"}}
    async with proposing(env, folder, [{"calls": [call]}, {"text": "Proposed."}]) as client:
        client.open(path.as_uri(), SOURCE)
        await chat(client)
        action = await take(client, path.as_uri(), 0, "accept proposal (new file")
        assert "edit" not in action
        assert (folder / "pkg" / "new.py").read_text() == "x = 1\n"

        async def recorded() -> bool:  # behind the command, in the background
            listed = await client.command("mazu.checkpoint.list")
            return [one["label"] for one in listed["checkpoints"][:2]] == [
                "accepted: pkg/new.py", "before proposals were accepted",
            ]  # fmt: skip

        assert await eventually(recorded, within=40)
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


async def test_the_commands_without_arguments_mean_what_is_in_view(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        document = client.open(path.as_uri(), SOURCE)
        await chat(client)
        await actions(client, path.as_uri(), span(8, 0, 8, 0))
        accepted = await client.command("mazu.proposal.accept")
        assert len(accepted["accepted"]) == 1
        assert document.text == SOURCE.replace("return 2", "return 20")
        await actions(client, path.as_uri(), span(0, 0, 0, 0))
        assert len((await client.command("mazu.proposal.reject"))["rejected"]) == 1
        assert await titles(client, path.as_uri()) == []


async def test_a_rewound_turn_takes_its_proposals_along(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        client.open(path.as_uri(), SOURCE)
        await chat(client)
        await hints(client, path.as_uri(), 2)
        await client.command("mazu.session.rewind")
        assert await hints(client, path.as_uri(), 0) == []
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


async def test_an_undo_leaves_no_proposal_of_the_turn(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        client.open(path.as_uri(), SOURCE)
        await chat(client)
        await client.command("mazu.undo")
        await client.command("mazu.session.show")
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


async def test_what_an_editor_without_late_edits_refuses_becomes_a_proposal(
    env: dict[str, str], folder: Path
):
    """Kate: it declares nothing, refuses, and the buffer is unsaved, so that the file cannot be written either."""
    path = write_source(folder)
    replies = [{"calls": [edit_call("app.py", "return 1", "return 10")]}, {"text": "Proposed."}]
    async with agent(
        env, folder, replies, experimental={"mazu": {"permissions": True}}, allow=["edit_file: app.py"]
    ) as client:
        client.answers["workspace/applyEdit"] = lambda params: {"applied": False}
        document = client.open(path.as_uri(), SOURCE.replace("import os", "import sys"))
        result = await chat(client)
        assert result["edits"] == []
        assert "proposed, not applied: app.py" in heard(client)
        found = await actions(client, path.as_uri(), span(4, 0, 4, 0))
        action = next(one for one in found if "accept proposal (" in one["title"])
        (edits,) = action["edit"]["changes"].values()
        change = {"textDocument": {"uri": path.as_uri(), "version": document.version}, "edits": edits}
        client.apply_edit({"edit": {"documentChanges": [change]}})
        assert "return 10" in document.text
        await client.settled()
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_literal_edits_count_in_the_encoding_of_the_editor(
    env: dict[str, str], folder: Path, encoding: str
):
    path = folder / "app.py"
    text = "s = '👩👩' + a + '👩'\r\nt = 1\r\n"
    path.write_bytes(text.encode())
    replies = [{"calls": [edit_call("app.py", "+ a +", "+ b +")]}, {"text": "Proposed."}]
    declared = {**ALL, "general": {"positionEncodings": [encoding]}}
    async with proposing(env, folder, replies, **declared) as client:
        document = client.open(path.as_uri(), text)
        await chat(client)
        await take(client, path.as_uri(), 0, "accept proposal (hunk")
        assert document.text == text.replace("+ a +", "+ b +")
        assert (await client.command("mazu.proposal.list"))["proposals"] == []


@pytest.mark.parametrize("quirks", EDITORS, ids=lambda quirks: quirks.name)
async def test_on_every_editor_hunks_are_accepted_late_and_without_a_plugin(
    quirks: Quirks, env: dict[str, str], folder: Path
):
    path = write_source(folder)
    async with proposing(env, folder, **(quirks.declares or {"experimental": {}})) as client:
        editor = Editor(client, quirks, folder)
        document = client.open(path.as_uri(), SOURCE)
        await editor.command("mazu.run", {"task": "Do it"})
        await hints(client, path.as_uri(), 2)
        await take(client, path.as_uri(), 4, "accept proposal (hunk")
        assert document.text == SOURCE.replace("return 1", "return 10")
        await take(client, path.as_uri(), 8, "reject proposal (file")
        assert await hints(client, path.as_uri(), 0) == []
        assert document.text == SOURCE.replace("return 1", "return 10")


async def test_proposals_follow_a_renamed_folder(env: dict[str, str], folder: Path):
    (folder / "old").mkdir()
    (folder / "old" / "app.py").write_text(SOURCE)
    edit = {"name": "edit_file", "arguments": {"path": "old/app.py", "old": "return 1", "new": "return 10"}}
    async with proposing(env, folder, [{"calls": [edit]}, {"text": "Proposed."}]) as client:
        await chat(client)
        (folder / "old").rename(folder / "new")
        files = [{"oldUri": (folder / "old").as_uri(), "newUri": (folder / "new").as_uri()}]
        client.notify("workspace/didRenameFiles", {"files": files})
        new = folder / "new" / "app.py"
        assert len(await hints(client, new.as_uri(), 1)) == 1
        (left,) = (await client.command("mazu.proposal.list"))["proposals"]
        assert (left["path"], left["state"]) == ("new/app.py", "open")


async def test_the_end_of_a_turn_says_what_waits(env: dict[str, str], folder: Path):
    write_source(folder)
    async with proposing(env, folder) as client:
        await chat(client)
        said = await client.until(lambda message: message.get("method") == "window/showMessage")
        assert said["params"]["message"].startswith("Mazu proposes 2 edits in 1 file")


async def test_an_undo_in_the_editor_opens_what_was_accepted_again(env: dict[str, str], folder: Path):
    path = write_source(folder)
    async with proposing(env, folder) as client:
        document = client.open(path.as_uri(), SOURCE)
        await chat(client)
        told = len(client.notes("mazu/changed"))
        await take(client, path.as_uri(), 4, "accept proposal (hunk 1")
        await take(client, path.as_uri(), 8, "accept proposal (hunk 2")
        assert await hints(client, path.as_uri(), 0) == []
        assert {"what": ["proposals"]} in client.notes("mazu/changed")[told:]
        client.change(path.as_uri(), "2 ", (8, 11), (8, 14))
        assert document.text == SOURCE.replace("return 1", "return 10")
        (again,) = await hints(client, path.as_uri(), 1)
        assert again["range"]["start"]["line"] == 8
        client.change(path.as_uri(), SOURCE)
        assert len(await hints(client, path.as_uri(), 2)) == 2
        await take(client, path.as_uri(), 4, "accept proposal (file")
        assert document.text == SOURCE.replace("return 1", "return 10").replace("return 2", "return 20")
        await chat(client, "And now?")
        assert heard(client).count("- accepted hunk") == 2
        client.change(path.as_uri(), SOURCE)
        assert len(await hints(client, path.as_uri(), 2)) == 2
    async with agent(env, folder, REPLIES) as client:
        client.open(path.as_uri(), SOURCE)
        assert len(await hints(client, path.as_uri(), 2)) == 2
