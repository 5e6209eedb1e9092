"""Undo, rollback and retention as a user meets them: a real server process, restarted in between, on default settings."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client
from tests.server.test_process import real_server
from tests.server.test_turns import edit_call

ABILITIES: dict[str, Any] = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    }
}
OPTED = {**ABILITIES, "experimental": {"mazu": {"updates": True, "permissions": True, "save": True}}}


@asynccontextmanager
async def restarted(
    env: dict[str, str], folder: Path, model: ModelServer, **capabilities: Any
) -> AsyncIterator[Client]:
    """One life of a real server; it ends in good order."""
    keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "PATH": os.environ["PATH"]}
    async with real_server({**env, **keys}) as (client, process):
        client.answers["workspace/applyEdit"] = client.apply_edit
        client.answers["window/workDoneProgress/create"] = lambda params: None
        client.answers["client/registerCapability"] = lambda params: None
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        await client.initialize(folder, **(capabilities or OPTED))
        yield client
        await client.ask("shutdown")
        client.notify("exit")
        await asyncio.wait_for(process.wait(), 10)


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
