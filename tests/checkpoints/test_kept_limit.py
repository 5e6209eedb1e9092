"""What is kept of ignored files has a limit, too: the oldest goes first, and an undo that misses it says so."""

from __future__ import annotations

import os
from pathlib import Path

from tests.checkpoints.bed import Bed, bed


async def turn(project: Bed, number: int, text: str) -> str:
    before = await project.engine.take(kind="baseline", session_id="s", turn_id=f"t{number}")
    await project.agent_writes("data.log", text)
    await project.engine.take(kind="step", session_id="s", turn_id=f"t{number}")
    await project.engine.upkeep.idle()
    return before.id


async def test_the_oldest_goes_first_and_an_undo_that_misses_it_says_so(tmp_path: Path) -> None:
    async with bed(tmp_path, max_bytes=400_000) as project:
        project.write(".gitignore", "*.log\n")
        texts = [os.urandom(40_000).hex() for _ in range(14)]
        project.write("data.log", texts[0])
        turns = [await turn(project, number, text) for number, text in enumerate(texts[1:])]
        await project.engine.prune()
        assert (await project.engine.stats()).bytes <= 400_000
        first = await project.engine.plan(turns[0], session="s", own=True)
        done = await first.apply("overwrite")
        assert [one.path for one in done.problems] == ["data.log"] and not done.verified
        assert "was dropped since the store was too large" in done.problems[0].reason
        assert project.read("data.log") == texts[-1]
        last = await (await project.engine.plan(turns[-1], session="s", own=True)).apply("overwrite")
        assert last.verified and not last.problems
        assert project.read("data.log") == texts[-2]
        project.fsck()
