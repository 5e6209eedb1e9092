"""The project map of a generated repository: the first reading, one changed file, a new start; beside bare reading and parsing.

    python benchmarks/project_map.py [--files 10000] [--changes 20] [--root FOLDER]

With --root an existing project is measured instead (its files are not changed then).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mazu_ls.agent.project_map.client import ProjectMap
from mazu_ls.agent.project_map.files import list_source_files
from mazu_ls.syntax import language_of
from mazu_ls.syntax.grammar import parse
from mazu_ls.workspace import Workspace

BUDGET = 1000
WORDS = tuple(
    """
    book rate money ledger total entry account audit batch claim draft event field graph index ledge merge order
    """.split()  # noqa: SIM905 - a list of words reads better as a text
)


def generate(root: Path, count: int) -> None:
    """A repository of Python, TypeScript and Go files of about 4 KB that use each other's names."""
    rng = random.Random(7)
    names = ["".join(word.title() for word in rng.sample(WORDS, 3)) + str(n) for n in range(count)]
    for number, name in enumerate(names):
        used = [names[int(number * rng.random() ** 2)] for _ in range(6)]
        folder = root / f"part{number // 100}"
        folder.mkdir(exist_ok=True)
        write = (python, typescript, go)[number % 3]
        (folder / f"unit{number}.{('py', 'ts', 'go')[number % 3]}").write_text(write(name, used, rng))
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)


def python(name: str, used: list[str], rng: random.Random) -> str:
    imports = "".join(f"from project import {other}, make_{other}\n" for other in used)
    methods = "".join(
        f"    def {rng.choice(WORDS)}_{n}(self, other: {used[n % 6]}, at: int = {n}) -> {name} | None:\n"
        f'        """Reckon the {rng.choice(WORDS)} of the other one."""\n'
        f"        total = sum(entry.{rng.choice(WORDS)} for entry in other.{rng.choice(WORDS)}_{n}(self, at + 1))\n"
        f"        return make_{used[n % 6]}(total) if total > at else None  # when nothing is due\n\n"
        for n in range(11)
    )
    return f"{imports}\nclass {name}({used[0]}):\n{methods}\ndef make_{name}(total: int) -> {name}:\n    return {name}(total)\n"


def typescript(name: str, used: list[str], rng: random.Random) -> str:
    imports = "".join(f"import {{ {other}, make{other} }} from './{other}';\n" for other in used)
    methods = "".join(
        f"  {rng.choice(WORDS)}{n}(other: {used[n % 6]}, at: number = {n}): {name} | undefined {{\n"
        f"    // reckon the {rng.choice(WORDS)} of the other one\n"
        f"    const total = other.{rng.choice(WORDS)}.map((entry) => entry.{rng.choice(WORDS)} + at);\n"
        f"    return total.length > at ? make{used[n % 6]}(total.length) : undefined;\n  }}\n\n"
        for n in range(14)
    )
    made = f"export function make{name}(total: number): {name} {{ return new {name}(total); }}\n"
    return f"{imports}\nexport class {name} extends {used[0]} {{\n{methods}}}\n{made}"


def go(name: str, used: list[str], rng: random.Random) -> str:
    methods = "".join(
        f"func (b *{name}) {rng.choice(WORDS).title()}{n}(other *{used[n % 6]}, at int) (*{name}, error) {{\n"
        f"\t// reckon the {rng.choice(WORDS)} of the other one\n"
        f"\ttotal := other.{rng.choice(WORDS).title()}(at) + len(b.{rng.choice(WORDS)})\n"
        f'\tif total > at {{\n\t\treturn nil, fmt.Errorf("nothing is due at %d", at)\n\t}}\n'
        f"\treturn Make{used[n % 6]}(total), nil\n}}\n\n"
        for n in range(14)
    )
    return f"package part\n\ntype {name} struct {{ {used[0]} }}\n\n{methods}func Make{name}(total int) *{name} {{ return nil }}\n"


def cpu() -> float:
    """Seconds of this process and of those it waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def report(name: str, wall: float, spent: float | None, note: str = "") -> None:
    print(f"{name:<42}{wall:9.3f} s wall {'' if spent is None else f'{spent:8.3f} s CPU'}  {note}")


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, float, Any]:
    """Wall and CPU seconds, and what came of it; the work must end its processes for their CPU to count."""
    began, spent = time.perf_counter(), cpu()
    result = await work()
    return time.perf_counter() - began, cpu() - spent, result


async def lag(stop: asyncio.Event) -> float:
    """The longest time for which the event loop did not come round, in seconds."""
    worst = 0.0
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - began - 0.001)
    return worst


async def measure(root: Path, state: Path, changes: int) -> None:
    workspace = Workspace([root])
    paths = [Path(os.fsdecode(path)) for path in list_source_files([root])]
    began, spent = time.perf_counter(), cpu()
    data = [(path.read_bytes(), language_of(path) or "") for path in paths]
    bare = time.perf_counter() - began
    size = sum(len(text) for text, _ in data) / 1e6
    report("bare read of all files", bare, cpu() - spent, f"{len(data)} files, {size:.1f} MB")
    began, spent = time.perf_counter(), cpu()
    for text, language in data:
        parse(text, language)
    parsing = time.perf_counter() - began
    report("bare tree-sitter parse, one process", parsing, cpu() - spent)

    async def cold() -> float:
        stop = asyncio.Event()
        watch = asyncio.create_task(lag(stop))
        project = ProjectMap(workspace, state)
        await project.render(BUDGET)
        stop.set()
        await project.close()
        return await watch

    wall, spent, worst = await timed(cold)
    report(
        "map, first reading",
        wall,
        spent,
        f"{wall / (bare + parsing):.2f} x bare wall; event loop late by {worst * 1e3:.1f} ms at most",
    )

    async def again() -> str:
        project = ProjectMap(workspace, state)
        text = await project.render(BUDGET)
        await project.close()
        return text

    wall, spent, _ = await timed(again)
    report("map, new process, nothing changed", wall, spent)
    if changes:
        await measure_changes(ProjectMap(workspace, state), paths, changes)


async def measure_changes(project: ProjectMap, paths: list[Path], changes: int) -> None:
    await project.render(BUDGET)
    before, walls = cpu(), []
    for number in range(changes):
        path = paths[number * 37 % len(paths)]
        path.write_text(path.read_text() + "\n\n")
        began = time.perf_counter()
        await project.render(BUDGET, [project_path(path, paths)])
        walls.append(time.perf_counter() - began)
    await project.close()
    report(
        "map, one file changed, median",
        statistics.median(walls),
        (cpu() - before) / changes,
        "CPU with a share of the start",
    )
    report("map, one file changed, worst", max(walls), None)


def project_path(path: Path, paths: list[Path]) -> str:
    """The path from the root that all have in common."""
    return str(path.relative_to(os.path.commonpath(paths)))


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--files", type=int, default=10_000)
    arguments.add_argument("--changes", type=int, default=20)
    arguments.add_argument("--root", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state, root = Path(folder) / "state", given.root or Path(folder) / "project"
        state.mkdir()
        if not given.root:
            root.mkdir()
            generate(root, given.files)
        asyncio.run(measure(root.resolve(), state, 0 if given.root else given.changes))


if __name__ == "__main__":
    main()
