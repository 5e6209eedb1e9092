"""Undo and redo in any order beside the user's saves: the agent's lines come and go, the user's stay, wherever they were saved."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.models import Checkpoint, RollbackReport
from mazu_ls.checkpoints.restore.keep_reasons import ONLY_YOURS
from tests.checkpoints.bed import open_engine
from tests.checkpoints.killed_rollback import AFTER_COMMIT, BEFORE_COMMIT

ROOT = Path(__file__).parents[2]
SESSION = "s"
Turn = tuple[Checkpoint, int, int]
"""The checkpoint before it, and what then were the agent's and the user's lines."""
STEPS = ["turn", "save", "take", "undo", "redo", "restart", "back", "prune"]
BETWEEN = "\n".join(f"line {n}" for n in range(8))


def text_of(agents: int, users: int) -> str:
    """A file with a line of the agent's and one of the user's, too far from each other to be in one hunk."""
    return f"agent {agents}\n{BETWEEN}\nuser {users}\n"


@dataclass
class Chain:
    """A project of one file, and what must stand in it."""

    root: Path
    state: Path
    engine: Checkpoints
    agents: int = 0
    users: int = 0
    count: int = 0
    pruned: bool = False
    kills: int = 0
    turns: tuple[Turn, ...] = ()
    undone: list[tuple[int, tuple[Turn, ...]]] = field(default_factory=list)
    taken: list[tuple[Checkpoint, int, tuple[Turn, ...]]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.root / "a.txt"

    def next(self) -> int:
        self.count += 1
        return self.count

    def check(self, report: RollbackReport) -> None:
        assert report.applied and report.verified, report
        mixed = [one for one in (*report.plan.conflicts, *report.plan.keep) if one.reason != ONLY_YOURS]
        assert self.pruned or not mixed, report
        if mixed:  # who changed what cannot be told any more: it says so, and changes nothing
            self.agents = int(self.file.read_text().split()[1])
        assert self.file.read_text() == text_of(self.agents, self.users)

    async def turn(self) -> None:
        baseline = await self.engine.take(kind="baseline", session_id=SESSION)
        self.turns += ((baseline, self.agents, self.users),)
        self.agents, before = self.next(), self.file.read_text()
        self.undone.clear()
        after = text_of(self.agents, self.users)
        await self.engine.record_edit(SESSION, self.file, before, after)
        self.file.write_text(after)
        await self.engine.take(kind="step", session_id=SESSION, touched=[self.file])

    async def save(self) -> None:
        self.users = self.next()
        self.file.write_text(text_of(self.agents, self.users))

    async def take(self) -> None:
        self.taken.append((await self.engine.take(kind="manual"), self.agents, self.turns))

    async def undo(self) -> None:
        if self.turns:
            self.undone.append((self.agents, self.turns))
            (*turns, (baseline, self.agents, users)) = self.turns
            self.turns = tuple(turns)
            planned = {"id": baseline.id, "session": SESSION, "own": True}
            if await self.killed(planned):
                return
            plan = await self.engine.plan(**planned, on_conflict="spare")
            report = await plan.apply("spare")
            if report.undecided:
                assert self.users != users or self.pruned, "asked although only the agent changed the file"
                report = await plan.apply("keep")
            self.check(report)

    async def redo(self) -> None:
        if self.undone:
            self.agents, self.turns = self.undone.pop()
            found = await self.engine.last_rollback(SESSION)
            if found is None:
                assert self.pruned
                return
            planned = {"id": found.safety, "only": found.only, "session": SESSION, "redo_of": found}
            if not await self.killed(planned):
                self.check(await (await self.engine.plan(**planned, on_conflict="ask")).apply("keep"))

    async def back(self) -> None:
        """A rollback to the user's own checkpoint, of only the agent's changes."""
        if self.taken:
            self.undone.append((self.agents, self.turns))
            checkpoint, self.agents, self.turns = self.taken[self.count % len(self.taken)]
            self.check(await (await self.engine.plan(checkpoint.id, session=SESSION)).apply("keep"))

    async def kill(self) -> None:
        """The next undo or redo is begun by a process that is killed meanwhile."""
        self.kills += 1

    async def killed(self, planned: dict[str, Any]) -> bool:
        """Kill one if that is due; whether it is done nevertheless, when the project is opened again."""
        if not self.kills:
            return False
        steps = [*AFTER_COMMIT, *BEFORE_COMMIT]
        step, self.kills = steps[self.count % len(steps)], 0
        before = self.file.read_text()
        await self.engine.close()
        asked = {
            "root": str(self.root),
            "state": str(self.state),
            "step": step,
            "planned": planned,
            "choice": "keep",
        }
        command = [sys.executable, "-m", "tests.checkpoints.killed_rollback", json.dumps(asked)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        status = await process.wait()
        self.engine = await open_engine([self.root], self.state)
        assert status in (-signal.SIGKILL, 0), (
            status
        )  # 0: nothing had to be written, so that the step was not reached
        if status and step in BEFORE_COMMIT:
            assert self.file.read_text() == before
            return False
        assert self.file.read_text() == text_of(self.agents, self.users), step
        return True

    async def prune(self) -> None:
        """What undo and redo can name stays, as where a session names it."""
        undone = [turn for _, turns in self.undone for turn in turns]
        for needed, *_ in (*self.turns, *undone, *self.taken):
            await self.engine.pin(needed.id)
        await self.engine.prune(keep=1)
        self.pruned = True
        if self.undone and await self.engine.last_rollback(SESSION) is None:
            self.undone.clear()

    async def restart(self) -> None:
        await self.engine.close()
        self.engine = await open_engine([self.root], self.state)


async def follow(steps: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        root = folder / "project"
        root.mkdir()
        chain = Chain(root, folder / "state", await open_engine([root], folder / "state"))
        chain.file.write_text(text_of(0, 0))
        for step in steps:
            await getattr(chain, step)()
        await chain.engine.close()
    finally:
        shutil.rmtree(folder)


@example(["turn", "undo", "redo", "save", "undo"])
@example(["turn", "save", "kill", "undo", "save", "kill", "redo", "take", "save", "kill", "undo", "redo"])
@example(
    [
        "turn",
        "kill",
        "undo",
        "save",
        "save",
        "kill",
        "redo",
        "save",
        "turn",
        "kill",
        "undo",
        "save",
        "undo",
        "kill",
        "redo",
        "redo",
    ]
)
@example(["turn", "undo", "save", "redo", "save", "undo", "save", "redo", "save", "undo"])
@example(["save", "turn", "save", "undo", "redo", "restart", "save", "take", "save", "undo", "redo", "undo"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=14))
def test_any_chain_of_undo_and_redo_leaves_the_users_lines_and_takes_the_agents(steps: list[str]):
    asyncio.run(follow(steps))
