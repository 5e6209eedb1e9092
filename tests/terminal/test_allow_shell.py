"""`mazu-ls run --allow-shell` as a script calls it: no terminal, nobody to ask."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.tools.shell import sandbox

COMMAND = {"name": "run_shell", "arguments": {"command": "FOO=1 make -s"}}


async def run(
    tmp_path: Path, *options: str, config: str = "", command: dict | None = None, status: int | None = None,
    ignored: str = "", times: int = 1,
) -> tuple[dict, str, list]:  # fmt: skip
    """The result, standard error, and what the model was told of its command."""
    folder, home = tmp_path / "project", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    (folder / "Makefile").write_text("all:\n\t@echo made > made.txt\n")
    if ignored:
        (folder / ".gitignore").write_text(ignored)
    (home / "config.toml").write_text("[context]\nmap_tokens = 0\n" + config)
    async with ModelServer([*[{"calls": [command or COMMAND]}] * times, {"text": "Done."}]) as server:
        env = {
            **os.environ, "MAZU_HOME": str(home), "MAZU_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path),
            "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.url, "MAZU_MODEL": "anthropic:claude-sonnet-4-5",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mazu_ls", "run", "Make it.", "--json", *options, cwd=folder, env=env,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
        told = [part for body in server.bodies[1:] for part in body["messages"][-1]["content"] if part["type"] == "tool_result"]  # fmt: skip
    assert status in (None, process.returncode)
    return json.loads(out), err.decode(), told


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_with_a_sandbox_commands_run_unasked(tmp_path: Path) -> None:
    log = f"/tmp/{tmp_path.name}.log"
    line = f"FOO=1 make > {log} 2>&1 && cp {log} made.log"
    result, _, told = await run(
        tmp_path, "--allow-shell", command={"name": "run_shell", "arguments": {"command": line}}
    )
    assert result["stopReason"] == "end_turn"
    assert (tmp_path / "project/made.txt").read_text() == "made\n", told
    assert (tmp_path / "project/made.log").exists()
    assert not Path(log).exists()


async def test_without_one_it_is_said_what_is_not_held_and_that_no_one_can_be_asked(tmp_path: Path) -> None:
    _, err, told = await run(tmp_path, "--allow-shell", config='[shell]\nsandbox = "off"\n')
    assert not (tmp_path / "project/made.txt").exists()
    assert "nobody is here to approve it; allow it with `mazu-ls permissions allow run_shell" in str(told)
    assert "in time" not in str(told)
    assert "do not run in a sandbox (shell.sandbox is off)" in err


async def test_what_bypass_asks_is_refused_where_no_one_can_be_asked(tmp_path: Path) -> None:
    command = {"name": "run_shell", "arguments": {"command": "ls | while read f; do rm $f; done"}}
    options = ("--allow-shell", "--mode", "bypass", "--confirm", "bypass")
    result, _, told = await run(tmp_path, *options, command=command, status=4)
    assert (
        "what rm works on cannot be known; nobody is here to approve it; no pattern allows this line"
        in str(told)
    )
    assert [one["by"] for one in result["refusals"]] == ["nobody"]
    assert (tmp_path / "project/Makefile").exists()


async def test_a_command_that_a_rule_allows_runs_without_the_option(tmp_path: Path) -> None:
    rule = '[[permissions.rules]]\ntool = "run_shell"\npattern = "make"\nverdict = "allow"\n'
    await run(tmp_path, config=rule, command={"name": "run_shell", "arguments": {"command": "make"}})
    assert (tmp_path / "project/made.txt").exists()


async def test_it_brings_no_other_command(tmp_path: Path) -> None:
    rule = '[[permissions.rules]]\ntool = "run_shell"\npattern = "make"\nverdict = "allow"\n'
    _, _, told = await run(tmp_path, "--mode", "auto", config=rule)
    assert "mode auto does not ask; allow it with" in str(told)
    assert not (tmp_path / "project/made.txt").exists()


async def test_a_hard_deny_holds_all_the_same(tmp_path: Path) -> None:
    command = {"name": "run_shell", "arguments": {"command": "make -s && sudo make install"}}
    _, _, told = await run(tmp_path, "--allow-shell", command=command)
    assert "sudo changes the user that commands run as" in str(told)
    assert not (tmp_path / "project/made.txt").exists()


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
@pytest.mark.parametrize("outputs", ["", "[shell]\noutputs = ['gen.h']\n"])
async def test_an_ignored_file_that_is_made_again_is_named_with_its_setting(tmp_path: Path, outputs: str):
    line = "for f in api_pb2.py coverage.out gen.h; do echo 1 > $f || exit; done"
    command = {"name": "run_shell", "arguments": {"command": line}}
    ignored = "gen.*\n*_pb2.py\ncoverage.out\n"
    _, err, told = await run(
        tmp_path, "--allow-shell", config=outputs, command=command, ignored=ignored, times=3
    )
    why = "gen.h is read-only for commands that nobody approved: git ignores it"
    setting = """mazu-ls config set shell.outputs '["gen.h"]'"""
    results = [
        part["content"] if isinstance(part["content"], str) else part["content"][0]["text"] for part in told
    ]
    named = [why in text and setting in text for text in results]
    assert not any(named) if outputs else named == [False, True, True], results
    assert err.count(f"A command seems to have met a read-only file: {why}") == (not outputs), err
    assert (setting in err) == (not outputs)
