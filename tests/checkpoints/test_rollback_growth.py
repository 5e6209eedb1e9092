"""A rollback of twice as many files takes about twice as many calls: nothing goes through all files for each file."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
from pathlib import Path
from typing import Any

from tests.checkpoints.bed import Bed, bed

FEW = 60


async def _calls(project: Bed, files: int) -> dict[str, int]:
    """How often each function is called on the worker thread by a preview and a rollback of so many files."""
    target = await project.take()
    for number in range(files):
        await project.agent_writes(f"d{number % 7}/f{number}", f"new {number}\n")
    profile = cProfile.Profile()
    loop, worker = asyncio.get_running_loop(), project.engine._store._worker
    await loop.run_in_executor(worker, profile.enable)
    plan = await project.engine.plan(target.id)
    report = await plan.apply("overwrite")
    await loop.run_in_executor(worker, profile.disable)
    assert report.verified
    stats: Any = pstats.Stats(profile)
    return {f"{place[0]}:{place[1]} {place[2]}": found[1] for place, found in stats.stats.items()}


async def test_work_grows_with_the_number_of_files(tmp_path: Path):
    async with bed(tmp_path) as project:
        await _calls(project, FEW)
        few, many = await _calls(project, FEW), await _calls(project, 4 * FEW)
    limits = {name: 6 * few.get(name, 0) + 30 * FEW for name in many}
    assert not {name: count for name, count in many.items() if count > limits[name]}
