"""Kills checkpoints, rollbacks, prunes and recoveries with SIGKILL, at every named step and at random instants.

    python benchmarks/kill_harness.py [--kills 2000] [--seed 1]

All along, a second server takes checkpoints of the same project (and is killed, too), and a user's process saves two
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
import shutil
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

from mazu_ls.checkpoints import Checkpoints
from mazu_ls.checkpoints.objects import BLOB, object_id
from mazu_ls.store import connect
from tests.checkpoints.bed import Notes, State, files, open_engine

IN_PLACE, BY_RENAME = "shared/in_place.txt", "shared/by_rename.txt"
PARTS = (Notes("memory"), Notes("conversation"))
START_LIMIT = 2.0


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
    *_both("take:transaction", "take:_publish", "repository:Repository.set_ref"),
    *_both("pack:_write_durably", "pack:sync_folder"),
    Step("schema:insert", "after"),
    Step("schema:set_state", "after", 2),
    Step("pack:_write_durably", "before", 2),
]
FILES = [
    *_both("disk:exchange", "disk:place", "disk:_remove", calls=(1, 3)),
    *_both("disk:verify", "disk:_apply", "stage:settle", "stage:sweep"),
]
ROLLBACK = [*_both("stage:_write", "stage:_publish", "rollback:_commit", "rollback:finish"), *FILES]
PRUNE = [
    *_both("schema:remove", "repository:Repository.delete_refs", "repository:Repository.collect"),
    *(Step("repository:Repository.run", when, call) for when in ("before", "after") for call in (1, 2, 3, 4)),
]
STEPS = {
    "take": TAKE,
    "rollback": TAKE + ROLLBACK,
    "prune": PRUNE,
    "recovery": [*_both("rollback:recover", "repository:Repository.sweep", "stage:_write"), *FILES],
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


class Project:
    """Two states, A and B, of one project, each with a pinned checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.root, self.state = folder / "project", folder / "state"
        self.log = folder / "saves"
        self.states: dict[str, State] = {}
        self.ids: dict[str, str] = {}

    async def opened(self) -> Checkpoints:
        return await open_engine([self.root], self.state, PARTS)

    def put(self, letter: str) -> None:
        """Write state A or B, with files that only one of them has."""
        for number in range(8):
            file = self.root / f"src/m{number % 3}/f{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{letter} {number}\n" * 50)
            file.chmod(0o755 if (number + (letter == "A")) % 2 else 0o644)
        only, other = ("a_only", "b_only") if letter == "A" else ("b_only", "a_only")
        shutil.rmtree(self.root / other, ignore_errors=True)
        (self.root / only / "deep").mkdir(parents=True, exist_ok=True)
        for number in range(4):
            (self.root / only / "deep" / f"{number}.txt").write_text(letter)
        link = self.root / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(f"target-{letter}")
        for shared in (IN_PLACE, BY_RENAME):
            (self.root / shared).parent.mkdir(exist_ok=True)
            (self.root / shared).write_text(f"checkpoint {letter}\n")

    async def set_up(self) -> None:
        (self.root / ".mazu").mkdir(parents=True)
        engine = await self.opened()
        for letter in "AB":
            self.put(letter)
            db = engine._store.connection
            PARTS[0].put(db, "letter", letter)
            PARTS[1].put(db, "head", letter)
            PARTS[0].put(db, f"only-{letter}", letter)
            PARTS[0].put(db, f"only-{'B' if letter == 'A' else 'A'}", None)
            checkpoint = await engine.take(kind="manual", label=letter)
            await engine.pin(checkpoint.id)
            self.ids[letter], self.states[letter] = checkpoint.id, self.agents_files()
        await engine.close()

    def agents_files(self) -> State:
        """All files but the two that the user saves all along."""
        return files(self.root, ["shared"])

    def letters(self) -> str:
        """The state that everything is in; more than one letter, or none, is a mixed state."""
        now = self.agents_files()
        db = connect(self.root / ".mazu" / "memory.db", [])
        notes, head = PARTS[0].all(db), PARTS[1].all(db)
        db.close()
        found = {letter for letter, held in self.states.items() if held == now} or {"?"}
        found |= {head.get("head", "-"), notes.get("letter", "-")}
        found |= {name.removeprefix("only-") for name in notes if name.startswith("only-")}
        return "".join(sorted(found))

    def store(self) -> Path:
        return next(self.state.glob("roots/*/checkpoints/store.git"))


def user(project: Project) -> None:
    """Saves for ever; before each save, notes whether the last one was still there: then nobody else displaced it."""
    last: dict[str, str] = {}
    with project.log.open("a", buffering=1) as log:
        for number in range(1, 10**9):
            path = IN_PLACE if number % 2 else BY_RENAME
            file = project.root / path
            text = f"user {number}\n"
            try:
                if last.get(path) is not None:
                    log.write(f"{'kept' if file.read_text() == last[path] else 'gone'} {last[path]}")
                if path == IN_PLACE:
                    with file.open("r+") as opened:
                        time.sleep(random.random() * 0.002)
                        opened.truncate()
                        opened.write(text)
                else:
                    draft = file.with_name(".draft.mazu-user~")
                    draft.write_text(text)
                    draft.replace(file)
            except FileNotFoundError:
                last.pop(path, None)
                continue
            last[path] = text
            log.write(f"saved {text}")
            # Mostly busy, sometimes pausing: only a pause lets a rollback replace what was saved.
            time.sleep(random.random() * random.choice([0.002, 0.02, 0.1, 0.4]))


async def second_server(project: Project) -> None:
    """Another editor on the same project."""
    engine = await project.opened()
    while True:
        touched = None if random.random() < 0.3 else [project.root / IN_PLACE]
        await engine.take(kind="step", touched=touched)
        await asyncio.sleep(0.05 + random.random() * 0.1)


def operation(project: Project, name: str, letter: str) -> Callable[[], Coroutine[Any, Any, None]]:
    async def run() -> None:
        engine = await project.opened()
        if name == "take":
            await engine.take(kind="step")
            await engine.take(kind="step", touched=[project.root / BY_RENAME])
        elif name == "prune":
            await engine.prune(keep=random.randint(2, 6))
        elif name == "rollback":
            choice = random.choice(["overwrite", "overwrite", "keep"])
            await (await engine.plan(project.ids[letter])).apply(choice)
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
            for number in range(kills):
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
                Step("rollback:finish", "before")
                if self.random.random() < 0.5
                else Step("disk:exchange", "after", 2)
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
        began = time.perf_counter()
        killed(spawn(operation(self.project, "nothing", letter)), None)
        self.tally.slowest_start = max(self.tally.slowest_start, time.perf_counter() - began)
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
        oids = {object_id(BLOB, text.encode()).hex(): text for text in texts}
        out = subprocess.run(
            ["git", "--git-dir", str(self.project.store()), "cat-file", "--batch-check"],
            input="\n".join(oids),
            capture_output=True,
            text=True,
            check=True,
        )
        found = {oids[line[:40]] for line in out.stdout.splitlines() if not line.endswith("missing")}
        places = [self.project.store().parent / "rescue", self.project.root / ".mazu" / "rollback"]
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
    print(f"slowest start    {tally.slowest_start:.2f} s (limit {START_LIMIT})")
    print(f"fsck             {tally.fsck or 'clean'}")
    failed = tally.mixed or tally.lost or tally.fsck or tally.slowest_start > START_LIMIT
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
