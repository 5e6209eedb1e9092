"""What the model layer adds to a bare SDK loop: time to the first token, and CPU for each tool round.

`python benchmarks/first_token.py [--calls N] [--rounds N]`. The scripted server runs in a process of its own; baseline and
product take turns in one run. The baseline is the SDK's own raw stream, with the least code around it that keeps a history.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from mazu_ls.config.config import Config
from mazu_ls.messages import Message, Text, ToolResult
from mazu_ls.models import catalog
from mazu_ls.models.model import ModelAnswer, ModelRequest, TextDelta, ToolSpec
from mazu_ls.models.sdk.sdk_clients import close_clients

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
FILE = "x = 1\n" * 50
SCRIPT = [
    {
        "text": "I will read the file, then go on.",
        "calls": [{"name": "read_file", "arguments": {"path": "a.py"}}],
        "repeat": True,
    }
]
NAMES = {"anthropic": "anthropic:claude-haiku-4-5", "openai": "openai:gpt-4.1"}
REPEATS = 3
"""The least of these is what counts: the machine may be busy with something else."""
Round = Callable[[], Awaitable[float]]
"""One tool round; returns the seconds to the first token."""


def ours(sdk: str, url: str) -> Round:
    env = {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": url,
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{url}/v1",
    }
    model = catalog.resolve(NAMES[sdk], Config(), env)
    messages = [Message("user", (Text("Read it."),))]
    tools = (ToolSpec("read_file", "Read a file.", SCHEMA),)

    async def one() -> float:
        began, first, last = time.perf_counter(), 0.0, None
        async for chunk in model.stream(ModelRequest(messages, ("You are a test.",), tools)):
            if isinstance(chunk, TextDelta) and not first:
                first = time.perf_counter() - began
            last = chunk
        assert isinstance(last, ModelAnswer)
        results = tuple(ToolResult(call.id, FILE) for call in last.message.calls)
        messages.extend((last.message, Message("user", results)))
        return first

    return one


def bare_anthropic(url: str) -> Round:
    import anthropic

    client = anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0)
    messages: list[Any] = [{"role": "user", "content": "Read it."}]
    tools: list[Any] = [{"name": "read_file", "description": "Read a file.", "input_schema": SCHEMA}]

    async def one() -> float:
        began, first, text, pieces, call = time.perf_counter(), 0.0, "", "", ""
        stream = await client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=1000,
            system="You are a test.",
            messages=messages,
            tools=tools,
            stream=True,
        )
        async for event in stream:
            if event.type == "content_block_start" and event.content_block.type == "tool_use":
                call = event.content_block.id
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                first = first or time.perf_counter() - began
                text += event.delta.text
            elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                pieces += event.delta.partial_json
        use = {"type": "tool_use", "id": call, "name": "read_file", "input": json.loads(pieces)}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": text}, use]})
        messages.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": FILE}]}
        )
        return first

    return one


def bare_openai(url: str) -> Round:
    import openai

    client = openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    messages: list[Any] = [
        {"role": "system", "content": "You are a test."},
        {"role": "user", "content": "Read it."},
    ]
    function = {"name": "read_file", "description": "Read a file.", "parameters": SCHEMA}
    tools: list[Any] = [{"type": "function", "function": function}]

    async def one() -> float:
        began, first, text, pieces, call = time.perf_counter(), 0.0, "", "", ""
        stream = await client.chat.completions.create(
            model="gpt-4.1", messages=messages, tools=tools, stream=True
        )
        async for chunk in stream:
            delta = chunk.choices[0].delta if chunk.choices else None
            if delta is not None and delta.content:
                first = first or time.perf_counter() - began
                text += delta.content
            for part in (delta.tool_calls or ()) if delta is not None else ():
                call = part.id or call
                pieces += (part.function.arguments if part.function else "") or ""
        use = {"id": call, "type": "function", "function": {"name": "read_file", "arguments": pieces}}
        messages.append({"role": "assistant", "content": text, "tool_calls": [use]})
        messages.append({"role": "tool", "tool_call_id": call, "content": FILE})
        return first

    return one


async def measure(make: Callable[[], Round], calls: int, rounds: int) -> tuple[list[float], float, float]:
    """Milliseconds to the first token of `calls` first rounds; CPU and wall milliseconds a round over `rounds`."""
    firsts = []
    for _ in range(calls // 10):
        talk = make()
        firsts += [await talk() * 1000 for _ in range(10)]
    cost = []
    for _ in range(REPEATS):
        talk = make()
        await talk()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(rounds):
            await talk()
        cost.append((time.process_time() - cpu, time.perf_counter() - wall))
    return firsts, min(row[0] for row in cost) * 1000 / rounds, min(row[1] for row in cost) * 1000 / rounds


async def report(url: str, calls: int, rounds: int) -> None:
    """One line for each SDK and side, then the ratios."""
    for sdk, bare in (("anthropic", bare_anthropic), ("openai", bare_openai)):
        base = await measure(partial(bare, url), calls, rounds)
        mine = await measure(partial(ours, sdk, url), calls, rounds)
        for side, (firsts, cpu, wall) in (("bare SDK", base), ("mazu-ls", mine)):
            p95 = statistics.quantiles(firsts, n=20)[-1]
            print(f"{sdk:9} {side:8}  first token p50 {statistics.median(firsts):6.2f} ms, p95 {p95:6.2f} ms"
                  f"   a round: {cpu:6.2f} ms CPU, {wall:6.2f} ms wall")  # fmt: skip
        print(
            f"{sdk:9} ratio     a round: {mine[1] / base[1]:.2f} of the bare SDK's CPU, {mine[2] / base[2]:.2f} of its wall time"
        )
    await close_clients()


def main() -> None:
    """Start the scripted server and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="calls for the first token, in talks of ten")
    parser.add_argument("--rounds", type=int, default=50, help="rounds of one tool talk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.json")
        script.write_text(json.dumps(SCRIPT), encoding="utf-8")
        command = [sys.executable, "-m", "mazu_ls.demo.model_server", str(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            try:
                asyncio.run(report(url, max(20, options.calls), options.rounds))
            finally:
                server.kill()


if __name__ == "__main__":
    main()
