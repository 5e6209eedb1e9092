"""Three terminals on one project: the third shows the mode of the one that has its conversation open, not of the one that listens."""

import signal
from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from tests.terminal.terminal import CTRL_D, SHIFT_TAB, Terminal, project
from tests.terminal.test_chat_screen import EDIT

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")


async def test_the_mode_shown_is_that_of_the_process_with_the_conversation(tmp_path: Path) -> None:
    root = project(tmp_path)
    replies = [{"text": "First."}, {"text": "Second."}, {"calls": [EDIT]}, {"text": "Edited."}]
    async with ModelServer([*replies, {"text": "Moved."}, {"text": "Own.", "repeat": True}]) as server:
        listens, owner, third = (Terminal(root, server.url) for _ in range(3))
        try:
            await listens.start()
            await listens.sees("new conversation")
            await listens.says("one")
            await listens.sees("First.")
            await owner.start("--mode", "auto")
            await owner.sees("new conversation")
            await owner.says("two")
            await owner.sees("Second.")
            await owner.rests()
            spent = _status_of(owner)
            place = f"of a terminal (pid {owner.process.pid})"
            await third.start("--continue")
            await third.sees(f"mode auto, {place}", f"auto, {place} · ")
            assert not third.shows(f"(pid {listens.process.pid})")
            await third.says("edit it")
            await third.sees("Edited.", "1 file changed")  # in mode auto: nothing was asked
            await third.rests()
            await owner.until(lambda: _status_of(owner) != spent, "the cost of the turn was not shown")
            owner.types(SHIFT_TAB)
            await third.sees(f"The mode is now plan, {place}.", f"plan, {place} · ")
            third.types(SHIFT_TAB)
            await third.sees(f"This conversation is open in a terminal (pid {owner.process.pid}).")
            listens.process.send_signal(signal.SIGKILL)
            await third.says("go on")  # at once, before the two have found each other
            await third.sees("Moved.")
            await third.rests()
            assert not third.shows("Continue there, or start a new one")
            await third.until(lambda: f"plan, {place} · " in _status_of(third), "the owner is not named")
            owner.types(CTRL_D)
            assert await owner.ends() == 0
            await third.sees("The mode is now ask.", "ask · claude")  # it would be opened here
            await third.says("alone")
            await third.sees("Own.", "ask · claude")
        finally:
            for terminal in (listens, owner, third):
                if hasattr(terminal, "process"):
                    await terminal.kill()


async def test_a_process_that_does_not_answer_has_no_known_mode(tmp_path: Path) -> None:
    root = project(tmp_path)
    async with ModelServer([{"text": "First."}, {"text": "Second.", "repeat": True}]) as server:
        owner, third = Terminal(root, server.url), Terminal(root, server.url)
        try:
            await owner.start()
            await owner.sees("new conversation")
            await owner.says("one")
            await owner.sees("First.")
            await owner.rests()
            await third.start("--continue")
            await third.sees(f"ask, of a terminal (pid {owner.process.pid}) · ")
            owner.process.send_signal(signal.SIGSTOP)
            await third.sees("The mode is now unknown, of another process.")
            owner.process.send_signal(signal.SIGCONT)
            await third.sees(f"The mode is now ask, of a terminal (pid {owner.process.pid}).")
        finally:
            for terminal in (owner, third):
                if hasattr(terminal, "process"):
                    terminal.process.send_signal(signal.SIGCONT)
                    await terminal.kill()


def _status_of(terminal: Terminal) -> str:
    """The last line of the screen with something on it, which names mode, model, share and cost."""
    return next((row for row in reversed(terminal.screen.display) if "/help" in row), "")
