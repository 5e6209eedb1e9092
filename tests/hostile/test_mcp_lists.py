"""MCP servers whose lists of tools are large, or never end."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.project.extension_tools import ExtensionTools
from mazu_ls.host import Choice, Question, UserReply
from mazu_ls.tools.locked_json import LockedJsonFile
from mazu_ls.tools.mcp import list_pause
from mazu_ls.tools.mcp.list_pause import ListPause
from mazu_ls.tools.mcp.tools import LIST_BYTES
from tests.tools.test_mcp import running, state, stub, until

pytest.importorskip("mcp")


class UnhurriedUser:
    """A host that answers a question, with `choice`, only when it is told to."""

    def __init__(self, choice: Choice | None = None) -> None:
        self.choice = choice
        self.asked: list[Question] = []
        self.answers = asyncio.Semaphore(0)

    async def ask(self, question: Question, timeout: float) -> UserReply:
        self.asked.append(question)
        await self.answers.acquire()
        return UserReply(self.choice)

    async def say(self, level: str, text: str) -> None:
        return None


async def test_a_server_with_endless_lists_has_one_open_question_about_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_pause, "PAUSES", (0.01,))
    user: Any = UnhurriedUser()
    entry = stub("endless", tmp_path)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MAZU_HOME": str(tmp_path / "home")}
    extensions = ExtensionTools([tmp_path], "key", user, env)
    extensions.configure((entry,), [entry], 60)
    extensions.start()

    def lists() -> int:
        text = (tmp_path / "state").read_text() if (tmp_path / "state").exists() else ""
        return int(text or 0)

    try:
        await until(lambda: lists() > 8)
        assert ["List 2." in one.detail for one in user.asked] == [True]
        user.answers.release()
        await until(lambda: len(user.asked) > 1)
        assert not any(f'"List {n}."' in user.asked[1].detail for n in range(7))
        before = lists()
        await until(lambda: lists() > before + 4)
        assert len(user.asked) == 2
    finally:
        await extensions.close()


def test_lists_that_never_end_are_read_once_a_minute() -> None:
    pause, now, reads = ListPause(), 0.0, 0
    while now < 3600:
        now += pause.delay(now)
        reads += 1
    assert reads < 70
    assert pause.delay(now + 61) == 0


async def test_a_large_list_is_bounded_and_pinned_by_one_change_beside_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[bool] = []
    change = LockedJsonFile[Any].change

    def counted(file: LockedJsonFile[Any], how: Callable[[Any], Any]) -> Any:
        where.append(threading.current_thread() is threading.main_thread())
        return change(file, how)

    async with running(stub("many", tmp_path), tmp_path) as servers:
        monkeypatch.setattr(LockedJsonFile, "change", counted)
        await until(lambda: state(servers) == "connected")
        assert where == [False]
        tools = servers.tools()
        assert 100 < len(tools) <= LIST_BYTES // 7900
        assert servers.status()[0].waiting == ()
