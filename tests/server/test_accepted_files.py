"""Files that an editor creates or writes when the user accepts proposals are the agent's change: an undo reverts them unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.server import uris
from tests.server.client import Client, eventually
from tests.server.test_code_actions import actions, span
from tests.server.test_proposals import CREATES, SOURCE, TWO_EDITS, chat, proposing, write_source

FRESH = {"name": "write_file", "arguments": {"path": "pkg/fresh.py", "content": "fresh = 1\n"}}
REPLIES = [{"calls": [TWO_EDITS, FRESH]}, {"text": "Proposed.", "repeat": True}]
NEW = SOURCE.replace("return 1", "return 10").replace("return 2", "return 20")


async def accepted(client: Client, count: int) -> None:
    """The checkpoints of so many accepted files are taken."""

    async def taken() -> bool:
        listed = await client.command("mazu.checkpoint.list")
        return sum(one["label"].startswith("accepted: ") for one in listed["checkpoints"]) == count

    assert await eventually(taken, within=40)


def create(uri: str) -> None:
    """Create an empty file, as editors do for a resource operation."""
    path = uris.to_path(uri)
    path.parent.mkdir(exist_ok=True)
    path.touch()


async def accept_in_buffers(client: Client, folder: Path, *, slowly: bool) -> None:
    """The editor creates an empty file, opens it and types the text, as the literal edit says."""
    found = await actions(client, (folder / "app.py").as_uri(), span(0, 0, 0, 0))
    action = next(one for one in found if "accept proposal (all, 3 hunks in 2 files" in one["title"])
    steps = action["edit"]["documentChanges"]
    for change in steps:
        if "kind" in change:
            create(change["uri"])
    for change in steps:
        if "kind" in change:
            if slowly:
                await accepted(client, 1)
            client.open(change["uri"], "")
            if slowly:
                await client.command("mazu.checkpoint", {"label": "in between"})
        else:
            change["textDocument"]["version"] = client.documents[change["textDocument"]["uri"]].version
            assert client.apply_edit({"edit": {"documentChanges": [change]}}) == {"applied": True}
    await client.settled()


@pytest.mark.parametrize("slowly", [True, False])
@pytest.mark.parametrize("saved", [True, False])
async def test_an_undo_deletes_a_new_file_that_was_accepted_with_others(
    env: dict[str, str], folder: Path, saved: bool, slowly: bool
):
    path, fresh = write_source(folder), folder / "pkg" / "fresh.py"
    async with proposing(env, folder, REPLIES, **CREATES) as client:
        client.open(path.as_uri(), SOURCE)
        await chat(client)
        await accept_in_buffers(client, folder, slowly=slowly)
        if saved:
            for uri, document in list(client.documents.items()):
                uris.to_path(uri).write_text(document.text)
                client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
            await client.settled()
        assert (await client.command("mazu.proposal.list"))["proposals"] == []
        await accepted(client, 2)
        client.answers["workspace/applyEdit"] = client.apply_edit
        done = await client.command("mazu.undo", {"preview": True})
        assert (done["plan"]["users"], done["plan"]["conflicts"]) == ([], []), done
        undone = await client.command("mazu.undo")
        assert undone["verified"] and not undone["problems"], undone
        assert not fresh.exists() and path.read_text() == SOURCE
        assert client.documents[path.as_uri()].text == SOURCE


@pytest.mark.parametrize("watches", [True, False])
async def test_an_undo_reverts_files_that_the_client_wrote_on_disk(
    env: dict[str, str], folder: Path, watches: bool
):
    """A plain client makes edits of files that it has not opened where they are, in one go."""
    path, fresh = write_source(folder), folder / "pkg" / "fresh.py"
    async with proposing(env, folder, REPLIES, **CREATES) as client:
        await chat(client)
        fresh.parent.mkdir()
        fresh.write_text("fresh = 1\n")
        path.write_text(NEW)
        if watches:
            changes = [{"uri": fresh.as_uri(), "type": 1}, {"uri": path.as_uri(), "type": 2}]
            client.notify("workspace/didChangeWatchedFiles", {"changes": changes})
        await client.command("mazu.checkpoint", {"label": "in between"})
        done = await client.command("mazu.undo", {"preview": True})
        assert (done["plan"]["users"], done["plan"]["conflicts"]) == ([], []), done
        undone = await client.command("mazu.undo")
        assert undone["verified"] and not undone["problems"], undone
        assert not fresh.exists() and path.read_text() == SOURCE
