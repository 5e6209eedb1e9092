"""Every figure that has a goal, in one table: today's, the goal, and a baseline that was measured in the same run.

    python benchmarks/figures.py [--only WORD ...] [--write docs/figures.md] [--files 100000] [--repeat 3]

CPU is user and system time of the process and its children; wall time means little on a busy machine, so the table is headed by the load.
Each figure is measured in a process or a folder of its own; one that fails is shown as failed, not left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import statistics
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import checkpoint_speed  # noqa: E402
import figures_of_server as of_server  # noqa: E402
import figures_of_session as of_session  # noqa: E402
import open_document_round  # noqa: E402
import spawn  # noqa: E402
import tool_round  # noqa: E402


class Figure(NamedTuple):
    """One line. `today`, `goal` and `baseline` are in `unit`; the goal is at most."""

    name: str
    today: float
    goal: float
    unit: str
    baseline: float | None
    baseline_name: str

    @property
    def is_reached(self) -> bool:
        return self.today <= self.goal


class Options(NamedTuple):
    """What the command line says."""

    files: int
    repeat: int


def initialize(options: Options) -> Iterator[Figure]:
    """`initialize` beside bare pygls."""
    commands = {"bare": [sys.executable, "-c", spawn.BARE], "ours": [sys.executable, "-m", "mazu_ls"]}
    found: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 * options.repeat + 1):
            for name, command in commands.items():
                cost = spawn.measure(command, folder)[0]
                if number:  # the first one warms the caches
                    found[name].append(cost.cpu)
    bare, ours = (statistics.median(found[name]) for name in ("bare", "ours"))
    yield Figure(
        "initialize: CPU, times bare pygls", ours / bare, 0.6, "x", 1.0, f"bare pygls: {bare:.0f} ms"
    )


def tool_rounds(options: Options) -> Iterator[Figure]:
    """A tool round in a terminal and through the server, beside bare loops."""
    tool_round.measure(3, False, True)
    for edit, cpu_goal, wall_goal in ((True, 2.5, 3.0), (False, 1.2, 1.5)):
        what = "with a checkpoint" if edit else "without a change"
        rows = {
            mine: [tool_round.measure(30, edit, mine) for _ in range(options.repeat)]
            for mine in (False, True)
        }
        bare, ours = (
            [statistics.median(run[i] for run in rows[mine]) for i in (0, 1)] for mine in (False, True)
        )
        name = f"bare SDK loop: {bare[0]:.1f} ms CPU, {bare[1]:.1f} wall"
        yield Figure(f"tool round {what}, terminal: CPU", ours[0] / bare[0], cpu_goal, "x", 1.0, name)
        yield Figure(f"tool round {what}, terminal: wall", ours[1] / bare[1], wall_goal, "x", 1.0, name)
    bare_round = statistics.median(of_server.bare_round(30) for _ in range(options.repeat))
    server = statistics.median(of_server.server_round(30) for _ in range(options.repeat))
    name = f"bare synchronous SDK loop: {bare_round:.1f} ms CPU"
    yield Figure("tool round with a checkpoint, LSP server: CPU", server / bare_round, 3.5, "x", 1.0, name)
    opened = statistics.median(open_document_round.open_document_round(30) for _ in range(options.repeat))
    what = "the same, the file open in the editor (applyEdit): CPU"
    yield Figure(what, opened / bare_round, 3.5, "x", 1.0, name)


def rollbacks(options: Options) -> Iterator[Figure]:
    """A rollback at 10,000 files, with preview and safety checkpoint."""

    async def measured() -> dict[int, tuple[float, float]]:
        found: dict[int, tuple[float, float]] = {}
        with tempfile.TemporaryDirectory() as place:
            folder = checkpoint_speed.Folder(Path(place) / "10000", 10_000)
            await folder.shadow_commit()
            engine = await checkpoint_speed.open_engine([folder.root], Path(place) / "state")
            try:
                await engine.take(kind="manual")
                await checkpoint_speed.settled(engine)
                await asyncio.sleep(2.2)  # a file is trusted only when its last change is some seconds old
                await engine.take(kind="manual")
                await checkpoint_speed.settled(engine)
                for changed in (1, 100):
                    found[changed] = await one(folder, engine, changed)
            finally:
                await engine.close()
        return found

    async def one(folder: Any, engine: Any, changed: int) -> tuple[float, float]:
        target = await engine.take(kind="manual")
        await folder.shadow_commit()

        async def reset(_: int) -> None:
            folder.git("reset", "-q", "--hard")

        async def back(_: int) -> None:
            report = await (await engine.plan(target.id)).apply("overwrite")
            assert report.verified

        git = await checkpoint_speed.cost(reset, lambda number: folder.change(changed, number))
        ours = await checkpoint_speed.cost(back, lambda number: folder.change(changed, number))
        await checkpoint_speed.settled(engine)
        return ours.median, git.median

    found = asyncio.run(measured())
    for changed, goal in ((1, 10.0), (100, 40.0)):
        ours, git = found[changed]
        yield Figure(f"rollback of {changed} of 10,000 files: CPU", ours, goal, "ms", git, "git reset --hard")


def first_turns(options: Options) -> Iterator[Figure]:
    """Memory after the first turn, and what it takes from spawn to the first model request."""
    for sdk in ("anthropic", "openai"):
        ours = of_server.resident_after_turn(sdk)
        bare = of_server.bare_resident(sdk)
        yield Figure(
            f"RSS after the first turn, {sdk} SDK", ours, 100, "MiB", bare, f"bare {sdk} SDK program"
        )
    bare = [of_server.until_request(of_server.BARE_REQUEST) for _ in range(options.repeat)]
    terminal = [of_server.until_request(of_server.TERMINAL_CHAT) for _ in range(options.repeat)]
    server = [of_server.until_request(None) for _ in range(options.repeat)]
    for what, runs in (("terminal", terminal), ("server", server)):
        wall, cpu = (statistics.median(run[i] for run in runs) for i in (0, 1))
        base_wall, base_cpu = (statistics.median(run[i] for run in bare) for i in (0, 1))
        yield Figure(
            f"spawn to first model request, {what}: wall", wall, 900, "ms", base_wall, "bare SDK program"
        )
        yield Figure(
            f"spawn to first model request, {what}: CPU", cpu, 900, "ms", base_cpu, "bare SDK program"
        )


def big_project(options: Options) -> Iterator[Figure]:
    """The first turn of a big project."""
    cpu, rss = of_server.first_turn_of_big_project(options.files)
    small_cpu, small_rss = of_server.first_turn_of_big_project(10)
    bare = statistics.median(
        of_server.until_request(of_server.BARE_REQUEST)[1] for _ in range(options.repeat)
    )
    count = f"{options.files:,} files"
    name = f"the same with 10 files; a bare SDK program: {bare:.0f} ms"
    yield Figure(f"first turn at {count}: CPU before the call", cpu, 400, "ms", small_cpu, name)
    yield Figure(
        f"first turn at {count}: RSS with children", rss, 250, "MiB", small_rss, "the same with 10 files"
    )


def growth(options: Options) -> Iterator[Figure]:
    """Long sessions."""
    ours, bare = of_session.resume(20_000)
    yield Figure("resume of 20,000 events: CPU", ours, 1000, "ms", bare, "json.loads of each line")
    largest, compactions, uncut = of_session.long_session(500)
    name = f"all that was said; compacted {compactions} times"
    yield Figure("500 turns: the largest request", largest, uncut / 2, "KB", uncut, name)


GROUPS: dict[str, Callable[[Options], Iterator[Figure]]] = {
    "initialize": initialize, "tool_rounds": tool_rounds, "rollbacks": rollbacks, "first_turns": first_turns, "big_project": big_project,
    "growth": growth,
}  # fmt: skip


TITLES = {
    "initialize": "Start of the server", "tool_rounds": "Tool rounds", "rollbacks": "Rollbacks", "first_turns": "First turn",
    "big_project": "First turn of a big project", "growth": "Long sessions",
}  # fmt: skip


def measured(group: str, options: Options) -> Iterator[Figure | str]:
    """Figures one after the other; of a group that fails the error."""
    try:
        yield from GROUPS[group](options)
    except Exception as error:  # noqa: BLE001 - the other figures are wanted all the same
        traceback.print_exc()
        yield f"{group}: failed ({type(error).__name__}: {error})"


def head() -> str:
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{when}, {os.cpu_count()} cores, load {loads}, Python {platform.python_version()}"


def number(value: float, unit: str) -> str:
    """Three digits that count."""
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"


def row(found: Figure | str) -> str:
    if isinstance(found, str):
        return f"| {found} | | | | |"
    base = "" if found.baseline is None else f"{number(found.baseline, found.unit)} "
    state = "reached" if found.is_reached else "not reached"
    today, goal = number(found.today, found.unit), number(found.goal, found.unit)
    return f"| {found.name} | {today} | {goal} | {state} | {base}({found.baseline_name}) |"


PAGE = """# Figures

