"""Some thirty more clones that are opened, chatted with, checkpointed and rolled back: no marker, nothing outside written.

PATH names a folder of the project first, as in a shell where its virtual environment is active.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.hostile import trusted_shapes
from tests.hostile.clone_shapes import CLONES
from tests.hostile.shapes import Target
from tests.hostile.test_hostile_repositories import (
    CAPABILITIES,
    REPLIES,
    agrees_to_edits,
    contents,
    started,
    target,
)

__all__ = ["target", "trusted_shapes"]


@pytest.mark.parametrize("name", CLONES)
async def test_nothing_of_a_hostile_clone_runs(name: str, target: Target, tmp_path: Path):
    CLONES[name](target)
    folder, marker = target.root, tmp_path / "marker"
    marker.unlink(missing_ok=True)
    before = contents(target.outside, tmp_path / "user", target.git_dir)
    async with ModelServer(list(REPLIES)) as model:
        env = {
            "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key", "HOME": str(tmp_path / "user"),
            "MAZU_HOME": str(tmp_path / "mazu-home"), "MAZU_STATE_HOME": str(tmp_path / "state"),
            "PATH": f"{folder}/node_modules/.bin:{os.environ['PATH']}",
        }  # fmt: skip
        async with started(env, folder) as client:
            client.answers["workspace/applyEdit"] = client.apply_edit
            client.answers["window/workDoneProgress/create"] = lambda params: None
            client.answers["mazu/permission/request"] = agrees_to_edits
            await client.initialize(folder, **CAPABILITIES)
            for chat in sorted(folder.glob(".mazu/chats/*.md")):
                client.open(chat.as_uri(), chat.read_text(), "markdown")
            first = await client.command("mazu.checkpoint", {"label": "before"}, within=180)
            result = await client.command("mazu.chat", {"message": "Fix add", "wait": True}, within=240)
            assert result["stopReason"] == "end_turn", result
            assert "a + b" in (folder / "app.py").read_text()
            assert (await client.command("mazu.permissions.list", within=180))["mode"] == "ask"
            await client.command("mazu.recall", {"query": "add"}, within=180)
            await client.command("mazu.skills.list", within=180)
            await client.command("mazu.trust.list", within=180)
            await client.command("mazu.checkpoint.diff", {"id": first["id"]}, within=180)
            undone = await client.command("mazu.rollback", {"id": first["id"]}, within=180)
            assert undone["applied"] and undone["verified"], undone
            assert "a - b" in (folder / "app.py").read_text()
            assert not (folder / "made").exists()
            await client.ask("shutdown")
            client.notify("exit")
    assert not marker.exists(), marker.read_text()
    assert contents(target.outside, tmp_path / "user", target.git_dir) == before
