"""One conversation at two doors: a terminal takes part in what another terminal, or an editor, has open."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from mazu_ls.state import live_socket
from tests.server.client import NO_ANSWER
from tests.server.test_live_turns import open_editor, typed
from tests.server.test_two_editors import edit
from tests.terminal.terminal import CTRL_C, CTRL_D, ESC, SHIFT_TAB, Terminal, project

SHELL = {"calls": [{"name": "run_shell", "arguments": {"command": "touch made.txt"}}]}
NEVER_ENDING = {"text": "word " * 4000, "delay": 1}
pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")


async def test_two_terminals_in_one_conversation(tmp_path: Path) -> None:
    root = project(tmp_path)
    replies = (
        {"text": "First."},
        SHELL,
        SHELL,
        {"text": "Second."},
        {"text": "Third."},
        NEVER_ENDING,
        {"text": "Last."},
    )
    async with ModelServer([*replies]) as server:
        first, second = Terminal(root, server.url), Terminal(root, server.url)
        try:
            await first.start()
            await first.sees("new conversation")
            await first.says("one")
            await first.sees("First.")
            await first.rests()
            await joins_a_running_turn(first, second)
            await second.says("two")
            await first.sees("> two", "Allow once")
            await second.sees("Allow once")
            await second.answers("y")
            await first.sees("Second.")
            await second.sees("Second.")
            await first.rests()
            await second.rests()
            assert (root / "made.txt").exists()
            await first.says("three")
            await second.sees("> three", "Third.")
            await first.rests()
            await second.rests()
            second.types(SHIFT_TAB)
            await second.sees("Change its mode there.")
            await second.says("four")
            await first.sees("> four", "word word")
            first.types(CTRL_D)
            await first.sees("would be stopped")  # it is not this one's turn
            first.types(ESC)
            await second.sees("Stopped.")
            await first.rests()
            await second.rests()
            first.types(CTRL_D)
            assert await first.ends() == 0
            await second.says("five")  # it goes on by itself
            await second.sees("Last.", "ask · claude")
            await second.rests()
            second.types(CTRL_D)
            assert await second.ends() == 0
        finally:
            for terminal in (first, second):
                if hasattr(terminal, "process"):
                    await terminal.kill()


async def test_a_terminal_in_an_editors_conversation(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = [{"text": "In the editor."}, {"text": "In both."}, {"text": "Again."}]
    async with open_editor(env, folder, replies, monkeypatch) as editor:
        said = await editor.command("mazu.chat", {"message": "hello", "wait": True})
        own: dict[str, Any] = {name: env[name] for name in ("MAZU_HOME", "MAZU_STATE_HOME", "HOME")}
        terminal = Terminal(folder, ANTHROPIC_API_KEY="", **own)  # no key: the turns are the editor's
        try:
            await terminal.start("--resume", said["sessionId"])
            await terminal.sees("1 turn", "mode ask, of")
            await terminal.says("from the terminal")
            await terminal.sees("In both.")
            await terminal.rests()
            shown = await editor.command("mazu.session.show", {"sessionId": said["sessionId"]})
            assert shown["turnCount"] == 2
            await editor.command("mazu.chat", {"message": "from the editor", "wait": True})
            await terminal.sees("> from the editor", "Again.")
            await terminal.rests()
            terminal.types(CTRL_D)
            assert await terminal.ends() == 0
        finally:
            await terminal.kill()


async def test_a_plain_prompt_and_a_question_of_an_editor_do_not_take_each_others_lines(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = [{"text": "Begun."}, *edit("x = 1", "x = 2"), *edit("x = 2", "x = 3"), {"text": "Still read."}]
    async with open_editor(env, folder, replies, monkeypatch) as editor:
        session = (await editor.command("mazu.chat", {"message": "hello", "wait": True}))["sessionId"]
        editor.answers["mazu/permission/request"] = lambda params: NO_ANSWER
        own: dict[str, Any] = {name: env[name] for name in ("MAZU_HOME", "MAZU_STATE_HOME", "HOME")}
        terminal = Terminal(folder, ANTHROPIC_API_KEY="", **own)

        async def ask() -> asyncio.Task[Any]:
            chat = editor.command("mazu.chat", {"message": "edit", "sessionId": session, "wait": True})
            turn = asyncio.create_task(chat)
            await editor.until(lambda one: one.get("method") == "mazu/permission/request")
            editor.received.clear()
            return turn

        try:
            turn = await ask()  # before the terminal begins, whose first lines come first
            await terminal.start("--plain", "--resume", session)
            await terminal.sees("2 turns", "[y/n]")
            assert terminal.text.index("2 turns") < terminal.text.index("[y/n]")
            await terminal.says("y")
            assert (await turn)["reply"] == "x = 2 it is."
            await terminal.sees("x = 2 it is.")
            turn = await ask()  # while its prompt waits
            await terminal.sees("[y/n]", times=2)
            await terminal.says("y")
            assert (await turn)["reply"] == "x = 3 it is."
            await terminal.sees("x = 3 it is.")
            await terminal.says("go on")
            await terminal.sees("> go on", "Still read.")
            terminal.types(CTRL_D)
            assert await terminal.ends() == 0
        finally:
            await terminal.kill()


async def test_a_conversation_gives_way_to_an_editor_which_knows_unsaved_text(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own: dict[str, Any] = {name: env[name] for name in ("MAZU_HOME", "MAZU_STATE_HOME", "HOME")}
    terminal = Terminal(folder, **own)
    try:
        await terminal.start()
        await terminal.sees("new conversation")
        async with asyncio.timeout(90):
            while not live_socket.socket_path(folder, env).exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        async with open_editor(env, folder, [], monkeypatch) as editor:
            async with asyncio.timeout(90):
                while not (await editor.command("mazu.status"))["clients"][1:]:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            editor.open((folder / "app.py").as_uri(), "x = 3  # not saved\n")
            code, out, _ = await typed(env, folder, "checkpoint", "take", "--json")
            taken = json.loads(out)["id"]
            assert code == 0
            shown = await editor.command("mazu.checkpoint.file", {"id": taken, "path": "app.py"})
            assert shown["text"] == "x = 3  # not saved\n"
    finally:
        await terminal.kill()


async def joins_a_running_turn(first: Terminal, second: Terminal) -> None:
    """`second` takes part while a question is open in `first`: it is shown there and can be stopped."""
    await first.says("zero")
    await first.sees("Allow once")
    await second.start("--continue")  # the first that follows what happens there
    await second.sees("> zero", "mode ask, of a terminal", "Allow once", "esc to stop")
    second.types("wait, ")  # a message, not an answer
    await asyncio.sleep(0.05)
    await second.says("mine")
    await second.sees("queued: wait, mine")
    second.types(ESC)
    await first.sees("Stopped.")
    await first.rests()
    await second.rests()
    await second.sees("> wait, mine")  # it came back, and was not sent
    assert not first.shows("wait, mine")
    second.types(CTRL_C)
    await second.sees("ctrl-c again leaves")
    second.types(CTRL_D)
    assert await second.ends() == 0
    await second.start("--continue", "--mode", "plan")  # another one's mode holds: never without a word
    await second.sees("--mode would have no effect")
    assert await second.ends() == 1
    await second.start("--continue")
    await second.sees("2 turns", "mode ask, of a terminal")
