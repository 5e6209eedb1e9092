"""A present file that no checkpoint holds is set aside, never lost, when a rollback needs its place."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoints.bed import Bed, bed
from tests.checkpoints.killed_rollback import HALF_COPIED

LARGE = b"y" * (11 << 20)


@pytest.mark.parametrize(
    "step", ["restore_files:exchange", "staging:rescue_unheld", "rollback:transaction", HALF_COPIED]
)
async def test_a_kill_loses_no_file_that_is_set_aside(tmp_path: Path, step: str):
    async with bed(tmp_path) as project:
        project.write("data.csv", "x\n")
        taken = await project.take()
        project.write("data.csv", LARGE)
    told = {
        "root": str(project.root), "state": str(project.state), "step": step,
        "planned": {"id": taken.id}, "choice": "overwrite",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.checkpoints.killed_rollback", json.dumps(told)]
    done = await asyncio.to_thread(subprocess.run, command, check=False)
    assert done.returncode == -9
    async with bed(tmp_path) as project:
        await project.take()  # recovers
        now = project.place("data.csv").read_bytes()
        assert now == (LARGE if step == "rollback:transaction" else b"x\n")
    sizes = {path.stat().st_size for path in tmp_path.rglob("*data.csv*")}
    assert sizes <= {len("x\n"), len(LARGE)}, "torn"
    held = [path for path in tmp_path.rglob("*data.csv*") if path.stat().st_size == len(LARGE)]
    assert len(held) == 1, held
    assert held[0].read_bytes() == LARGE


async def test_what_is_written_after_the_plan_stays(project: Bed, monkeypatch: pytest.MonkeyPatch):
    project.write("data.csv", "x\n")
    taken = await project.take()
    project.write("data.csv", LARGE)
    from mazu_ls.checkpoints.restore import rollback

    staging = rollback.staging.stage_contents

    def write_meanwhile(*args: object) -> object:
        project.write("data.csv", LARGE + b"newer")
        return staging(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rollback.staging, "stage_contents", write_meanwhile)
    report = await project.roll_back(taken)
    assert [problem.path for problem in report.problems] == ["data.csv"]
    assert project.place("data.csv").read_bytes() == LARGE + b"newer"
    assert not report.plan.set_aside


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
async def test_an_unreadable_file_is_restored_too(project: Bed):
    project.write("data.csv", "x\n")
    taken = await project.take()
    project.write("data.csv", "other", 0)
    report = await project.roll_back(taken)
    assert (report.verified, project.read("data.csv")) == (True, "x\n")
