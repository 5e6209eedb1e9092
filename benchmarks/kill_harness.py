"""Kills checkpoints, rollbacks, prunes and recoveries with SIGKILL, at every named step and at random instants.

    python benchmarks/kill_harness.py [--kills 2000] [--seed 1]

All along, a second server takes checkpoints of the same project, previews and prunes (and is killed, too), and a user's process saves two
of the files that roll back and forth, one in place and one by rename. After each kill the project is opened again and
must be wholly in one state: every file, the memory and the conversation. Exit status 0 means: no mixed state, no save
of the user's lost, the store passes fsck, and every start took less than 2 seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.kill_scene import BY_RENAME, Project, second_server, user
from mazu_ls.checkpoints.git.objects import BLOB, object_id
from mazu_ls.checkpoints.git.repository import StoreRepository
from mazu_ls.checkpoints.models import OnConflict
from mazu_ls.checkpoints.store.store_opening import write_newest

START_LIMIT = 2.0
MOST_TRIES = 4
"""Tries for each kill that is wanted: on a slow or a fast machine a random instant comes too late more often."""


@dataclass(frozen=True)
class Step:
    """A function of the product, killed before or after its n-th call."""

    where: str
    when: str
    call: int = 1

    def __str__(self) -> str:
        return f"{self.when} {self.where}" + (f" #{self.call}" if self.call > 1 else "")


def _both(*places: str, calls: tuple[int, ...] = (1,)) -> list[Step]:
    return [Step(place, when, call) for place in places for when in ("before", "after") for call in calls]


TAKE = [
    *_both("create:transaction", "create:_publish", "git.repository:StoreRepository.set_ref"),
    *_both("git.unwritten_objects:UnwrittenObjects.keep", "git.unwritten_objects:UnwrittenObjects.write_out"),
    *_both("git.pack:write_file", "git.packed_refs:_add_packed"),
    *_both("git.unwritten_objects:UnwrittenObjects._delete"),
    Step("store.schema:insert", "after"),
    Step("store.schema:set_state", "after", 2),
    Step("git.pack:write_file", "before", 2),
]
FILES = [
    *_both(
        "restore.restore_files:exchange",
        "restore.restore_files:rename_without_replace",
        "restore.restore_files:_remove",
        calls=(1, 3),
    ),
    *_both(
        "restore.restore_files:verify_steps",
        "restore.restore_files:_apply",
        "restore.staging:retire_replaced",
        "restore.staging:sweep_staging",
    ),
]
ROLLBACK = [
    *_both(
        "restore.staging:_write",
        "restore.staging:_publish",
        "restore.rollback:_commit",
        "restore.rollback:finish_rollback",
    ),
    *FILES,
]
PRUNE = [
    *_both("store.schema:remove", "git.repository:StoreRepository.delete_refs"),
    *_both("upkeep.gc:begin_collection", "upkeep.gc:repack", "upkeep.gc:finish_collection"),
    *(
        Step("git.repository:StoreRepository.run", when, call)
        for when in ("before", "after")
        for call in (1, 2, 3, 4)
    ),
]
STEPS = {
    "take": TAKE,
    "rollback": TAKE + ROLLBACK,
    "prune": PRUNE,
    "recovery": [
        *_both(
            "store.store_opening:_write_objects",
            "store.store_opening:restore_packs",
            "restore.rollback:recover_rollback",
            "git.repository:StoreRepository.sweep",
            "restore.staging:_write",
        ),
        *FILES,
    ],
}


@dataclass
class Tally:
    kills: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    mixed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    saves: int = 0
    displaced: int = 0
    slowest_start: float = 0.0
    late: list[str] = field(default_factory=list)
    fsck: str = ""


def arm(step: Step) -> None:
    """Replace the function by one that kills this process at the right call."""
    module_name, _, name = step.where.partition(":")
    owner: Any = importlib.import_module(f"mazu_ls.checkpoints.{module_name}")
    *path, attribute = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original, calls = getattr(owner, attribute), [0]

    def killing(*arguments: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] == step.call and step.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **more)
        if calls[0] == step.call and step.when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, attribute, killing)


def spawn(work: Callable[[], Coroutine[Any, Any, None]], step: Step | None = None) -> int:
    """Run `work` in a fork of this process, which has everything imported and no threads."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        if step is not None:
            arm(step)
        asyncio.run(work())
        status = 0
    except BaseException:
        logging.getLogger(__name__).exception("a child failed")
    finally:
        os._exit(status)


def operation(project: Project, name: str, letter: str) -> Callable[[], Coroutine[Any, Any, None]]:
    async def run() -> None:
        engine = await project.opened()
        if name == "take":
            await engine.take(kind="step")
            await engine.take(kind="step", touched=[project.root / BY_RENAME])
        elif name == "prune":
            await engine.prune(keep=random.randint(2, 6))
        elif name == "rollback":
            choices: list[OnConflict] = ["overwrite", "overwrite", "keep"]
            await (await engine.plan(project.ids[letter])).apply(random.choice(choices))
        await engine.close()

    return run


