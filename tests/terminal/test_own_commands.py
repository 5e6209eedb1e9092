"""`!commands` of the user's own in a terminal's chat: what the sandbox keeps from them is said."""

from pathlib import Path

import pytest

from mazu_ls.tools.shell import sandbox
from tests.own_sleep import own_seconds
from tests.terminal.terminal import ESC
from tests.terminal.test_chat_screen import Chat, chat

__all__ = ["chat"]  # a fixture
SERVES = f"""!python3 -c "import socket, time; s = socket.create_server(('127.0.0.1', 3111)); time.sleep({own_seconds(306)})" """


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_a_port_that_no_browser_reaches_is_said_while_the_command_runs(chat: Chat):
    terminal = await chat()
    await terminal.says(SERVES)
    await terminal.sees(
        "listens on port 3111, which your browser cannot reach", "config set shell.network true"
    )
    terminal.types(ESC)
    await terminal.sees("Stopped.", "what its commands changed was not counted · /undo · 2 checkpoints")


async def test_what_a_command_left_running_is_said_to_be_ended(chat: Chat):
    terminal = await chat()
    await terminal.says(f"!sleep {own_seconds(307)} &")
    await terminal.sees("what it left running was ended with it", times=1)
    await terminal.says(f'!sleep {own_seconds(307)} & echo be""gun')
    await terminal.sees("│ begun", "what it left running was ended with it", times=1)
    await terminal.sees("what it left running was ended with it", times=2)


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_a_file_that_is_moved_to_var_tmp_is_not_lost(chat: Chat, tmp_path: Path):
    terminal = await chat()
    await terminal.says("!echo rows > data.db && mv data.db /var/tmp/")
    await terminal.sees(
        "A command wrote where only itself sees it", "data.db (in /var/tmp)", "kept for 7 days, or until"
    )
    [kept] = tmp_path.rglob("left-by-commands/*/var-tmp/data.db")
    assert kept.read_text() == "rows\n"


@pytest.mark.skipif(sandbox.probe().kind != "bubblewrap", reason="bubblewrap does not work here")
async def test_what_a_command_moved_is_named_after_mazu_was_killed(chat: Chat, tmp_path: Path):
    terminal = await chat()
    await terminal.says(
        f"!echo rows > data.db && mv data.db /var/tmp/ && echo mo''ved && sleep {own_seconds(308)}"
    )
    await terminal.sees("moved")
    terminal.process.kill()
    await terminal.ends()
    await chat(sees="data.db (in /var/tmp); kept for 7 days, or until commands left more than 8 GiB")
    [kept] = tmp_path.rglob("left-by-commands/*/var-tmp/data.db")
    assert kept.read_text() == "rows\n"
