"""What a project's file tightens holds against the settings that an editor sends as the user's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client, connected
from tests.server.test_turns import ALL

LOOSE: dict[str, Any] = {
    "permissions": {"mode": "auto", "rules": [{"tool": "web_fetch", "verdict": "ask"}]},
    "edits": {"apply": "direct"},
    "limits": {"max_cost_usd": 5},
}
WRITE = {"name": "write_file", "arguments": {"path": "new.txt", "content": "1\n"}}


@asynccontextmanager
async def editing(env: dict[str, str], folder: Path, says: str, *, pulled: bool) -> AsyncIterator[Client]:
    """A client whose user allows everything in the editor's settings, in a project whose file says `says`."""
    (folder / ".mazu").mkdir()
    (folder / ".mazu/config.toml").write_text(says)
    usage = {"input": 2_000, "output": 1_000}
    script = [{"calls": [WRITE], "usage": usage}, {"text": "Done.", "usage": usage, "repeat": True}]
    async with ModelServer(script) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        async with connected({**env, **keys}) as client:
            client.model = model
            client.answers["workspace/applyEdit"] = client.apply_edit
            client.answers["window/workDoneProgress/create"] = lambda params: None
            client.answers["workspace/configuration"] = lambda params: [LOOSE]
            client.options = {} if pulled else LOOSE
            more = {"configuration": True} if pulled else {}
            own = {"mazu": {"ownSettings": True}} if pulled else {}
            await client.initialize(
                folder, **{**ALL, "workspace": {**ALL["workspace"], **more}, "experimental": own}
            )
            await client.settled()
            yield client
            assert (await client.command("mazu.status"))["warnings"] == []


async def chat(client: Client) -> dict[str, Any]:
    return await client.command("mazu.chat", {"message": "write it", "wait": True})


pytestmark = pytest.mark.parametrize("pulled", [False, True], ids=["initialize", "configuration"])


async def test_the_editors_own_settings_hold_where_a_project_says_nothing(
    env: dict[str, str], folder: Path, pulled: bool
):
    async with editing(env, folder, "", pulled=pulled) as client:
        assert (await chat(client))["stopReason"] == "end_turn"
        assert (folder / "new.txt").read_text() == "1\n"


async def test_a_projects_mode_and_rules_hold(env: dict[str, str], folder: Path, pulled: bool):
    says = (
        '[permissions]\nmode = "plan"\nrules = [{tool = "run_shell", pattern = "make *", verdict = "deny"}]\n'
    )
    async with editing(env, folder, says, pulled=pulled) as client:
        listed = await client.command("mazu.permissions.list")
        assert listed["mode"] == "plan"
        found = [(rule["tool"], rule["verdict"]) for rule in listed["rules"]]
        assert found == [("web_fetch", "ask"), ("run_shell", "deny")]
        await chat(client)
        assert not (folder / "new.txt").exists()


async def test_a_project_that_wants_proposals_gets_them(env: dict[str, str], folder: Path, pulled: bool):
    async with editing(env, folder, '[edits]\napply = "propose"\n', pulled=pulled) as client:
        result = await chat(client)
        assert not result["edits"] and not (folder / "new.txt").exists()


async def test_a_projects_limit_of_money_holds(env: dict[str, str], folder: Path, pulled: bool):
    async with editing(env, folder, "[limits]\nmax_cost_usd = 0.001\n", pulled=pulled) as client:
        assert (await chat(client))["stopReason"] == "max_cost"
        assert len(client.model.bodies) <= 1 and not (folder / "new.txt").exists()
