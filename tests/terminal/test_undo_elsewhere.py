"""An undo at one door of a conversation is said at the other one."""

import asyncio
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from tests.terminal.terminal import Terminal, project
from tests.terminal.test_chat_screen import EDIT
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")


async def test_what_one_door_reverts_is_said_at_the_other(tmp_path: Path) -> None:
    root = project(tmp_path)
    async with ModelServer([{"calls": [EDIT]}, {"text": "Added."}]) as server:
        first, second = Terminal(root, server.url), Terminal(root, server.url)
        try:
            await first.start()
            await first.sees("new conversation")
            await first.says("fix it")
            await first.sees("Allow once")
            await first.answers("y")
            await first.sees("1 file changed")
            await first.rests()
            await second.start("--continue")
            await second.sees("“fix it”, 1 turn")
            await second.sees("mode ask, of a terminal")
            await first.says("/mode bypass")
            await first.sees("Type bypass")
            await first.answers("t")
            await first.sees("type bypass, then enter")
            await first.says("bypass")
            await first.sees("The mode is bypass until this conversation is closed.")
            place = f"of a terminal (pid {first.process.pid})"
            await second.sees(f"The mode is now bypass, {place}.", f"bypass, {place} · ")
            await first.says("/mode ask")
            await second.sees(f"The mode is now ask, {place}.", f"ask, {place} · ")
            await second.says("/undo")
            await second.sees("Undone “fix it”: 1 file, the conversation. Use /redo")
            await first.sees(
                "At a terminal (pid ", f"{second.process.pid}): Undone: 1 file, the conversation."
            )
            assert not second.shows("At a terminal")
            await first.says("/redo")
            await first.sees("Redone: 1 file, the conversation.")
            await second.sees(f"At a terminal (pid {first.process.pid}): Redone: 1 file, the conversation.")
            await second.says("/rewind")
            await second.sees("0 turns remain. /redo cannot revert this")
            await first.sees("Turns were removed from the conversation: 0 remain.")
        finally:
            for terminal in (first, second):
                if hasattr(terminal, "process"):
                    await terminal.kill()


async def test_a_third_terminal_undoes_and_redoes_where_the_conversation_is_open(script: Script) -> None:
    replies = [{"calls": [EDIT]}, {"text": "Added."}, {"text": "Hello.", "repeat": True}]
    async with ModelServer(replies) as server:
        second, first = Terminal(script.root, server.url), Terminal(script.root, server.url)
        script.env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test-key"}
        try:
            await first.start()  # carries out the commands of the third one
            await first.sees("new conversation")
            await second.start()
            await second.sees("new conversation")
            await second.says("fix it")
            await second.sees("Allow once")
            await second.answers("y")
            await second.sees("1 file changed")
            await second.rests()
            for line, said in (
                (("undo", "--preview"), "app.py"),
                (("undo",), "app.py"),
                (("redo",), "app.py"),
            ):
                status, out, err = await asyncio.to_thread(script, *line)
                assert (status, said in out + err) == (0, True), (line, out, err)
            status, _, err = await asyncio.to_thread(script, "undo", "--turn", "t_1", "--preview")
            assert (status, "There is no turn 't_1'" in err) == (1, True), err
            await second.sees("Undone: 1 file, the conversation.", "Redone: 1 file, the conversation.")
            changed = script.root / "app.py"
            changed.write_text(changed.read_text().replace("a + b", "a + b + 1"))  # on top of the agent
            with script.start("undo") as waiting:
                assert waiting.stderr
                said = await asyncio.to_thread(waiting.stderr.readline)
                waiting.kill()
            assert f"the conversation in another terminal (pid {first.process.pid})" in said
        finally:
            for terminal in (first, second):
                if hasattr(terminal, "process"):
                    await terminal.kill()
