"""A checkpoint that could not look at every file says so, and a rollback to it names what it cannot vouch for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mazu_ls.errors import MazuError
from tests.checkpoints.bed import bed


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file exists git cannot list the files of any folder."""
    flag, tools = tmp_path / "broken", tmp_path / "bin"
    tools.mkdir()
    wrapper = tools / "git"
    failing = 'for one in "$@"; do [ "$one" = ls-files ] && [ -e "$BROKEN" ] && { echo broken >&2; exit 128; }; done'
    wrapper.write_text(
        f'#!/bin/sh\n{failing}\nexec "{shutil.which("git")}" "$@"\n'.replace("$BROKEN", str(flag))
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return flag


@pytest.mark.parametrize("looked_since", [True, False])
async def test_what_changed_unseen_is_named(tmp_path: Path, broken: Path, looked_since: bool):
    async with bed(tmp_path) as project:
        for name in ("agents.txt", "users.txt", "quiet.txt"):
            project.write(name, "1\n")
        await project.take()
        broken.touch()
        await project.agent_writes("agents.txt", "2\n")
        project.write("users.txt", "saved by another program\n")
        step = await project.take(touched=["agents.txt"], kind="step", session_id="s")
        assert not step.complete
        broken.unlink()
        if looked_since:
            assert (await project.take()).complete
        await project.agent_writes("agents.txt", "3\n")
        report = await project.roll_back(step)
        assert report.applied and not report.verified
        named = {problem.path: problem.reason for problem in report.problems}
        assert set(named) == {".", "users.txt"}
        assert "holds an older text" in named["users.txt"]
        assert project.read("agents.txt") == "2\n"


async def test_a_checkpoint_that_looked_at_every_file_names_nothing(tmp_path: Path, broken: Path):
    async with bed(tmp_path) as project:
        project.write("users.txt", "1\n")
        first = await project.take()
        project.write("users.txt", "2\n")
        report = await project.roll_back(first)
        assert report.verified and report.problems == [] and first.complete


async def test_a_rollback_that_cannot_look_at_every_file_is_not_done(tmp_path: Path, broken: Path):
    async with bed(tmp_path) as project:
        project.write("a.txt", "1\n")
        first = await project.take()
        project.write("a.txt", "2\n")
        broken.touch()
        with pytest.raises(MazuError, match="git"):
            await project.roll_back(first)
        assert project.read("a.txt") == "2\n"
