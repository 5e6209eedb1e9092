"""What is ending is not lost, whenever the cancel comes."""

import asyncio

import pytest

from mazu_ls.agent.session.exclusive_task import (
    ExclusiveTask,
    await_uncancelled,
    raise_if_cancelled,
    uncancel,
)


async def steps(count: int) -> str:
    for _ in range(count):
        await asyncio.sleep(0)
    return "done"


@pytest.mark.parametrize("passes", range(10))
async def test_a_cancel_at_any_pass_of_the_loop_leaves_the_end_its_result(passes: int):
    waiting = asyncio.create_task(await_uncancelled(asyncio.create_task(steps(3)), uncancel))
    for _ in range(passes):
        await asyncio.sleep(0)
    begun = passes > 0
    waiting.cancel()
    if begun:
        assert await waiting == "done"
    else:
        with pytest.raises(asyncio.CancelledError):
            await waiting


@pytest.mark.parametrize("passes", range(1, 12))
async def test_cancelled_work_that_goes_on_to_its_end_has_a_result(passes: int):
    work = ExclusiveTask()

    async def turn() -> str:
        return await await_uncancelled(asyncio.create_task(steps(3)), uncancel)

    doing = asyncio.create_task(work.run(turn()))
    for _ in range(passes):
        await asyncio.sleep(0)
    work.cancel()
    assert await doing == "done"


async def test_a_cancellation_that_a_library_forgot_is_noticed():
    work, waits = ExclusiveTask(), asyncio.Event()

    async def turn() -> str:
        try:
            waits.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass  # as `asyncio.wait_for` of Python 3.11 does where both come at once
        try:
            raise_if_cancelled()
        except asyncio.CancelledError:
            uncancel()
            raise_if_cancelled()  # it has been noted
            return "stopped"
        return "went on"

    doing = asyncio.create_task(work.run(turn()))
    await waits.wait()
    work.cancel()
    assert await doing == "stopped"
