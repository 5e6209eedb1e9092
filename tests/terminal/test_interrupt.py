"""Ctrl-C in a real terminal that can only do lines: a run is stopped, and the user says how it goes on."""

from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from tests.terminal.terminal import CTRL_C, Terminal, project

SLOW = {"text": "one two three four five six seven eight nine ten " * 20, "delay": 0.2}
WRITE = {"calls": [{"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}]}


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
@pytest.mark.parametrize(("answer", "there", "status"), [("c", True, 0), ("r", False, 0), ("q", True, 130)])
async def test_continue_roll_back_or_quit(answer: str, there: bool, status: int, term: str, tmp_path: Path):
    root = project(tmp_path)
    async with ModelServer([WRITE, SLOW, {"text": "All done."}]) as server:
        terminal = await Terminal(root, server.url, term=term).start("run", "Write it.")
        await terminal.sees("one two")
        terminal.types(CTRL_C)
        await terminal.sees("Quit: keep what was done")
        await terminal.answers(f"{answer}\n" if term == "dumb" else answer)
        if answer == "c":
            await terminal.sees("All done.")
        assert await terminal.ends() == status
    assert (root / "new.txt").exists() == there
