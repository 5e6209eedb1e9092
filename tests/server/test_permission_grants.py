"""Grants of a session over the wire, the confirmation of mode bypass, and what is answered of the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.tools.shell import sandbox
from tests.server.client import RpcFailure
from tests.server.test_turns import agent

MAKE = {"name": "run_shell", "arguments": {"command": "FOO=1 touch made"}}
TWICE = [{"calls": [MAKE]}, {"text": "Done."}, {"calls": [MAKE]}, {"text": "Done."}]


async def test_a_grant_of_the_session_is_listed_and_can_be_taken_back(env: dict[str, str], folder: Path):
    async with agent(env, folder, TWICE) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_session"}
        await client.command("mazu.chat", {"message": "Go", "wait": True}, within=60)
        (rule,) = (await client.command("mazu.permissions.list"))["rules"]
        assert (rule["source"], rule["tool"], rule["verdict"]) == ("session", "run_shell", "allow")
        assert rule["pattern"].startswith("FOO=1 touch")
        assert rule["sessionId"] == (await client.command("mazu.session.list"))["sessions"][0]["id"]
        assert (await client.command("mazu.permissions.revoke", {"id": rule["id"]}))["rules"] == []
        await client.command("mazu.chat", {"message": "Again", "wait": True}, within=60)
        assert len(client.notes("mazu/permission/request")) == 2


async def test_bypass_has_to_be_typed(env: dict[str, str], folder: Path):
    async with agent(env, folder, []) as client:
        for confirm in ({}, {"confirm": "yes"}):
            with pytest.raises(RpcFailure, match="confirm"):
                await client.command("mazu.permissions.mode", {"mode": "bypass", **confirm})
        assert (await client.command("mazu.permissions.list"))["mode"] != "bypass"
        confirmed = {"mode": "bypass", "confirm": "bypass"}
        assert (await client.command("mazu.permissions.mode", confirmed))["mode"] == "bypass"


async def test_a_blank_pattern_allows_nothing(env: dict[str, str], folder: Path):
    async with agent(env, folder, []) as client:
        for pattern in ("", " \t"):
            rule = {"tool": "run_shell", "pattern": pattern, "verdict": "allow"}
            with pytest.raises(RpcFailure, match=r"rule\.pattern"):
                await client.command("mazu.permissions.set", {"rule": rule})
        assert (await client.command("mazu.permissions.list"))["rules"] == []


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_a_check_says_that_the_sandbox_holds_it(env: dict[str, str], folder: Path):
    asked = {"tool": "run_shell", "arguments": {"command": "cargo test"}, "mode": "auto"}
    async with agent(env, folder, []) as client:
        checked = await client.command("mazu.permissions.check", asked)
        assert (checked["verdict"], checked["sandboxed"]) == ("allow", True)
    home = Path(env["MAZU_HOME"])
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text('[shell]\nsandbox = "off"\n')
    async with agent(env, folder, []) as client:
        checked = await client.command("mazu.permissions.check", asked)
        assert (checked["verdict"], checked["sandboxed"]) == ("ask", False)
