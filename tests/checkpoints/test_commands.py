"""Commands of the agent that run for a while: whose the changes are, and what a failure leaves."""

import asyncio
import errno
import threading
from typing import Any

import pytest

from mazu_ls.checkpoints.attribution import recorded_writes
from mazu_ls.checkpoints.models import Checkpoint
from mazu_ls.checkpoints.scan import reported_writes
from mazu_ls.state.store import select
from tests.checkpoints.bed import Bed, open_engine


async def test_saves_count_for_each_command_that_runs_also_at_a_checkpoint_meanwhile(project: Bed):
    for name in ("made", "saved", "other", "late"):
        project.write(name, "1")
    first = await project.take()
    number = await project.engine.begin_command("s", ())
    project.write("saved", "mine")
    await project.engine.record_save(project.root / "saved", ("1", "mine"))
    other = await project.engine.begin_command("other", ())
    project.write("made", "by the command")
    await project.take(kind="step")
    project.write("late", "mine")
    await project.engine.record_save(project.root / "late", ("1", "mine"))
    await project.engine.end_command(other, ())
    await project.engine.end_command(number, ())
    plan = (await project.engine.plan(first.id)).preview().plan
    assert plan.agents == ["made"]
    assert sorted(plan.users) == ["late", "saved"]


async def test_a_command_whose_end_cannot_be_recorded_is_a_doubt_once(
    project: Bed, monkeypatch: pytest.MonkeyPatch
):
    project.write("a", "1")
    await project.take()
    number = await project.engine.begin_command("s", ())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(recorded_writes, "close_command", full)
        with pytest.raises(OSError):
            await project.engine.end_command(number, ())
    project.write("a", "whose?")
    second = await project.take()
    plan = (await project.engine.plan(checkpoint_before(second), own=True, session="s")).preview().plan
    assert [one.path for one in plan.conflicts] == ["a"]
    project.write("b", "mine")
    plan = (await project.engine.plan(second.id)).preview().plan
    assert plan.users == ["b"] and plan.agents == []
    assert await recorded(project) == []


async def test_a_command_that_is_cancelled_as_it_begins_leaves_no_record(
    project: Bed, monkeypatch: pytest.MonkeyPatch
):
    await project.take()
    begun, gate = asyncio.Event(), threading.Event()
    loop, record = asyncio.get_running_loop(), recorded_writes.record_command

    def slow(*arguments: Any) -> int:
        loop.call_soon_threadsafe(begun.set)
        gate.wait(10)
        return record(*arguments)

    monkeypatch.setattr(recorded_writes, "record_command", slow)
    task = asyncio.create_task(project.engine.begin_command("s", ()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await asyncio.gather(*project.engine._dropping)
    assert await recorded(project) == []


async def test_an_open_command_of_a_process_that_lives_stays_and_of_another_with_its_number_goes(
    project: Bed,
):
    project.write("a", "1")
    await project.take()
    other = await open_engine([project.root], project.state)
    try:
        number = await other.begin_command("s", ())
        await project.take()
        assert await recorded(project) == [number]
    finally:
        await other.close()
    await project.take()
    assert await recorded(project) == []


async def test_more_written_files_than_are_noted_mean_a_look_at_every_file(
    project: Bed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reported_writes, "MAX_WRITTEN", 2)
    project.write("a", "1")
    first = await project.take()
    for name in ("a", "b", "c"):
        project.engine.note_written(project.write(name, "2"))
    await project.take(touched=[])
    assert {one.path for one in (await project.engine.diff(first.id)).files} == {"a", "b", "c"}
    assert project.engine._written.named() == []


async def test_what_another_session_edits_while_a_command_runs_is_not_the_commands(project: Bed):
    project.write("late", "1")
    project.write("over", "1")
    first = await project.take()
    await project.engine.record_edit("other", project.root / "late", "1", "2")
    number = await project.engine.begin_command("s", ())
    project.write("late", "2")
    await project.agent_writes("new", "1", "other")
    await project.agent_writes("new", "2", "other")
    await project.take(kind="step", session_id="other")
    await project.agent_writes("over", "2", "other")
    project.write("over", "3")
    await project.agent_writes("more", "1", "other")
    await project.engine.end_command(number, ())
    await project.take(kind="step")
    owners = await project.engine.owners(first.id, session="s")
    assert owners == {"late": "user", "new": "user", "more": "user", "over": "both"}
    owners = await project.engine.owners(first.id, session="other")
    assert owners == {"late": "agent", "new": "agent", "more": "agent", "over": "both"}


async def recorded(project: Bed) -> list[int]:
    """The commands that are recorded as begun."""
    query = "SELECT id FROM checkpoint_write WHERE place IS NULL"
    return [id for (id,) in await project.engine._store.read(lambda db: select(db, query))]


def checkpoint_before(checkpoint: Checkpoint) -> str:
    assert checkpoint.parent_id is not None
    return checkpoint.parent_id
