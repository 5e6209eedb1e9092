"""A command of the agent whose process was killed: what it changed until then is its, what came later is asked about."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from mazu_ls.checkpoints.attribution.running_commands import RunningCommands
from mazu_ls.checkpoints.restore.keep_reasons import KEPT_UNCERTAIN, UNCERTAIN
from tests.checkpoints.bed import Bed, open_engine


def kill(commands: RunningCommands) -> None:
    """What SIGKILL leaves some time after the last write: the file stays, its lock does not."""
    commands._closed = True
    commands._changed.set()
    if commands._beating:
        commands._beating.join()
    os.utime(commands._folder / commands.token)  # the last beat, however late the thread was
    commands._held.close()


async def wait_past(file: Path, commands: RunningCommands) -> None:
    """Until what is written now is certainly younger than the command."""
    while time.time() <= (commands.lived_at(file.name) or 0) + 0.1:  # noqa: ASYNC110 - the clock tells nobody
        await asyncio.sleep(0.05)


async def test_what_a_killed_command_changed_is_the_agents_and_what_came_later_is_asked_about(project: Bed):
    for name in ("changed", "sub/gone", "users", "both"):
        project.write(name, "1\n2\n3\n")
    first = await project.take(session_id="s", kind="baseline")
    commands = project.engine._project.commands
    await project.engine.begin_command("s", ())
    project.write("changed", "1\n2\n3\nagent\n")
    project.write("made", "agent\n")
    project.write("both", "agent\n1\n2\n3\n")
    (project.root / "sub" / "gone").unlink()
    kill(commands)
    later = await open_engine([project.root], project.state)  # as the next start does
    try:
        await wait_past(Path(commands.token), later._project.commands)
        project.write("users", "mine\n")
        project.write("both", "agent\n1\n2\n3\nmine\n")
        looked = (await later.plan(first.id, session="s", own=True, on_conflict="spare")).preview()
        assert looked.plan.conflicts[0].path == "both" and len(looked.plan.conflicts) == 1
        assert (looked.plan.agents, looked.plan.users) == (["changed", "made", "sub/gone"], ["both", "users"])
        done = await (await later.plan(first.id, session="s", own=True)).apply("keep")
        assert done.applied and done.verified and done.plan.conflicts == []
        assert {name: project.read(name) for name in ("changed", "made", "sub/gone", "users")} == {
            "changed": "1\n2\n3\n", "made": None, "sub/gone": "1\n2\n3\n", "users": "mine\n",
        }  # fmt: skip
    finally:
        await later.close()


async def test_what_was_changed_after_the_kill_and_before_the_next_start_is_asked_about(project: Bed):
    for name in ("changed", "whose"):
        project.write(name, "1\n")
    first = await project.take(session_id="s", kind="baseline")
    commands = project.engine._project.commands
    await project.engine.begin_command("s", ())
    project.write("changed", "agent\n")
    kill(commands)
    later = RunningCommands(commands._folder)
    await wait_past(Path(commands.token), later)
    project.write("whose", "2\n")
    engine = await open_engine([project.root], project.state)
    try:
        for _ in range(2):  # as it is now, and after a checkpoint has stored it
            plan = (await engine.plan(first.id, session="s", own=True, on_conflict="spare")).preview().plan
            assert plan.write == ["changed"]
            assert [(one.path, one.reason) for one in plan.conflicts] == [("whose", UNCERTAIN)]
            await engine.take(kind="step", session_id="s")
        done = await (await engine.plan(first.id, session="s", own=True)).apply("keep")
        assert [(one.path, one.reason) for one in done.plan.keep] == [("whose", KEPT_UNCERTAIN)]
        assert (project.read("changed"), project.read("whose")) == ("1\n", "2\n")
        assert not list(commands._folder.iterdir()), "nothing is recorded of it any more"
    finally:
        await engine.close()


async def test_a_process_that_lives_still_runs_its_command_and_one_whose_file_is_old_leaves_a_doubt(
    project: Bed,
):
    project.write("a", "1\n")
    first = await project.take(session_id="s", kind="baseline")
    commands = project.engine._project.commands
    await project.engine.begin_command("s", ())
    engine = await open_engine([project.root], project.state)
    try:
        project.write("a", "2\n")
        plan = (await engine.plan(first.id, session="s", own=True, on_conflict="spare")).preview().plan
        assert (plan.agents, plan.conflicts) == (["a"], []), (
            "the other process lives, and so does its command"
        )
        kill(commands)
        os.utime(commands._folder / commands.token, (1, 1))
        plan = (await engine.plan(first.id, session="s", own=True, on_conflict="spare")).preview().plan
        assert [(one.path, one.reason) for one in plan.conflicts] == [("a", UNCERTAIN)]
    finally:
        await engine.close()
