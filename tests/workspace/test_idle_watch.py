"""When it is worth to look for fifos: soon where a process waits at one, never while it works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mazu_ls.workspace import fifos
from mazu_ls.workspace.fifos import LOOK, IdleWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def looks_until_due(pid: int, most: int) -> int | None:
    watch = IdleWatch(pid)
    for number in range(1, most + 1):
        if watch.is_due():
            return number
        time.sleep(LOOK)
    return None


def test_a_process_at_a_fifo_is_noticed_at_the_second_look(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"]) as process:
        while (tmp_path / "pipe").name not in Path(f"/proc/{process.pid}/cmdline").read_text():
            time.sleep(0.01)
        while fifos.sleeping_since(process.pid) is None:
            time.sleep(0.01)
        try:
            assert looks_until_due(process.pid, 20) == 2
            fifos.end_input(str(tmp_path / "pipe"))
        finally:
            process.kill()


def test_a_process_that_works_is_left_alone():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            assert looks_until_due(process.pid, 6) is None
        finally:
            process.kill()


def test_the_second_time_comes_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fifos, "sleeping_since", lambda pid: 0.5)
    watch = IdleWatch(1)
    assert [number for number in range(20) if watch.is_due()] == [1, 3, 7, 15]


def test_where_the_system_says_nothing_it_is_each_fifth_look(monkeypatch: pytest.MonkeyPatch):
    def refuse(pid: int) -> float:
        raise FileNotFoundError(pid)

    monkeypatch.setattr(fifos, "sleeping_since", refuse)
    watch = IdleWatch(1)
    assert [number for number in range(20) if watch.is_due()] == [4, 14]
