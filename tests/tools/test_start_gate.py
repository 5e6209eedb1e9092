"""A command and the start of a server wait for each other, and neither for ever."""

import asyncio
import tempfile
from dataclasses import replace

import pytest

from mazu_ls.tools.mcp import start_gate
from mazu_ls.tools.mcp.start_gate import GATE, StartGate
from mazu_ls.tools.shell.shell import run_shell
from tests.server.client import eventually


async def test_a_command_that_waits_is_next_whatever_servers_still_want_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start_gate, "HELD", 600.0)
    gate = StartGate()
    await gate.begin_start("first")
    command = asyncio.create_task(gate.enter())
    await eventually(lambda: asyncio.sleep(0, not gate.is_quiet))
    second = asyncio.create_task(gate.begin_start("second"))
    gate.release("first")
    entered = await command
    assert not second.done()
    gate.leave(entered)
    await second


async def test_a_command_that_is_stopped_while_it_waits_leaves_nothing(
    project, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(start_gate, "HELD", 600.0)
    project.turn = replace(project.turn, attended=False)
    before = set(tmp_path.iterdir())
    await GATE.begin_start("a server")
    try:
        running = asyncio.create_task(project.call(run_shell, command="true"))
        await eventually(lambda: asyncio.sleep(0, not GATE.is_quiet))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert GATE.is_quiet
        assert set(tmp_path.iterdir()) == before
    finally:
        GATE.release("a server")
