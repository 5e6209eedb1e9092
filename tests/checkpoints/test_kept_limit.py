"""What is kept of ignored files has a limit, too: the oldest goes first, and an undo that misses it says so."""

from __future__ import annotations

import os
from pathlib import Path

from tests.checkpoints.bed import Bed, bed


async def turn(project: Bed, number: object, text: str, name: str = "data.log", session: str = "s") -> str:
    before = await project.engine.take(kind="baseline", session_id=session, turn_id=f"t{number}")
    await project.agent_writes(name, text, session)
    await project.engine.take(kind="step", session_id=session, turn_id=f"t{number}")
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


async def test_the_last_turn_of_each_session_and_what_is_small_can_still_be_undone(tmp_path: Path) -> None:
    async with bed(tmp_path, max_bytes=400_000) as project:
        project.write(".gitignore", "*.log\n")
        texts = [os.urandom(40_000).hex() for _ in range(14)]
        project.write("data.log", texts[0])
        project.write("notes.log", "mine\n")
        for name in ("a.log", "b.log"):
            project.write(name, texts[-1][::-1] + name)
        small = await turn(project, 0, "the agent's\n", "notes.log", "first")
        others = [await turn(project, n, "new\n", f"{n}.log", n) for n in "ab"]

        async def named() -> list[str]:
            return others

        project.engine.upkeep.named_by_undo = named
        turns = [await turn(project, number, text) for number, text in enumerate(texts[1:])]
        await project.engine.prune()
        lost = await (await project.engine.plan(turns[0], session="s", own=True)).apply("overwrite")
        assert not lost.verified
        for before, session in ((small, "first"), (others[0], "a"), (others[1], "b")):
            done = await (await project.engine.plan(before, session=session, own=True)).apply("keep")
            assert not done.problems and done.verified, session
        assert project.read("notes.log") == "mine\n"
        for name in ("a.log", "b.log"):
            assert project.read(name) == texts[-1][::-1] + name
