"""Settings that change while a turn runs: what cannot be read takes nothing away from the running turn."""

import os
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.project.settings import read_settings as read_settings_module
from mazu_ls.agent.project.settings.read_settings import SETTLED_SECONDS, read_settings
from tests.server.test_turns import ALL, agent

RULE = '[[permissions.rules]]\ntool = "write_file"\npattern = "migrations/*"\nverdict = "deny"\n'
WRITE = {"name": "write_file", "arguments": {"path": "migrations/1.sql", "content": "x\n"}}
RUN = {"name": "run_shell", "arguments": {"command": "echo one"}}
BROKEN = {"no TOML": RULE + "[limits]\nmax_cost_usd = \n", "a verdict": RULE.replace('"deny"', '"Deny"')}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
async def test_a_rule_that_cannot_be_read_any_more_holds_for_the_running_turn(
    env: dict[str, str], folder: Path, text: str
):
    settings = Path(env["MAZU_HOME"], "config.toml")
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(RULE)
    script = [{"calls": [RUN]}, {"calls": [WRITE]}, {"text": "Done."}]
    async with agent(env, folder, script, **ALL) as client:

        def allow(params: dict[str, Any]) -> dict[str, str]:
            settings.write_text(text)  # half typed, and saved, while the question is open
            server = client.connection.mazu
            assert server.project
            server.project.configure(server.settings)
            return {"optionId": "once"}

        client.answers["mazu/permission/request"] = allow
        await client.command("mazu.chat", {"message": "go", "wait": True}, within=90)
        assert "a rule denies it" in str(client.model.bodies[-1]["messages"][-1])
        assert not (folder / "migrations").exists()


def test_a_file_that_is_being_written_is_not_read_yet(folder: Path, env: dict[str, str]):
    settings = Path(env["MAZU_HOME"], "config.toml")
    settings.parent.mkdir()
    settings.write_text(RULE)
    read = read_settings([folder], env, {})
    assert read.changed() is None
    settings.write_text("")
    assert 0 < (read.changed() or 0) <= SETTLED_SECONDS
    os.utime(settings, (1, 1))
    assert read.changed() == 0
    settings.with_name("new").write_text(RULE + "\n")  # all at once, as `mazu-ls config set` does
    settings.with_name("new").replace(settings)
    assert read.changed() == 0
    settings.with_name("new").write_text("")
    settings.with_name("new").replace(settings)
    assert 0 < (read.changed() or 0) <= SETTLED_SECONDS
    settings.unlink()
    assert read.changed() == SETTLED_SECONDS


async def test_a_turn_waits_until_settings_are_written_and_other_commands_do_not(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = Path(env["MAZU_HOME"], "config.toml")
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(RULE)
    waited: list[float] = []

    async def written(seconds: float) -> None:
        waited.append(seconds)
        settings.write_text(RULE)
        os.utime(settings, (1, 1))

    async with agent(env, folder, [{"calls": [WRITE]}, {"text": "Done."}], **ALL) as client:
        await client.command("mazu.status")  # the project is open, its settings are read
        monkeypatch.setattr(read_settings_module, "sleep", written)
        monkeypatch.setattr(read_settings_module, "SETTLED_SECONDS", 3600.0)
        settings.write_text("")  # as an editor begins to save
        await client.command("mazu.status")
        assert waited == []
        await client.command("mazu.chat", {"message": "go", "wait": True}, within=90)
        assert waited and "a rule denies it" in str(client.model.bodies[-1]["messages"][-1])
