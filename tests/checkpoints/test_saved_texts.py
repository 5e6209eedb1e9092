"""Unsaved text of a checkpoint counts as saved only if the disk shows it: text that was thrown away comes into no file."""

from collections.abc import Awaitable, Callable

import pytest

from mazu_ls.checkpoints.models import OnConflict
from mazu_ls.host import Buffer
from tests.checkpoints.bed import Bed
from tests.checkpoints.test_unsaved import EDITED, START, USERS, edit_unsaved, typed, undo

Write = Callable[[Bed], Awaitable[object]]


async def command(project: Bed, text: str | None, *buffers: Buffer) -> None:
    number = await project.engine.begin_command("s", buffers)
    if text is None:
        project.place("a.txt").unlink()
    else:
        project.write("a.txt", text)
    await project.engine.end_command(number, buffers)


async def by_command(project: Bed) -> None:
    await command(project, "by a command\n")


async def by_removing(project: Bed) -> None:
    await command(project, None)


async def by_edit(project: Bed) -> None:
    await project.agent_writes("a.txt", EDITED)


@pytest.mark.parametrize("choice", ["spare", "keep", "agents"])
@pytest.mark.parametrize("steps", ["none", "before", "after", "around"])
@pytest.mark.parametrize("write", [by_command, by_removing, by_edit])
async def test_a_text_that_was_thrown_away_is_not_written_by_undo(
    project: Bed, write: Write, steps: str, choice: OnConflict
):
    """It was typed before the turn; closed without saving, or its editor went away; then the agent changed the file."""
    project.write("a.txt", START)
    first = await project.take(buffers=[typed(project, "a.txt", USERS)])
    if steps in ("before", "around"):
        await project.take(kind="step", touched=[])
    await write(project)
    if steps in ("after", "around"):
        await project.take(kind="step", touched=["a.txt"])
    report = await undo(project, first, choice=choice)
    assert (project.read("a.txt"), report.plan.write, report.verified) == (START, ["a.txt"], True)


async def test_a_text_thrown_away_with_the_agents_edit_in_it_is_not_written_by_undo(project: Bed):
    project.write("a.txt", START)
    first = await project.take(buffers=[typed(project, "a.txt", USERS)])
    buffer = await edit_unsaved(project, USERS, USERS + "agents\n")
    await project.take(kind="step", touched=[], buffers=[buffer])
    await project.take(kind="step", touched=[])
    await by_edit(project)
    await undo(project, first)
    assert project.read("a.txt") == START


@pytest.mark.parametrize("step", [False, True])
async def test_a_text_thrown_away_is_not_merged_with_what_was_saved_later(project: Bed, step: bool):
    project.write("a.txt", START)
    first = await project.take(buffers=[typed(project, "a.txt", USERS)])
    await project.take(kind="step", touched=[])
    await by_edit(project)
    await project.take(kind="step", touched=["a.txt"])
    project.write("a.txt", EDITED.replace("three", "3"))
    if step:
        await project.take(kind="step", touched=["a.txt"])
    await undo(project, first, choice="keep")
    assert project.read("a.txt") == START.replace("three", "3")


@pytest.mark.parametrize("step", [False, True])
async def test_a_text_typed_and_thrown_away_in_the_turn_is_not_merged(project: Bed, step: bool):
    project.write("a.txt", START)
    first = await project.take()
    await project.take(kind="step", touched=[], buffers=[typed(project, "a.txt", USERS)])
    if step:
        await project.take(kind="step", touched=[])
    await by_edit(project)
    await undo(project, first, choice="keep")
    assert project.read("a.txt") == START


@pytest.mark.parametrize("write", [by_command, by_removing, by_edit])
@pytest.mark.parametrize("steps", ["none", "before", "after", "around"])
async def test_a_text_saved_before_the_agent_changed_the_file_stays(project: Bed, write: Write, steps: str):
    """Also if no checkpoint holds it as a file: the record of a command does, and that of an edit has its text."""
    project.write("a.txt", START)
    first = await project.take(buffers=[typed(project, "a.txt", USERS)])
    project.write("a.txt", USERS)
    if steps in ("before", "around"):
        await project.take(kind="step", touched=["a.txt"])
    if write is by_edit:
        await project.agent_writes("a.txt", USERS.replace("mine", "agents"))
    else:
        await write(project)
    if steps in ("after", "around"):
        await project.take(kind="step", touched=["a.txt"])
    report = await undo(project, first)
    assert (project.read("a.txt"), report.verified) == (USERS, True)


async def test_a_text_saved_while_a_command_runs_stays(project: Bed):
    project.write("a.txt", START)
    mine = typed(project, "a.txt", USERS)
    first = await project.take(buffers=[mine])
    number = await project.engine.begin_command("s", [mine])
    project.write("a.txt", USERS)
    await project.engine.record_save(project.place("a.txt"), (START, USERS))
    project.write("a.txt", "by a command\n")
    await project.engine.end_command(number, [])
    await undo(project, first, choice="agents")
    assert project.read("a.txt") == USERS


async def test_what_two_commands_and_an_edit_write_at_the_same_time_is_no_save(project: Bed):
    project.write("a.txt", START)
    first = await project.take(buffers=[typed(project, "a.txt", USERS)])
    one = await project.engine.begin_command("s", [])
    project.write("a.txt", "half\n")
    two = await project.engine.begin_command("s", [])
    project.write("a.txt", "more\n")
    await project.agent_writes("a.txt", "edited\n")
    for number in (one, two):
        await project.engine.end_command(number, [])
    await undo(project, first)
    assert project.read("a.txt") == START


@pytest.mark.parametrize("saved", [False, True])
async def test_pruning_the_steps_between_forgets_neither(project: Bed, saved: bool):
    project.write("a.txt", START)
    mine = typed(project, "a.txt", USERS)
    first = await project.take(buffers=[mine])
    if saved:
        project.write("a.txt", USERS)
    await project.take(kind="step", touched=["a.txt"], buffers=[] if saved else [mine])
    await by_command(project)
    await project.take(kind="step", touched=["a.txt"])
    await project.engine.pin(first.id)
    assert (await project.engine.prune(1)).removed
    await undo(project, first)
    assert project.read("a.txt") == (USERS if saved else START)
