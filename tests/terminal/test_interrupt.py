"""Ctrl-C in a real terminal that can only do lines: a run is stopped, and the user says how it goes on."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.terminal.chat.interrupt import handling_interrupts, stoppable
from tests.terminal.terminal import CTRL_C, Terminal, project
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture

SLOW = {"text": "one two three four five six seven eight nine ten " * 20, "delay": 0.2}
WRITE = {"calls": [{"name": "write_file", "arguments": {"path": "new.txt", "content": "new\n"}}]}


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
@pytest.mark.parametrize(("answer", "there", "status"), [("c", True, 0), ("r", False, 130), ("q", True, 130)])
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


async def test_ctrl_c_does_again_what_it_did_before_a_part_had_it():
    """Between two rounds of a run, Ctrl-C is the command's own again."""
    pressed: asyncio.Queue[str] = asyncio.Queue()
    came: list[str] = []
    before = signal.getsignal(signal.SIGINT)

    async def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        came.append(await pressed.get())

    async with asyncio.timeout(60):
        with handling_interrupts(lambda: pressed.put_nowait("command")):
            with handling_interrupts(lambda: pressed.put_nowait("turn")):
                await press()
            await press()
            with contextlib.suppress(asyncio.CancelledError):
                await stoppable(asyncio.sleep(0))
            await press()
    assert came == ["turn", "command", "command"]
    assert signal.getsignal(signal.SIGINT) is before


async def test_a_council_that_is_stopped_says_so_and_what_shows_its_cost(script: Script):
    async with ModelServer([{"text": "word " * 400, "delay": 1, "repeat": True}]) as server:
        script.env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test-key"}
        members = ("--member", "claude-sonnet-5", "--member", "claude-opus-5")
        with script.start("council", "why?", *members) as process:
            async with asyncio.timeout(60):
                while len(server.requests) < 2:  # noqa: ASYNC110 - another process sends them
                    await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, err = await asyncio.to_thread(process.communicate, None, 60)
    assert (process.returncode, "Stopped. `mazu-ls usage` shows what it cost" in err) == (130, True), err
