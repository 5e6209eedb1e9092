"""Team memory: 2 to 5 clones, 1,000 random edits and syncs in any order through one bare repository; then they must agree.

    python benchmarks/team_memory.py [--edits 1000] [--seed 1] [--clones 2 3 4 5]

Printed for each number of clones: edits and syncs that were made, shared memories and versions at the end, on how many points two clones disagree, how many
values that somebody wrote are nowhere any more (both must be 0), and CPU seconds, git's included.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.memory.clones import CloneTeam

SYNC_SHARE = 0.25


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


async def measure(clones: int, steps: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        team, before, syncs = CloneTeam(Path(folder), seed), cpu_seconds(), 0
        await team.open(clones)
        for _ in range(steps):
            clone = team.random.choice(team.clones)
            if team.random.random() < SYNC_SHARE:
                await team.sync(clone)
                syncs += 1
            else:
                await team.edit(clone)
        await team.settle()
        said = await team.disagreements()
        known = await team.clones[0].versions()
        versions = sum(len(some) for memory in known.values() for some in memory.fields.values())
        lost = sum(one.startswith("lost") for one in said)
        spent = cpu_seconds() - before
        print(
            f"{clones} clones: {steps - syncs} edits, {syncs} syncs, {len(known)} shared memories, {versions} versions;"
            f" disagreements {len(said) - lost}, values lost {lost}; {spent:.0f} s CPU",
            flush=True,
        )
        for one in said[:10]:
            print("   ", one)
        await team.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clones", type=int, nargs="+", default=[2, 3, 4, 5])
    options = parser.parse_args()
    for clones in options.clones:
        asyncio.run(measure(clones, options.edits, options.seed))


if __name__ == "__main__":
    main()
