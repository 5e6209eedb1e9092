"""What one tool round costs beside a bare loop over the provider's SDK: journal, policy, recall and checkpoints included.

    python benchmarks/tool_round.py [--rounds 50] [--repeat 3] [--counts]

The model is the scripted server in a process of its own, with no latency; CPU is of this process and its children. `--counts`
counts what each round does instead, which no load changes.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import functools
import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
from round_counts import counting, table

from mazu_ls.agent.project.project import Project
from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.turn import Prompt
from mazu_ls.terminal.host import TerminalHost
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface

MODEL = "claude-sonnet-5-5"


@functools.cache
def _place() -> str:
    place = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def new_folder() -> Path:
    """Return a folder that is removed once everything is measured: where many files were removed, ext4 without a journal takes up to
    ten times as long to make one for the next minutes, and one measurement would slow down the next."""
    return Path(tempfile.mkdtemp(dir=_place()))


def cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def script(rounds: int, edit: bool) -> list[dict[str, Any]]:
    def call(n: int) -> dict[str, Any]:
        if edit:
            return {"name": "write_file", "arguments": {"path": f"f{n}.txt", "content": f"new {n}\n" * 20}}
        return {"name": "read_file", "arguments": {"path": f"f{n}.txt"}}

    return [{"calls": [call(n)]} for n in range(rounds)] + [{"text": "done"}]


@contextmanager
def model(replies: list[dict[str, Any]], folder: Path) -> Any:
    path, port_file = folder / "script.json", folder / "port"
    path.write_text(json.dumps(replies))
    port_file.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "mazu_ls.demo.model_server", str(path), "--port-file", str(port_file)],
        stdout=subprocess.DEVNULL,
    )
    while not port_file.exists() or not port_file.read_text().strip():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
    finally:
        process.kill()
        process.wait()


async def bare(url: str, root: Path) -> None:
    """The least that works: stream, collect the call, do it, answer."""
    client = anthropic.AsyncAnthropic(base_url=url, api_key="test-key", max_retries=0)
    tools: Any = [
        {
            "name": name,
            "description": name,
            "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
        }
        for name in ("read_file", "write_file")
    ]
    messages: list[Any] = [{"role": "user", "content": "Go."}]
    while True:
        stream = await client.messages.create(
            model=MODEL, max_tokens=1000, messages=messages, tools=tools, stream=True
        )
        content: list[Any] = []
        partial = ""
        async for event in stream:
            if event.type == "content_block_start":
                content.append(event.content_block.model_dump(exclude_none=True))
                partial = ""
            elif event.type == "content_block_delta":
                if event.delta.type == "input_json_delta":
                    partial += event.delta.partial_json
                elif event.delta.type == "text_delta":
                    content[-1]["text"] += event.delta.text
            elif event.type == "content_block_stop" and content[-1]["type"] == "tool_use":
                content[-1]["input"] = json.loads(partial or "{}")
        messages.append({"role": "assistant", "content": content})
        calls = [block for block in content if block["type"] == "tool_use"]
        if not calls:
            await client.close()
            return
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": do(root, call)} for call in calls
        ]
        messages.append({"role": "user", "content": results})


def do(root: Path, call: dict[str, Any]) -> str:
    path = root / call["input"]["path"]
    if call["name"] == "read_file":
        return path.read_text()
    path.write_text(call["input"]["content"])
    return "written"


async def ours(
    url: str, root: Path, rounds: int, measured: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
) -> None:
    """One run of a session; opening the project is not measured, the turn is."""
    env = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key", "MAZU_MODEL": MODEL,
           "MAZU_HOME": str(root.parent / "home"), "MAZU_STATE_HOME": str(root.parent / "state")}  # fmt: skip
    project = await Project.open([root], TerminalHost([root], PlainSurface(quiet=True)), env=env)
    session = await project.sessions.new()

    async def turn() -> None:
        result = await session.prompt(Prompt("Go.", limits=Limits(steps=rounds + 5), kind="run"))
        assert result.stop_reason == "end_turn", result

    await measured(turn)
    await project.close()


def measure(rounds: int, edit: bool, mine: bool) -> tuple[float, float]:
    """CPU and wall milliseconds for one round."""
    folder = new_folder()
    root = folder / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for n in range(rounds):
        (root / f"f{n}.txt").write_text(f"line {n}\n" * 20)
    figures: list[float] = []

    async def measured(work: Callable[[], Awaitable[None]]) -> None:
        before, began = cpu(), time.perf_counter()
        await work()
        figures.extend((cpu() - before, time.perf_counter() - began))

    with model(script(rounds, edit), folder) as url:
        asyncio.run(ours(url, root, rounds, measured) if mine else measured(lambda: bare(url, root)))
    return figures[0] * 1000 / rounds, figures[1] * 1000 / rounds


def print_counts(rounds: int) -> None:
    """What one more round does in each loop: the counts of so many rounds, less those of a turn with one."""
    columns = {}
    for name, edit, mine in (
        ("bare, write", True, False),
        ("mazu-ls, read", False, True),
        ("mazu-ls, write", True, True),
    ):
        found = []
        for count in (1, rounds + 1):
            with counting() as counts:
                measure(count, edit, mine)
            found.append(counts)
        columns[name] = found[1] - found[0]
    print(table(columns, rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--counts", action="store_true")
    given = parser.parse_args()
    measure(3, False, True)  # imports and the first connection are not what a round costs
    if given.counts:
        print_counts(given.rounds)
        return
    gc.collect()
    gc.freeze()  # as the server does once its imports are done; for both loops
    print(f"{'ms per round':34} {'CPU':>8} {'wall':>8}   ratio CPU  ratio wall")
    for edit, limit in ((False, 1.5), (True, 3.0)):
        kind = "write_file, a checkpoint each" if edit else "read_file, no change"
        rows = {}
        for mine in (False, True):
            runs = [measure(given.rounds, edit, mine) for _ in range(given.repeat)]
            rows[mine] = tuple(statistics.median(run[i] for run in runs) for i in (0, 1))
        (base_cpu, base_wall), (own_cpu, own_wall) = rows[False], rows[True]
        print(f"{'bare SDK loop, ' + kind:34} {base_cpu:8.1f} {base_wall:8.1f}")
        print(
            f"{'mazu-ls, ' + kind:34} {own_cpu:8.1f} {own_wall:8.1f}   {own_cpu / base_cpu:9.2f}  {own_wall / base_wall:10.2f}  (wanted: {limit})"
        )


if __name__ == "__main__":
    main()
