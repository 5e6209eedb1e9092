"""A turn of another process is named by `status`, as undo and rollback name it."""

import asyncio
import json
import signal

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from tests.terminal.terminal import Terminal
from tests.terminal.test_chat_screen import EDIT
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs /proc")


async def test_a_turn_of_a_suspended_conversation_is_named(script: Script) -> None:
    async with ModelServer([{"calls": [EDIT]}, {"text": "Added.", "repeat": True}]) as server:
        conversation = Terminal(script.root, server.url)
        script.env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test-key"}
        try:
            await conversation.start()
            await conversation.sees("new conversation")
            await conversation.says("fix it")
            await conversation.sees("Allow once")
            conversation.process.send_signal(signal.SIGSTOP)
            status, shown, err = await asyncio.to_thread(script, "status")
            assert status == 0, err
            pid = conversation.process.pid
            assert f"(pid {pid}, suspended: `fg` there continues it)" in shown, shown
            assert "interrupted" not in shown
            _, out, _ = await asyncio.to_thread(script, "status", "--json")
            (turn,) = json.loads(out)["runningElsewhere"]
            assert (turn["pid"], turn["suspended"]) == (pid, True)
            status, _, err = await asyncio.to_thread(script, "undo")
            assert status and f"(pid {pid})" in err, err
        finally:
            conversation.process.send_signal(signal.SIGCONT)
            await conversation.kill()
