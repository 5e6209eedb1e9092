"""Work in the background: failures are logged, tasks that were never begun leave nothing behind, closing waits."""

from __future__ import annotations

import asyncio
import logging
import warnings

import pytest

from mazu_ls.agent.background_tasks import BackgroundTasks
from mazu_ls.errors import Kind, MazuError

pytestmark = pytest.mark.portable


async def test_failures_go_to_the_log_and_draining_waits_for_what_is_begun_meanwhile(
    caplog: pytest.LogCaptureFixture,
):
    tasks = BackgroundTasks("a test")
    seen: list[str] = []

    async def second() -> None:
        seen.append("second")
        raise ValueError("broken")

    async def first() -> None:
        seen.append("first")
        tasks.spawn(second())
        raise MazuError(Kind.STORAGE, "The disk is full.", "Free some space.")

    tasks.spawn(first())
    await tasks.drain()

    assert seen == ["first", "second"]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "a test: The disk is full. Free some space."),
        (logging.ERROR, "a test failed"),
    ]


async def test_closing_waits_until_all_have_stopped():
    tasks = BackgroundTasks("a test")
    stopped: list[str] = []
    begun = asyncio.Event()

    async def lasting() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            stopped.append("lasting")

    async def never_begun() -> None:
        stopped.append("never begun")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tasks.spawn(lasting(), "named")
        await begun.wait()
        await tasks.drain(without="named")
        tasks.spawn(never_begun())
        await tasks.close()

    assert stopped == ["lasting"]
