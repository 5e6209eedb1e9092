"""Kills an agent's turns with SIGKILL while the user saves between its steps, restarts, and undoes the turn.

    python benchmarks/kill_turns.py [--kills 300] [--seed 1]

Each turn runs in a process of its own: baseline, an edit, a save of the user's, a step, a command, another save, the last
step. After the kill a new process undoes it. Exit status 0 means: the agent's files were as before the turn, no save of the
user's was lost or taken back, and a question was asked only where a command was killed in its middle.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.kill_harness import killed, spawn
from tests.checkpoints.bed import open_engine

EDITED, MADE, MINE, ALSO_MINE = "edited.py", "made.txt", "mine.txt", "sub/also-mine.txt"
SESSION = "s"


def save(path: Path, text: str) -> None:
    """As programs save: beside it, then renamed."""
    draft = path.with_name(f".{path.name}~")
    draft.write_text(text)
    draft.replace(path)


async def turn(root: Path, state: Path, number: int) -> None:
    """One turn of the agent, and the user beside it."""
    engine = await open_engine([root], state)
    ids = {"session_id": SESSION, "turn_id": f"t{number}"}
    await engine.take(kind="baseline", label=f"before: {number}", session_id=SESSION, turn_id=ids["turn_id"])
    before, after = (root / EDITED).read_text(), f"agent {number}\n"
    await engine.record_edit(SESSION, root / EDITED, before, after)
    save(root / EDITED, after)
    save(root / MINE, f"user {number} between\n")
    await engine.take(kind="step", session_id=SESSION, turn_id=ids["turn_id"], touched=[root / EDITED])
    command = await engine.begin_command(SESSION, ())
    save(root / MADE, f"command {number}\n")
    await engine.end_command(command, ())
    save(root / ALSO_MINE, f"user {number} later\n")
    await engine.take(kind="step", session_id=SESSION, turn_id=ids["turn_id"], touched=[])
    await engine.close()


async def undo(root: Path, state: Path, number: int, tally: Counter[str]) -> None:
    """Undo the turn in a new process' place, and compare."""
    users = {name: (root / name).read_text() for name in (MINE, ALSO_MINE)}
    engine = await open_engine([root], state)
    try:
        found = [
            one
            for one in (await engine.list(20))[0]
            if one.turn_id == f"t{number}" and one.kind == "baseline"
        ]
        if not found:
            tally["killed before the baseline"] += 1
            return
        report = await (await engine.plan(found[0].id, session=SESSION, own=True)).apply("spare")
        if report.undecided:
            tally["questions"] += 1
            files = {conflict.path for conflict in report.plan.conflicts}
            tally["questions about the user's files"] += bool(files & users.keys())
            report = await (await engine.plan(found[0].id, session=SESSION, own=True)).apply("agents")
            users = {name: text for name, text in users.items() if name not in files}
        tally["undone"] += 1
        tally["not verified"] += not report.verified
        tally["agent's files left"] += (root / EDITED).read_text() != "first\n" or (root / MADE).exists()
        tally["user's saves lost"] += any((root / name).read_text() != text for name, text in users.items())
    finally:
        await engine.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    importlib.import_module("git")
    chance, tally, kills, runs = random.Random(options.seed), Counter[str](), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        root, state = Path(folder) / "project", Path(folder) / "state"
        (root / "sub").mkdir(parents=True)
        for name in (MINE, ALSO_MINE, EDITED):
            (root / name).write_text("first\n")
        longest = 0.3
        while kills < options.kills:
            runs += 1
            number, began = runs, time.perf_counter()
            delay = None if runs <= 3 else chance.random() * longest
            if killed(spawn(lambda number=number: turn(root, state, number)), delay):
                kills += 1
            elif delay is None:
                longest = time.perf_counter() - began
            asyncio.run(undo(root, state, number, tally))
            save(root / EDITED, "first\n")
            (root / MADE).unlink(missing_ok=True)
    print(f"{kills} kills in {runs} turns")
    for name in sorted(tally):
        print(f"  {name:40} {tally[name]}")
    wrong = ("not verified", "agent's files left", "user's saves lost", "questions about the user's files")
    return 1 if any(tally[name] for name in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
