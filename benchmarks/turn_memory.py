"""How much memory a session that goes on for long keeps: the figure wanted is at most 20 MB over 1,000 turns.

    python benchmarks/turn_memory.py [--turns 1000] [--window 20]

One session, each turn with one tool call and an answer, against the scripted model server in a process of its own.
Prints the resident size along the way beside that of a bare loop that keeps its messages. Both send only the newest
exchanges (`context.window_turns`), as a provider with a window would have it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface

WANTED = 20.0
REPLY = "The file says what it said before, and this is an answer of a usual length. " * 4


def resident() -> float:
    """MiB of memory this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def model(folder: Path, replies: list[dict[str, object]]) -> Iterator[str]:
    """The scripted server, whose memory is its own."""
    script, port = folder / "script.json", folder / "port"
    script.write_text(json.dumps(replies))
    command = [sys.executable, "-m", "mazu_ls.demo.model_server", str(script), "--port-file", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not port.exists() or not port.read_text().strip():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port.read_text().strip()}"
    finally:
        process.kill()
        process.wait()


async def grow(url: str, root: Path, turns: int, window: int) -> float:
    """MiB that came after the first turns, in which everything is imported and every cache filled."""
    env = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "MAZU_MODEL": "claude-sonnet-5-5",
           "MAZU_HOME": str(root.parent / "home"), "MAZU_STATE_HOME": str(root.parent / "state")}  # fmt: skip
    settings = {"context": {"window_turns": window, "map_tokens": 0}}
    project = await Project.open(
        [root], TerminalHost([root], PlainSurface(quiet=True)), env=env, settings=settings
    )
    session = await project.sessions.new()
    first = 0.0
    for turn in range(turns):
        await session.prompt(Prompt(f"What does a.txt say, for the {turn}th time?", limits=Limits(steps=5)))
        if turn == 20:
            first = resident()
        if turn % max(1, turns // 10) == 0:
            print(f"turn {turn:5}: {resident():7.1f} MiB", flush=True)
    grown = resident() - first
    await project.close()
    return grown


def bare(turns: int) -> float:
    """MiB that the messages alone take, as dictionaries in a list."""
    before = resident()
    kept = [
        [{"role": "user", "content": f"What does a.txt say, for the {n}th time?"},
         {"role": "assistant", "content": [{"type": "tool_use", "id": f"toolu_{n}", "name": "read_file", "input": {"path": "a.txt"}}]},
         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": "1\thello" * 10}]},
         {"role": "assistant", "content": [{"type": "text", "text": REPLY + str(n)}]}]
        for n in range(turns)
    ]  # fmt: skip
    grown = resident() - before
    assert len(kept) == turns
    return grown


def main() -> int:
    """Print the figures; 1 where it grew more than wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--window", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        (root / "a.txt").write_text("hello\n" * 10)
        call: dict[str, object] = {"calls": [{"name": "read_file", "arguments": {"path": "a.txt"}}]}
        replies = [reply for _ in range(given.turns) for reply in (call, {"text": REPLY})]
        with model(Path(folder), replies) as url:
            grown = asyncio.run(grow(url, root, given.turns, given.window))
    print(
        f"bare messages: {bare(given.turns):.1f} MiB; mazu-ls: {grown:.1f} MiB over {given.turns} turns (wanted: {WANTED:g})"
    )
    return int(grown > WANTED)


if __name__ == "__main__":
    sys.exit(main())
