"""A question to the policy that needs a walk of the project does not stop the server."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario import check
from tests.server.client import connected

MARK = "looked-through"  # the name of a folder that a walk has to list
LINE = "grep -r needle ."
_walks: list[bool] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event != "os.scandir":
        return
    place = arguments[0]
    named = str(Path(f"/proc/self/fd/{place}").readlink() if isinstance(place, int) else place)
    on_main = threading.current_thread() is threading.main_thread()
    on_loop = asyncio._get_running_loop() is not None
    if MARK in named and (on_loop or not on_main):  # else the test removes its own folder
        _walks.append(on_loop)


@pytest.fixture(scope="module", autouse=True)
def _hook() -> None:
    sys.addaudithook(_note)


@pytest.fixture
def walks(_hook: None) -> Iterator[list[bool]]:
    """Whether each walk so far was on the event loop's thread."""
    _walks.clear()
    yield _walks
    _walks.clear()


async def test_what_would_be_decided_is_looked_up_beside_the_loop(walks: list[bool], tmp_path: Path) -> None:
    env = {
        "MAZU_HOME": str(tmp_path / "home"), "MAZU_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path / "user"),
        "PATH": os.environ["PATH"],
    }  # fmt: skip
    folder = tmp_path / "project"
    (folder / MARK).mkdir(parents=True)
    async with connected(env) as client:
        await client.initialize(folder)
        asked = {"tool": "run_shell", "arguments": {"command": LINE}, "mode": "ask"}
        assert (await client.command("mazu.permissions.check", asked))["verdict"] == "ask"
    assert walks and not any(walks)


def test_a_call_of_the_model_is_judged_beside_the_loop(walks: list[bool]) -> None:
    check(
        f"""
        -- answers --
        allow_once run_shell: {LINE}
        -- settings --
        context.map_tokens = 0
        shell.sandbox = "off"
        -- {MARK}/a.txt --
        needle
        -- model calls run_shell --
        command: {LINE}
        -- model says --
        Done.
        """,
        f"""
        tool: ./{MARK}/a.txt:needle
        assistant: Done.
        stop: end_turn
        """,
    )
    assert walks and not any(walks)