Written by `make figures`, which is `python benchmarks/figures.py --write docs/figures.md`: what is measured today, what it should be at most, and a baseline of
the same run. Each table says when it was measured and how busy the machine was; at a load of 20 CPU time doubles and wall
time means nothing, for the baseline too, so that only the ratio of the two can be compared.
"""


def write(page: Path, title: str, table: list[str]) -> None:
    """Put the table of one group in the place of the former one; the other tables stay."""
    text = page.read_text() if page.exists() else PAGE
    sections = dict(re.findall(r"(?ms)^## ([^\n]+)\n(.*?)(?=^## |\Z)", text))
    sections[title] = "\n" + "\n".join(table) + "\n\n"
    known = [TITLES[group] for group in GROUPS]
    body = "".join(f"## {name}\n\n{sections[name].strip()}\n\n" for name in known if name in sections)
    page.write_text(PAGE + "\n" + body.rstrip("\n") + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=[*GROUPS], default=[*GROUPS])
    parser.add_argument(
        "--write", type=Path, help="the page to write, such as docs/figures.md; tables of other groups stay"
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    columns = [
        "",
        "| figure | today | at most | | baseline of the same run |",
        "| --- | --- | --- | --- | --- |",
    ]
    print(*columns[1:], sep="\n", flush=True)
    # each process that starts git looks at what killed ones left in the temporary folder: that is not what is measured
    with tempfile.TemporaryDirectory(prefix="figures-") as fresh:
        os.environ["TMPDIR"] = tempfile.tempdir = fresh
        for group in given.only:
            table = [head(), *columns]
            for found in measured(group, Options(given.files, given.repeat)):
                table.append(row(found))
                print(table[-1], flush=True)
            if given.write is not None:
                write(given.write, TITLES[group], table)
    print(head())


if __name__ == "__main__":
    main()
