"""A preview lists what the rollback then reports, whatever agent, commands and user did before: both are one plan."""

from __future__ import annotations

import random
from pathlib import Path
from typing import get_args

import pytest

from mazu_ls.checkpoints.models import OnConflict
from tests.checkpoints.bed import Bed, bed

NAMES = ("a.txt", "gen/b.txt", "gen/sub/c.txt", "ignored/d.txt")
LINES = [f"line {number}\n" for number in range(12)]


def changed(text: str | None, who: str, chance: random.Random) -> str:
    lines = (text or "".join(LINES)).splitlines(keepends=True)
    lines[chance.randrange(len(lines))] = f"{who} {chance.random()}\n"
    return "".join(lines)


async def act(project: Bed, chance: random.Random) -> None:
    """One thing that happens: an edit, a command of the agent's, or what a user does in another program."""
    name, other = chance.choice(NAMES), chance.choice(NAMES)
    match chance.choice(("edit", "command", "user", "user", "delete", "rename", "folder")):
        case "edit":
            project.place(name).parent.mkdir(parents=True, exist_ok=True)
            await project.agent_writes(name, changed(project.read(name), "agent", chance))
            await project.take(kind="step", session_id="s")
        case "command":
            number = await project.engine.begin_command("s", ())
            for made in {name, other}:
                project.write(made, changed(project.read(made), "command", chance))
            await project.engine.end_command(number, ())
            await project.take(kind="step", session_id="s")
        case "user":
            project.write(name, changed(project.read(name), "user", chance))
        case "delete":
            project.place(name).unlink(missing_ok=True)
        case "rename" if project.read(name) is not None and not project.place(other).exists():
            project.place(other).parent.mkdir(parents=True, exist_ok=True)
            project.place(name).rename(project.place(other))
        case "folder" if not project.place(f"{name}.d").exists():
            project.write(f"{name}.d/own.txt", "mine\n")
        case _:
            pass


@pytest.mark.parametrize("seed", range(12))
async def test_a_rollback_does_what_its_preview_says(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    async with bed(tmp_path) as project:
        project.write(".gitignore", "ignored/\n")
        project.write("a.txt", "".join(LINES))
        first = await project.take(kind="baseline", session_id="s")
        for _ in range(chance.randint(3, 9)):
            await act(project, chance)
        choices: list[OnConflict] = [*get_args(OnConflict)]
        chance.shuffle(choices)
        for choice in choices:
            own = chance.random() < 0.7
            plan = await project.engine.plan(
                first.id, on_conflict=choice, session="s" if own else None, own=own
            )
            preview = plan.preview()
            report = await plan.apply(choice, project.type_text)
            assert report.plan == preview.plan, (choice, own)
            if not report.applied:
                assert report.undecided, choice
                continue
            for name in report.plan.delete:
                assert not project.place(name).exists(), name
            for name in report.plan.write:
                assert project.place(name).exists(), name
            for _ in range(2):
                await act(project, chance)
