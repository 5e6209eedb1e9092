"""The grep tool over 10,000 files, beside plain ripgrep on the same files; then our own search, beside `grep -r` and ripgrep.

    python benchmarks/grep_speed.py [FILES=10000]

Prints the median of five runs as wall and CPU time (children included), and the ratio to the baseline.
"""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mazu_ls.tools.search import content_search
from mazu_ls.tools.search.tools import name_matcher
from mazu_ls.workspace import Workspace

RUNS = 5
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "return",
    "import",
    "self",
    "value",
    "config",
    "index",
    "total",
    "handler",
]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, count)
        for pattern in ("needle_here", r"def \w+_handler\(", "return"):
            print(f"pattern {pattern!r}, {count} files")
            compare(root, pattern)


def compare(root: Path, pattern: str) -> None:
    """Print ours beside the baseline, with ripgrep and without."""
    if (ripgrep := shutil.which("rg")) is not None:
        base = measure(lambda: quiet([ripgrep, "--json", "--hidden", "--no-config", pattern, str(root)]))
        report("  grep tool with ripgrep", measure(lambda: search(root, pattern)), "rg", base)
    base = measure(lambda: quiet(["grep", "-rnE", pattern.replace(r"\w", "[[:alnum:]_]"), str(root)]))
    found, content_search.shutil.which = content_search.shutil.which, lambda _: None
    own = measure(lambda: search(root, pattern))
    report("  grep tool without it", own, "grep -r", base)
    if ripgrep is not None:
        base = measure(lambda: quiet([ripgrep, "--json", "--hidden", "--no-config", pattern, str(root)]))
        report("  the same", own, "rg", base)
    content_search.shutil.which = found


def make(root: Path, count: int) -> None:
    """Files of about 80 lines, one in 500 with the needle."""
    chance = random.Random(1)
    for number in range(count):
        folder = root / f"pkg{number % 100}"
        folder.mkdir(exist_ok=True)
        lines = [" ".join(chance.choices(WORDS, k=7)) for _ in range(80)]
        lines += [f"def f{number}_handler(self):"] if number % 50 == 0 else []
        lines += ["needle_here"] if number % 500 == 0 else []
        (folder / f"m{number}.py").write_text("\n".join(lines), encoding="utf-8")


def search(root: Path, pattern: str) -> None:
    import re

    wanted = content_search.SearchRequest(
        re.compile(pattern), pattern, False, False, name_matcher("*.py"), "*.py", 0, 200
    )
    asyncio.run(content_search.search(Workspace([root]), [root], wanted, {}))


def quiet(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def measure(work: Callable[[], None]) -> tuple[float, float]:
    """Median wall and CPU seconds."""
    walls, cpus = [], []
    for _ in range(RUNS):
        started, cpu = time.perf_counter(), used()
        work()
        walls.append(time.perf_counter() - started)
        cpus.append(used() - cpu)
    return statistics.median(walls), statistics.median(cpus)


def used() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def report(name: str, ours: tuple[float, float], base_name: str, base: tuple[float, float]) -> None:
    print(
        f"{name:26} {ours[0] * 1000:7.0f} ms wall {ours[1] * 1000:7.0f} ms CPU   {base_name}: {base[0] * 1000:.0f} ms wall"
        f" {base[1] * 1000:.0f} ms CPU   ratio {ours[0] / base[0]:.2f} wall {ours[1] / base[1]:.2f} CPU"
    )


if __name__ == "__main__":
    main()
