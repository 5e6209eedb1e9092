"""How long a turn takes to stand still after it was cancelled, wherever it was: the figure wanted is a p99 of 500 ms.

    python benchmarks/cancel.py [--times 20]        (three times for the long text)

The real SDK against the scripted model server. The end is the end of everything: the result is there, and no child of
the turn lives. Prints p50 and p99 in milliseconds beside what cancelling an idle asyncio task costs in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.session.partial_message import partial_path
from mazu_ls.agent.session.session import Session
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.host import Question, UserReply
from mazu_ls.models.retry import RetryPolicy
from tests.scenario import Story, World

WANTED = 500.0
WORDS = "one two three four five six seven eight nine ten " * 40
CALL = {"name": "run_shell", "arguments": {"command": "sleep 77.7 & sleep 77.7; true"}}
# Nothing of this hears SIGTERM, one part has a session of its own and no environment to be known by.
STUBBORN = {
    "name": "run_shell",
    "arguments": {
        "command": "trap '' TERM; env -i setsid sh -c 'trap \"\" TERM; while :; do sleep 77.7; done' & while :; do sleep 77.7; done"
    },
}
GREP = {"name": "grep", "arguments": {"pattern": "line 7"}}
WRITE = {"name": "write_file", "arguments": {"path": "b.txt", "content": "b"}}
PLACES: dict[str, dict[str, Any]] = {
    "thinking": {"thinking": WORDS, "delay": 0.02},
    "text": {"text": WORDS, "delay": 0.02},
    "7 MB of text": {"text": WORDS * 4000, "chunk": 4000, "fault": "stall", "after": 1790},
    "retry wait": {"fault": "529"},
    "command": {"calls": [CALL]},
    "deaf command": {"calls": [STUBBORN]},
    "the same, no sandbox": {"calls": [STUBBORN]},
    "grep": {"calls": [GREP] * 5},
    "question": {"calls": [WRITE]},
}


def children() -> int:
    """How many of the commands' children live."""
    found = 0
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += b"77.7" in place.read_bytes()
    return found


def stored(session: Session) -> int:
    """How many bytes of the unfinished answer are on the disk."""
    with contextlib.suppress(OSError):
        return partial_path(session.journal.path).stat().st_size
    return 0


async def until(true: Callable[[], bool]) -> None:
    """Wait for something seen from outside."""
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def once(session: Session, world: World, place: str, asking: asyncio.Event) -> float:
    """One turn that is stopped somewhere; milliseconds until all of it is still."""
    world.lines.clear()
    asking.clear()
    turn = asyncio.create_task(session.prompt(Prompt("Go.")))
    match place:
        case "command" | "deaf command" | "the same, no sandbox":
            await until(lambda: children() > 1)
        case "question":
            await asking.wait()
        case "7 MB of text":
            await until(lambda: stored(session) > 7_000_000)
        case "retry wait":
            await until(lambda: any(line.startswith("retry") for line in world.lines))
        case "grep":
            await asyncio.sleep(0.05)
        case _:
            await until(lambda: any(line.startswith("delta") for line in world.lines))
    await asyncio.sleep(random.uniform(0, 0.05))
    began = time.perf_counter()
    session.cancel()
    await turn
    if "calls" in PLACES[place]:
        await until(lambda: children() == 0)
    return (time.perf_counter() - began) * 1000


async def idle() -> float:
    """Milliseconds to cancel a task that sleeps."""
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    task.cancel()
    await asyncio.wait([task])
    return (time.perf_counter() - began) * 1000


async def main(times: int) -> int:
    """Print the table; 1 where a p99 is above what is wanted."""
    worst = 0.0
    print(f"{'cancelled during':21} {'p50 ms':>8} {'p99 ms':>8}")
    base = [await idle() for _ in range(times)]
    print(f"{'(idle task)':21} {statistics.median(base):8.2f} {max(base):8.2f}")
    for place, reply in PLACES.items():
        with tempfile.TemporaryDirectory() as folder:
            files = {f"src/f{n}.txt": "".join(f"line {i}\n" for i in range(200)) for n in range(500)}
            world = World(Story(files=files), Path(folder))
            asking = asyncio.Event()

            async def ask(
                question: Question, timeout: float, place: str = place, asking: Any = asking
            ) -> UserReply:
                if place == "question":
                    asking.set()
                    await asyncio.sleep(600)
                return UserReply(question.choices[0])

            world.host.ask = ask  # type: ignore[method-assign]
            async with ModelServer([{**reply, "repeat": True}]) as server:
                world.env["ANTHROPIC_BASE_URL"] = server.url
                settings = dict(world.story.settings)
                if place == "the same, no sandbox":
                    settings["shell"] = {"sandbox": "off"}
                project = await Project.open(
                    [world.root], world.host, settings=settings, env=world.env, patience=RetryPolicy(base=60)
                )
                project.subscribe(lambda _, event, world=world: world.heard(event.body))
                count = min(times, 3) if place == "7 MB of text" else times
                found = [await once(await project.sessions.new(), world, place, asking) for _ in range(count)]
                await project.close()
        found.sort()
        p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
        worst = max(worst, p99)
        print(f"{place:21} {statistics.median(found):8.1f} {p99:8.1f}")
    print(f"wanted: p99 <= {WANTED:g} ms")
    return int(worst > WANTED)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    sys.exit(asyncio.run(main(parser.parse_args().times)))
