"""What a client that does not read costs: whether the server goes on, and how much memory it takes.

    python benchmarks/unread_client.py [--megabytes 4]

A real server process and a scripted model that streams so much text in small pieces. The client sends a message and reads
nothing until the turn has ended (as its journal says); then it reads everything. Prints the resident memory at the start, at most
and at the end, for a client that reads and for one that does not, and whether the next request is answered. Exit status 1: the turn did not
end without a reader, a request was not answered, or the one that does not read cost more than 8 MiB beyond the one that does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mazu_ls.demo.model_server import ModelServer
from tests.server.client import Client

MOST_MORE_MIB = 8.0
WITHIN_SECONDS = 300.0
UPDATES = {"experimental": {"mazu": {"updates": True}}}


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def drive(folder: Path, model: ModelServer, *, reads: bool) -> tuple[float, float, float, bool, bool]:
    """One turn; memory at the start, at most and at the end, whether it ended unread, and whether the next request was answered."""
    state = folder.with_name(f"state-{reads}")
    env = {"HOME": str(folder.parent), "PATH": os.environ["PATH"], "MAZU_HOME": str(folder.parent / "home"), "MAZU_STATE_HOME": str(state), "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "mazu_ls", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=env, limit=2**16)  # fmt: skip
    assert process.stdin and process.stdout
    client = Client(process.stdin.write)
    open_tap = asyncio.Event()
    open_tap.set()

    async def pump(stdout: asyncio.StreamReader) -> None:
        while await open_tap.wait() and (data := await stdout.read(65536)):
            client.deliver(data)
            client.received.clear()

    pumping = asyncio.create_task(pump(process.stdout))
    await client.initialize(folder, **UPDATES)
    await client.command("mazu.status")
    await client.command(
        "mazu.chat", {"message": "Hello.", "wait": True}, within=120
    )  # what a first turn loads is loaded
    start = most = resident_mib(process.pid)
    if not reads:
        open_tap.clear()
    client.start("workspace/executeCommand", {"command": "mazu.chat", "arguments": [{"message": "Speak."}]})
    ended = False
    for _ in range(int(WITHIN_SECONDS / 0.5)):
        await asyncio.sleep(0.5)
        most = max(most, resident_mib(process.pid))
        if ended := any(path.read_bytes().count(b'"turn_ended"') > 1 for path in state.rglob("s_*.jsonl")):
            break
    open_tap.set()
    try:
        answered: Any = await client.command("mazu.status", within=60)
    except (TimeoutError, ConnectionError):
        answered = None
    end = resident_mib(process.pid)
    process.kill()
    await process.wait()
    await pumping
    return start, most, end, ended, answered is not None


async def run(megabytes: int) -> int:
    """Both clients."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        folder.mkdir()
        said = {
            "when": "Speak.",
            "text": "some words of it. " * (megabytes * 2**20 // 18),
            "chunk": 120,
            "repeat": True,
        }
        async with ModelServer([said, {"when": "Hello.", "text": "Hello.", "repeat": True}]) as model:
            found = {reads: await drive(folder, model, reads=reads) for reads in (True, False)}
    for reads, (start, most, end, ended, answered) in found.items():
        who = "reads" if reads else "does not read"
        print(f"client {who:14} {start:6.1f} MiB at the start, {most:6.1f} at most, {end:6.1f} at the end; turn ended: {ended}, next request answered: {answered}")  # fmt: skip
    more = (found[False][1] - found[False][0]) - (found[True][1] - found[True][0])
    print(f"{megabytes} MiB of text: without a reader {more:+.1f} MiB more at most")
    right = all(ended and answered for *_, ended, answered in found.values()) and more <= MOST_MORE_MIB
    return 0 if right else 1


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--megabytes", type=int, default=4)
    sys.exit(asyncio.run(run(options.parse_args().megabytes)))
