"""What checkpoints and rollbacks cost, beside git doing the same and beside a bare walk, in the same run.

    python benchmarks/checkpoint_speed.py [--files 1000 10000 100000] [--memories 100000] [--many 1000]

CPU is that of this process, its threads and its children, in milliseconds; wall in brackets. Every figure is the
median of several runs, except those of something that happens once. Walk: lstat(2) of every file, in C, compiled here.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.scan import dirty_set
from mazu_ls.memory.checkpoint_part import MemoryPart
from mazu_ls.memory.models import MemoryEntry
from mazu_ls.memory.store.entries import EntryTable
from tests.checkpoints.bed import open_engine

WALK = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
static void walk(int fd) {
  DIR *d = fdopendir(fd); struct dirent *e; struct stat s;
  while ((e = readdir(d))) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    fstatat(fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW);
    if (S_ISDIR(s.st_mode)) walk(openat(fd, e->d_name, O_RDONLY | O_DIRECTORY));
  }
  closedir(d);
}
int main(int c, char **v) { walk(open(v[1], O_RDONLY | O_DIRECTORY)); return 0; }
"""
RUNS = 5


class Cost:
    """CPU and wall milliseconds of some runs."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []

    @contextmanager
    def measured(self) -> Iterator[None]:
        cpu, wall = _cpu(), time.perf_counter()
        yield
        self.cpu.append(_cpu() - cpu)
        self.wall.append((time.perf_counter() - wall) * 1000)

    def __str__(self) -> str:
        return f"{statistics.median(self.cpu):9.1f} ({statistics.median(self.wall):.1f})"

    @property
    def median(self) -> float:
        return statistics.median(self.cpu)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used) * 1000


async def cost(
    work: Callable[[int], Awaitable[object]],
    before: Callable[[int], object] = lambda _: None,
    runs: int = RUNS,
) -> Cost:
    """Run `work` some times, each after `before`, which is not measured."""
    total = Cost()
    for number in range(runs):
        before(number)
        with total.measured():
            await work(number)
    return total


def line(name: str, found: Cost, beside: Cost | None = None, limit: str = "") -> None:
    ratio = f"  {found.median / beside.median:6.2f} x" if beside is not None and beside.median else ""
    print(f"  {name:48} {found}{ratio}  {limit}")


class Folder:
    """A folder of `count` small files, and git's own ways to record it."""

    def __init__(self, base: Path, count: int) -> None:
        self.root, self.shadow, self.base = base / "project", base / "shadow.git", base
        self.count = count
        for number in range(count):
            path = self.path(number)
            if number % 50 == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"value_{number} = {number}\n" * (number % 60 + 5))
        (self.root / ".mazu").mkdir()
        (self.root / ".mazu" / ".gitignore").write_text("*\n")
        self.git("init", "-q", "--bare", str(self.shadow))
        self.git("config", "gc.auto", "0")

    def path(self, number: int) -> Path:
        return self.root / f"d{number // 1000:03d}" / f"s{number // 50 % 20:02d}" / f"file_{number}.py"

    def change(self, count: int, number: int = 0) -> list[Path]:
        """Change so many files, spread over the folder."""
        step = max(1, self.count // max(count, 1))
        paths = [self.path(n * step) for n in range(count)]
        for path in paths:
            path.write_text(f"changed {number} {time.time_ns()}\n")
        return paths

    def git(self, *arguments: str, index: str = "index") -> None:
        who = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {**os.environ, **who, "GIT_DIR": str(self.shadow), "GIT_INDEX_FILE": str(self.shadow / index)}
        if arguments[0] != "init":
            env["GIT_WORK_TREE"] = str(self.root)
        subprocess.run(
            ["git", *([] if arguments[0] == "init" else ["-c", "core.bare=false"]), *arguments],
            env=env if arguments[0] != "init" else os.environ,
            cwd=self.root,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    async def private_index(self, _: int = 0) -> None:
        """`git add -A` and `git write-tree` with an index of its own."""
        self.git("add", "-A", index="private")
        self.git("write-tree", index="private")

    async def shadow_commit(self, _: int = 0) -> None:
        """What most tools do."""
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "checkpoint")


async def settled(engine: Checkpoints) -> None:
    """Wait for what a checkpoint does behind its caller's back."""
    await engine.upkeep.idle()


async def one_size(base: Path, count: int, walker: Path) -> None:
    folder = Folder(base, count)
    os.sync()
    print(f"\n{count} files: CPU ms (wall ms), ratio")

    def walk() -> None:
        subprocess.run([str(walker), str(folder.root)], check=True)

    walked = await cost(lambda _: asyncio.to_thread(walk))
    line("bare walk in C", walked)
    cold = await cost(folder.private_index, runs=1)
    line("first: git add -A, write-tree, cold", cold)
    await folder.shadow_commit()
    engine = await open_engine([folder.root], base / "state")
    try:
        first = await cost(lambda _: engine.take(kind="manual"), runs=1)
        line("first: ours", first, cold, "of cold git add (at most 0.33)")
        line("  and its scan index, in the background", await cost(lambda _: settled(engine), runs=1))
        await asyncio.sleep(2.2)  # git and we trust a file only when its last change is some seconds old
        await engine.take(kind="manual")
        await settled(engine)
        for changed in (0, 1, 100):
            await changes(folder, engine, changed, walked)
        await steps(folder, engine, walked)
        for changed in (1, 100):
            await rollbacks(folder, engine, changed)
    finally:
        await engine.close()


async def steps(folder: Folder, engine: Checkpoints, walked: Cost) -> None:
    """A step after which somebody else changed a file: with the watch, whatever a full look costs, and without it."""
    dirty = engine._project.dirty
    cheap, dirty_set.CHEAP_SECONDS = dirty_set.CHEAP_SECONDS, 0.0
    began = await cost(lambda _: engine.take(kind="baseline"), runs=1)
    await settled(engine)

    async def step(_: int) -> None:
        await engine.take(kind="step", touched=[])

    def prepare(number: int) -> None:
        folder.change(1, number)

    if dirty.watch is not None:
        line("the look that starts the watch", began, walked)
        line("a step, with the watch", await cost(step, prepare, runs=9), walked, "(at most 5 ms)")
        assert not engine.looked_everywhere
        kept = f"{len(dirty.watch)} folders, about {dirty.watch.bytes / 1024:.0f} KiB with the kernel's part"
        print(f"  {'  what the watch takes':48} {kept}")
        await settled(engine)
    dirty.close()
    dirty._unavailable = "switched off by the benchmark"
    line("a step, without the watch", await cost(step, prepare), walked)
    await settled(engine)
    dirty_set.CHEAP_SECONDS, dirty._unavailable = cheap, ""


async def changes(folder: Folder, engine: Checkpoints, changed: int, walked: Cost) -> None:
    def prepare(number: int) -> None:
        folder.change(changed, number)

    line(
        f"{changed} changed: private index, add and write-tree",
        await cost(folder.private_index, prepare),
        walked,
    )
    line(f"{changed} changed: shadow add . and commit", await cost(folder.shadow_commit, prepare), walked)

    async def full(_: int) -> None:
        await engine.take(kind="step")

    limit = "of the walk (at most 1.6)" if changed < 100 else "(at most 40 ms)"
    line(f"{changed} changed: ours, full scan", await cost(full, prepare), walked, limit)
    await settled(engine)
    if changed:
        paths: list[Path] = []

        async def known(_: int) -> None:
            await engine.take(kind="step", touched=paths)

        found = await cost(known, lambda n: paths.__setitem__(slice(None), folder.change(changed, n)), runs=9)
        line(
            f"{changed} changed: ours, known paths (a full look where that is cheap)",
            found,
            None,
            "(at most 5 ms)" if changed == 1 else "(at most 40 ms)",
        )
        await settled(engine)


async def rollbacks(folder: Folder, engine: Checkpoints, changed: int) -> None:
    """Back to where `changed` files were different."""
    target = await engine.take(kind="manual")
    await folder.shadow_commit()

    def prepare(number: int) -> None:
        folder.change(changed, number)

    async def reset(_: int) -> None:
        folder.git("reset", "-q", "--hard")

    async def back(_: int) -> None:
        report = await (await engine.plan(target.id)).apply("overwrite")
        assert report.verified

    async def safety(_: int) -> None:
        await engine.take(kind="safety")

    reset_cost = await cost(reset, prepare)
    line(f"back, {changed} changed: git reset --hard", reset_cost)
    line(f"back, {changed} changed: ours, with preview and safety", await cost(back, prepare))
    await engine.take(kind="manual")
    scans = await cost(safety, prepare)
    line("  a safety checkpoint", scans)
    plan = await engine.plan(target.id)
    applied = await cost(lambda _: plan.apply("overwrite"), prepare)
    line("  the rollback and its safety, without preview", applied, reset_cost, "of git reset --hard")
    alone = applied.median - scans.median
    ratio = f"{alone / reset_cost.median:6.2f} x  of git reset --hard (one: at most 5 ms)"
    print(f"  {'  the same less the safety checkpoint':48} {alone:9.1f}  {ratio}")
    await settled(engine)


async def memory(base: Path, count: int) -> None:
    """What the project's memory adds to a checkpoint, with the tables and files of the product."""
    root = base / "remembering"
    (root / ".mazu").mkdir(parents=True)
    engine = await open_engine([root], base / "state", [MemoryPart()])
    try:
        db = engine._store.connection
        rows = EntryTable(db, "project")
        numbers = list[int]()
        with db:
            numbers += [
                rows.insert(MemoryEntry(title=f"fact {n}", body=f"the body of fact {n}\n"))
                for n in range(count)
            ]
        print(f"\n{count} memories, one changed")
        line("first checkpoint", await cost(lambda _: engine.take(kind="manual"), runs=1))
        found: list[int] = []
        later = Cost()
        for number in range(RUNS):
            await settled(engine)
            with db:
                rows.put(MemoryEntry(n=numbers[count // 2], title=f"changed {number}"))
            with later.measured():
                found.append((await engine.take(kind="step", touched=[])).bytes)
        line("a checkpoint", later)
        print(f"  {'bytes':48} {statistics.median(found):9.0f}  (at most 15000)")
    finally:
        await engine.close()


async def many(base: Path, count: int) -> None:
    root = base / "many"
    (root / ".mazu").mkdir(parents=True)
    engine = await open_engine([root], base / "state")
    costs = [Cost() for _ in range(count)]
    background = Cost()
    try:
        for number, one in enumerate(costs):
            file = root / f"f{number % 50}.txt"
            file.write_text(f"{number}\n")
            with one.measured():
                await engine.take(kind="step", touched=[file])
            with background.measured():
                await settled(engine)
    finally:
        await engine.close()
    early, late = Cost(), Cost()
    early.cpu, early.wall = ([v for c in costs[5:15] for v in getattr(c, what)] for what in ("cpu", "wall"))
    late.cpu, late.wall = ([v for c in costs[-10:] for v in getattr(c, what)] for what in ("cpu", "wall"))
    print(f"\n{count} checkpoints")
    line("the tenth", early)
    line(f"the {count}th", late, early, "of the tenth (at most 1.5)")
    print(
        f"  {'in the background, each':48} {statistics.mean(background.cpu):9.1f} ({statistics.mean(background.wall):.1f})"
    )


async def run(sizes: list[int], memories: int, checkpoints: int, folder: Path) -> None:
    source, walker = folder / "walk.c", folder / "walk"
    source.write_text(WALK)
    compiler = shutil.which("cc") or "gcc"
    await asyncio.to_thread(subprocess.run, [compiler, "-O2", "-o", str(walker), str(source)], check=True)
    for size in sizes:
        base = folder / str(size)
        await one_size(base, size, walker)
        shutil.rmtree(base)
    await memory(folder / "memory", memories)
    await many(folder / "many", checkpoints)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where to work (default: the temporary directory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(run(options.files, options.memories, options.many, Path(folder)))


if __name__ == "__main__":
    main()
