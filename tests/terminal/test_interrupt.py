"""Ctrl-C in a real terminal: a run is stopped, and the user says how it goes on."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer

SLOW = {"text": "one two three four five six seven eight nine ten " * 20, "delay": 0.2}
WRITE = {"calls": [{"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}]}


class Terminal:
    """A pseudo-terminal with `mazu-ls` in it."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.env = {
            **os.environ, "MAZU_HOME": str(root.parent / "home"), "MAZU_STATE_HOME": str(root.parent / "state"),
            "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "TERM": "dumb",
        }  # fmt: skip
        self.screen = ""

    async def start(self, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mazu_ls", *arguments), cwd=self.root, env=self.env,
            stdin=slave, stdout=slave, stderr=slave, preexec_fn=lambda: os.login_tty(0), close_fds=True,
        )  # fmt: skip
        os.close(slave)
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        try:
            self.screen += os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self.master)

    async def sees(self, text: str) -> None:
        async with asyncio.timeout(40):
            while text not in self.screen:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.02)
        self.screen = self.screen.partition(text)[2]

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    async def ends(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 20)


@pytest.mark.parametrize(("answer", "there"), [("c", True), ("r", False), ("q", True)])
async def test_continue_roll_back_or_quit(answer: str, there: bool, tmp_path: Path):
    root = tmp_path / "project"
    root.mkdir()
    async with ModelServer([WRITE, SLOW, {"text": "All done."}]) as server:
        terminal = Terminal(root, server.url)
        await terminal.start("run", "Write it.")
        await terminal.sees("one two")
        terminal.types("\x03")
        await terminal.sees("[q]uit?")
        terminal.types(f"{answer}\n")
        if answer == "c":
            await terminal.sees("All done.")
        assert await terminal.ends() == (0 if answer == "c" else 1)
    assert (root / "new.txt").exists() == there
