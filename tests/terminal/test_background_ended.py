"""What the agent left running in the background ends with mazu-ls, and that is said."""

import json
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.terminal.terminal import CTRL_D, Terminal, project
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture

SERVE = {"name": "run_shell", "arguments": {"command": "date; sleep 600", "background": True}}
ENDED = "mazu-ls: sh1 (date; sleep 600): this background command was ended, as mazu-ls ends."


def is_running(root: Path) -> bool:
    """Whether the command runs: a number that it knows may be one of its sandbox, so all processes are looked at."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if b"sleep\x00600" in (place / "cmdline").read_bytes() and (place / "cwd").resolve() == root:
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_at_the_end_of_a_run(script: Script, options: list[str]):
    script.model_says({"calls": [SERVE]}, {"text": "Started."})
    status, out, err = script("run", "serve it", "--allow-shell", *options)
    assert status == 0, err
    assert err.count(ENDED) == 1, err
    assert (json.loads(out)["reply"] if options else out.strip()) == "Started."
    assert not is_running(script.root)


async def test_when_a_conversation_is_left(tmp_path: Path) -> None:
    root = project(tmp_path)
    async with ModelServer([{"calls": [SERVE]}, {"text": "Started."}]) as server:
        terminal = await Terminal(root, server.url).start()
        try:
            await terminal.sees("new conversation")
            await terminal.says("serve it")
            await terminal.sees("Allow once")
            await terminal.answers("y")
            await terminal.sees("Started.")
            await terminal.rests()
            terminal.types(CTRL_D)
            assert await terminal.ends() == 0
            await terminal.sees(ENDED)
        finally:
            await terminal.kill()
    assert not is_running(root)
