"""A thread swaps a folder for a link to the outside while another reads and writes through it, or takes checkpoints.

    python benchmarks/path_race.py [SWAPS=20000] [--fallback]

Prints attempts, successes, refusals and escapes; exits 1 at the first escape. `--fallback` uses the walk by O_NOFOLLOW
instead of openat2. The baseline is a plain open(2) of the same path in the same race, which does escape.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.config.config import CheckpointSettings
from mazu_ls.errors import MazuError
from mazu_ls.platform import openat2
from mazu_ls.workspace import UNCHECKED, Workspace, project_files

OUTSIDE = b"outside"
RENAME_EXCHANGE = 2


def main() -> int:
    swaps = int(next((a for a in sys.argv[1:] if a.isdigit()), "20000"))
    if "--fallback" in sys.argv:
        openat2.is_available = lambda: False
    escapes = 0
    for name, attack in (
        ("plain open (baseline)", plain),
        ("workspace", guarded),
        ("project files", project),
    ):
        counts, seconds = race(swaps, attack)
        print(f"{name:22} {swaps} swaps in {seconds:.1f} s: {dict(sorted(counts.items()))}")
        escapes += counts["escaped"] if attack is not plain else 0
    counts, seconds = asyncio.run(checkpoint_race(max(50, swaps // 100)))
    print(f"{'checkpoints':22} {counts['taken']} in {seconds:.1f} s: {dict(sorted(counts.items()))}")
    return 1 if escapes + counts["escaped"] else 0


async def checkpoint_race(taken: int) -> tuple[Counter[str], float]:
    """Take checkpoints while a folder with a file is swapped for a link; how many hold the outside file's bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        root, outside = Path(scratch, "proj"), Path(scratch, "outside")
        for folder in (root / "race/deep", outside / "deep"):
            folder.mkdir(parents=True)
        for inside, data in ((root, b"inside"), (outside, OUTSIDE)):
            (inside / ("race/deep/a" if inside == root else "deep/a")).write_bytes(data)
        (root / "link").symlink_to(outside)
        engine = await Checkpoints.open(
            [root], Path(scratch, "memory.db"), Path(scratch, "state"), (), CheckpointSettings()
        )
        counts, done, started = Counter[str](), threading.Event(), time.perf_counter()
        swapper = threading.Thread(target=swap_until, args=(root, done))
        swapper.start()
        try:
            for number in range(taken):
                touched = [root / "race/deep/a"] if number % 2 else None
                (root / "tick").write_text(str(number))
                checkpoint = await engine.take(kind="manual", touched=touched)
                counts["taken"] += 1
                counts[await held(engine, checkpoint.id)] += 1
        finally:
            done.set()
            swapper.join()
            await engine.close()
        return counts, time.perf_counter() - started


async def held(engine: Checkpoints, id: str) -> str:
    """Whose file a checkpoint holds in the swapped folder, by whichever name."""
    texts = [(await engine.file_text(id, path))[0] for path in ("race/deep/a", "link/deep/a")]
    if OUTSIDE.decode() in texts:
        return "escaped"
    return "inside" if "inside" in texts else "missing"


def race(swaps: int, attack: Callable[[Workspace, Path], bytes | None]) -> tuple[Counter[str], float]:
    with tempfile.TemporaryDirectory() as scratch:
        root, outside = Path(scratch, "proj"), Path(scratch, "outside")
        for folder in (root / "race", outside):
            folder.mkdir(parents=True)
        (root / "race/a").write_bytes(b"inside")
        (outside / "a").write_bytes(OUTSIDE)
        (root / "link").symlink_to(outside)
        workspace, counts, done = Workspace([root]), Counter[str](), threading.Event()
        started = time.perf_counter()
        swapper = threading.Thread(target=swap, args=(root, swaps, done))
        swapper.start()
        while not done.is_set():
            counts[outcome(attack, workspace, root / "race/a")] += 1
        swapper.join()
        counts["escaped"] += any(p.read_bytes() != OUTSIDE for p in outside.iterdir())
        return counts, time.perf_counter() - started


def swap(root: Path, times: int, done: threading.Event) -> None:
    """Exchange the folder and the link so many times."""
    try:
        for _ in range(times):
            exchange(root)
            time.sleep(0)
    finally:
        done.set()


def swap_until(root: Path, done: threading.Event) -> None:
    """Exchange the folder and the link until `done`."""
    while not done.is_set():
        exchange(root)
        time.sleep(0.0005)


def exchange(root: Path) -> None:
    """renameat2(2) with RENAME_EXCHANGE: at every moment `race` is either the folder or the link."""
    renameat2, here = ctypes.CDLL(None, use_errno=True).renameat2, -100
    names = (os.fsencode(root / "race"), os.fsencode(root / "link"))
    if renameat2(here, names[0], here, names[1], RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2")


def outcome(attack: Callable[[Workspace, Path], bytes | None], workspace: Workspace, path: Path) -> str:
    try:
        return "escaped" if attack(workspace, path) == OUTSIDE else "inside"
    except MazuError:
        return "refused"
    except OSError:
        return "missing"


def project(workspace: Workspace, _: Path) -> bytes:
    return project_files.read_file(workspace.roots[0], "race/a", 100)


def plain(_: Workspace, path: Path) -> bytes:
    return path.read_bytes()


def guarded(workspace: Workspace, _: Path) -> bytes | None:
    place = workspace.resolve("race/a")
    found = workspace.read_bytes(place)
    if found != OUTSIDE:
        workspace.write_bytes(place, b"inside", expect=UNCHECKED)
    return found


if __name__ == "__main__":
    sys.exit(main())
