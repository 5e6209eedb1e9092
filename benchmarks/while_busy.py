"""How quickly the server answers while a turn runs, beside the same requests when it is idle.

    python benchmarks/while_busy.py [REQUESTS]

A real process, the real SDK and the scripted model server. While a turn streams text and calls tools, one client asks
codeAction, codeLens and recall over and over; then the same with no turn. Prints p50 and p99 in milliseconds and the
ratio of the p99s, then what one key stroke in a 10,000-line file costs the server in CPU. Exits with 1 where the p99
of a busy server is more than 3 times the idle one's.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.server.client import Client
from tests.server.test_process import real_server

LIMIT_RATIO = 3.0
STROKES = 2000
MEMORIES = 200


async def ask(client: Client, what: str, uri: str) -> None:
    """One request of a kind."""
    place = {"start": {"line": 10, "character": 0}, "end": {"line": 12, "character": 0}}
    document = {"uri": uri}
    match what:
        case "codeAction":
            params: Any = {"textDocument": document, "range": place, "context": {"diagnostics": []}}
            await client.ask("textDocument/codeAction", params)
        case "hover":
            await client.ask("textDocument/hover", {"textDocument": document, "position": place["start"]})
        case "codeLens":
            await client.ask("textDocument/codeLens", {"textDocument": document})
        case "recall":
            await client.command("mazu.recall", {"query": "retry of the payment service"})


async def measure(client: Client, uri: str, requests: int) -> dict[str, list[float]]:
    """Milliseconds of each request, by kind."""
    found: dict[str, list[float]] = {}
    for number in range(requests):
        for what in ("codeAction", "hover", "codeLens", "recall"):
            begin = time.perf_counter()
            await ask(client, what, uri)
            if number >= 3:
                found.setdefault(what, []).append((time.perf_counter() - begin) * 1000)
        await asyncio.sleep(0.002)
    return found


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def cpu_ms(pid: int) -> float:
    """CPU of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def script(rounds: int) -> list[dict[str, Any]]:
    """A turn of many rounds, each with some text and a tool call."""
    calls = [
        {"name": "read_file", "arguments": {"path": "large.py", "offset": n + 1, "limit": 100}}
        for n in range(rounds)
    ]
    return [{"text": "word " * 60, "chunk": 12, "delay": 0.004, "calls": [call]} for call in calls]


@asynccontextmanager
async def model_server(replies: list[dict[str, Any]], folder: Path) -> AsyncIterator[str]:
    """The scripted model in a process of its own, so that it does not slow the client down; its URL."""
    (folder / "script.json").write_text(json.dumps({"replies": replies}))
    port = folder / "port"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mazu_ls.demo.model_server", str(folder / "script.json"), "--port-file", str(port),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not (port.exists() and port.read_text().strip()):  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port.read_text().strip()}"
    finally:
        process.kill()
        await process.wait()


async def strokes(client: Client, pid: int, uri: str) -> float:
    """Milliseconds of CPU for one key stroke."""
    await client.settled()
    before = cpu_ms(pid)
    for number in range(STROKES):
        client.change(uri, "x", (5000, number % 50))
        if number % 50 == 0:
            await client.settled()
    await client.settled()
    return (cpu_ms(pid) - before) / STROKES


async def run(requests: int) -> int:
    """All of it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        folder.mkdir()
        path = folder / "large.py"
        path.write_text("value = compute(value)  # some line of code\n" * 10_000)
        env = {"MAZU_HOME": f"{place}/home", "MAZU_STATE_HOME": f"{place}/state"}
        async with model_server(script(400), Path(place)) as url:
            keys = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key"}
            async with real_server({**env, **keys}) as (client, process):
                return await compare(client, process.pid, folder, requests)


async def compare(client: Client, pid: int, folder: Path, requests: int) -> int:
    """Idle, busy, idle again; the slower idle is the baseline's fair half of a noisy machine."""
    path = folder / "large.py"
    await client.initialize(folder, experimental={"mazu": {"updates": True}})
    client.open(path.as_uri(), path.read_text())
    for number in range(MEMORIES):
        title = f"Payment service {number} drops every {number}th call, so retry number {number}"
        await client.command("mazu.remember", {"title": title})
    await client.command("mazu.chat", {"message": "warm up", "wait": True}, within=60)
    idle = await measure(client, path.as_uri(), requests)
    started = await client.command("mazu.run", {"task": "be busy", "maxSteps": 390}, within=60)
    await client.until(
        lambda m: m.get("params", {}).get("update", {}).get("kind") == "tool_result", within=60
    )
    busy = await measure(client, path.as_uri(), requests)
    running = (await client.command("mazu.status"))["running"]
    assert running, await client.command("mazu.session.show")
    await client.command("mazu.cancel", {"sessionId": started["sessionId"]})
    stroke = await strokes(client, pid, path.as_uri())
    print(
        f"{'':12}{'idle p50':>10}{'p99':>8}{'busy p50':>10}{'p99':>8}{'ratio p99':>11}   (ms wall, {requests} each)"
    )
    worst = 0.0
    for what, values in idle.items():
        ratio = percentile(busy[what], 0.99) / percentile(values, 0.99)
        worst = max(worst, ratio)
        print(
            f"{what:12}{statistics.median(values):10.2f}{percentile(values, 0.99):8.2f}"
            f"{statistics.median(busy[what]):10.2f}{percentile(busy[what], 0.99):8.2f}{ratio:11.2f}"
        )
    print(
        f"one key stroke in {path.name} (10,000 lines): {stroke:.3f} ms CPU, all of the server's work in it"
    )
    return 0 if worst <= LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