def killed(pid: int, delay: float | None) -> bool:
    """Wait for the child, killing it after `delay` seconds; True if SIGKILL ended it."""
    if delay is not None:
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise RuntimeError("a child failed by itself; see above")
    return os.WIFSIGNALED(status)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Harness:
    """Runs the kills and keeps the tally."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project = project
        self.tally = Tally()
        self.random = random.Random(seed)
        self._companions: dict[str, int] = {}
        self._read = 0
        self._pending: dict[str, int] = {}

    def run(self, kills: int) -> None:
        named = [(name, step) for name, steps in STEPS.items() for step in steps]
        self.random.shuffle(named)
        self._companion("user")
        letter = "B"
        try:
            for number in range(MOST_TRIES * kills):
                if number >= kills <= sum(self.tally.kills.values()):
                    break
                self._companion("server")
                name, step = named[number] if number < len(named) else (self._name(), None)
                other = "A" if letter == "B" else "B"
                before = sum(self.tally.kills.values())
                self._strike(name, step, other)
                letter = self._check(letter, other, f"{name}: {step or 'random instant'}")
                self.tally.survived += sum(self.tally.kills.values()) == before
                if number % 200 == 199:
                    self._fsck()
                if self.random.random() < 0.1:
                    self._end("server")
        finally:
            for companion in list(self._companions):
                self._end(companion)
        self._check(letter, letter, "the end")
        self._fsck()

    def _name(self) -> str:
        return self.random.choice(
            ["rollback", "rollback", "rollback", "recovery", "recovery", "take", "prune"]
        )

    def _strike(self, name: str, step: Step | None, letter: str) -> None:
        first = name if name != "recovery" else "rollback"
        opening = step
        if name == "recovery":  # a rollback is killed behind its commit point; then its recovery is
            opening = (
                Step("restore.rollback:finish_rollback", "before")
                if self.random.random() < 0.5
                else Step("restore.restore_files:exchange", "after", 2)
            )
        self._one(first, opening, letter)
        if name == "recovery":
            self._one("nothing", step, letter, label="recovery")

    def _one(self, name: str, step: Step | None, letter: str, label: str = "") -> None:
        pid = spawn(operation(self.project, name, letter), step)
        delay = None if step is not None else self.random.random() * (0.12 if name != "nothing" else 0.05)
        if killed(pid, delay):
            self.tally.kills[label or name] += 1

    def _check(self, letter: str, other: str, what: str) -> str:
        """Open again, in time, and find one whole state; every save that was displaced is somewhere."""
        began, used = time.perf_counter(), _children_cpu()
        killed(spawn(operation(self.project, "nothing", letter)), None)
        took, used = time.perf_counter() - began, _children_cpu() - used
        self.tally.slowest_start = max(self.tally.slowest_start, took)
        # On a machine that is busy with something else, waiting for a processor says nothing about us.
        busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
        if used > START_LIMIT or (took > START_LIMIT and not busy):
            self.tally.late.append(f"{what}: {took:.1f} s")
        self._count_saves()
        now = self.project.letters()
        if now not in (letter, other):
            self.tally.mixed.append(f"{what}: {now}")
            self.project.put(letter)
            return letter
        return now

    def _count_saves(self) -> None:
        """Saves that the user did not find again before saving the next time must be in the store or rescued."""
        with self.project.log.open() as log:
            log.seek(self._read)
            lines = log.readlines()
            self._read = log.tell()
        gone = [line.removeprefix("gone ") for line in lines if line.startswith("gone ")]
        self.tally.saves += sum(line.startswith("saved ") for line in lines)
        self.tally.displaced += len(gone)
        if gone:
            self.tally.lost += [text.strip() for text in gone if text not in self._found(gone)]

    def _found(self, texts: list[str]) -> set[str]:
        write_newest(self.project.store().parents[1] / "memory.db", StoreRepository(self.project.store()))
        oids = {object_id(BLOB, text.encode()).hex(): text for text in texts}
        out = subprocess.run(
            ["git", "--git-dir", str(self.project.store()), "cat-file", "--batch-check"],
            input="\n".join(oids),
            capture_output=True,
            text=True,
            check=True,
        )
        found = {oids[line[:40]] for line in out.stdout.splitlines() if not line.endswith("missing")}
        # In the order in which a file moves on, so that none is missed on its way.
        state = self.project.store().parent
        places = [*self.project.root.glob(".mazu-staging-*"), state / "grave", state / "rescue"]
        for path in (path for place in places if place.is_dir() for path in place.iterdir()):
            try:
                held = path.read_text()
            except FileNotFoundError:
                continue
            found |= {text for text in texts if text == held}
        return found

    def _companion(self, name: str) -> None:
        if name in self._companions:
            return
        if name == "server":
            self._companions[name] = spawn(lambda: second_server(self.project))
        elif pid := os.fork():
            self._companions[name] = pid
        else:
            user(self.project)

    def _end(self, name: str) -> None:
        pid = self._companions.pop(name, 0)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _fsck(self) -> None:
        self._end("server")
        out = subprocess.run(
            ["git", "--git-dir", str(self.project.store()), "fsck", "--full", "--strict", "--no-dangling"],
            capture_output=True,
            text=True,
            check=False,
        )
        if out.returncode:
            self.tally.fsck += out.stderr


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    importlib.import_module("git")
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        asyncio.run(project.set_up())
        harness = Harness(project, options.seed)
        began = time.perf_counter()
        harness.run(options.kills)
    return report(harness.tally, time.perf_counter() - began)


def report(tally: Tally, seconds: float) -> int:
    """Print the result; the exit status."""
    kills = sum(tally.kills.values())
    print(
        f"kills            {kills} in {seconds:.0f} s: {dict(tally.kills)} (and {tally.survived} that came too late)"
    )
    print(f"mixed states     {len(tally.mixed)} {tally.mixed[:5]}")
    print(
        f"user's saves     {tally.saves}, {tally.displaced} displaced by a rollback, {len(tally.lost)} lost {tally.lost[:5]}"
    )
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(
        f"slowest start    {tally.slowest_start:.2f} s (limit {START_LIMIT} s, load {load}), {len(tally.late)} too late"
    )
    print(f"fsck             {tally.fsck or 'clean'}")
    failed = tally.mixed or tally.lost or tally.fsck  # how long a start took is a figure, not a verdict
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
