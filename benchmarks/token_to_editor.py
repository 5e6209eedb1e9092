"""How long a streamed token takes from the model service's socket to the editor: real server process, SDK and LSP client.

    python benchmarks/token_to_editor.py [--turns 40]

The service writes the time into each token, so what is printed includes HTTP, the SDK, our turn, the journal and the
pipe: more than "from the SDK to the editor", of which at most 20 ms (p95) are wanted. The baseline is the same service
read by a bare SDK in a process of its own, which prints each token to a pipe.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mazu_ls.demo.editor import DemoEditor

TOKENS, PAUSE = 20, 0.01
MODEL = "claude-sonnet-5-5"
BARE = """
import anthropic, sys, time
client = anthropic.Anthropic(api_key="k", base_url=sys.argv[1], max_retries=0)
for line in sys.stdin:
    with client.messages.create(model=sys.argv[2], max_tokens=99, messages=[{"role": "user", "content": "Go."}], stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                print(event.delta.text, flush=True)
    print("end", flush=True)
"""


def event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields})
    return f"event: {kind}\ndata: {data}\n\n".encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: each request gets the same stream, its tokens being the time at which they are written."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)

        async def send(data: bytes) -> None:
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()

        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage,
                   "stop_reason": None, "stop_sequence": None}  # fmt: skip
        await send(event("message_start", message=message))
        await send(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
        for _ in range(TOKENS):
            await asyncio.sleep(PAUSE)
            delta = {"type": "text_delta", "text": f"{time.time():.6f} "}
            await send(event("content_block_delta", index=0, delta=delta))
        await send(event("content_block_stop", index=0))
        await send(
            event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usage)
        )
        await send(event("message_stop"))
        writer.write(b"0\r\n\r\n")
        await writer.drain()


class Timed(DemoEditor):
    """Notes when each token arrives."""

    def __init__(self, root: Path, env: dict[str, str]) -> None:
        super().__init__(root, env)
        self.first: list[float] = []
        self.all: list[float] = []
        self._turn = ""

    def _handlers(self, client: Any) -> None:
        super()._handlers(client)

        def update(params: Any) -> None:
            now = time.time()
            if params.update.kind != "message":
                return
            for token in params.update.text.split():
                self.all.append((now - float(token)) * 1000)
                if params.turnId != self._turn:
                    self._turn = params.turnId
                    self.first.append(self.all[-1])

        client.protocol.fm.features.pop("mazu/session/update", None)
        client.feature("mazu/session/update")(update)


async def bare(url: str, turns: int) -> tuple[list[float], list[float]]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BARE, url, MODEL, stdin=pipe, stdout=pipe
    )
    assert process.stdin and process.stdout
    first: list[float] = []
    every: list[float] = []
    for _ in range(turns):
        process.stdin.write(b"go\n")
        tokens: list[float] = []
        while (line := (await process.stdout.readline()).decode().strip()) != "end":
            tokens.append((time.time() - float(line)) * 1000)
        first.append(tokens[0])
        every += tokens
    process.kill()
    return first, every


async def ours(url: str, turns: int, folder: Path) -> tuple[list[float], list[float]]:
    root = folder / "project"
    root.mkdir()
    env = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "k", "MAZU_MODEL": MODEL, "HOME": str(folder),
           "MAZU_HOME": str(folder / "home"), "MAZU_STATE_HOME": str(folder / "state")}  # fmt: skip
    editor = Timed(root, env)
    await editor.start()
    for _ in range(turns):
        await editor.command("mazu.chat", message="Go.", wait=True)
    await editor.stop()
    return editor.first, editor.all


def row(name: str, values: list[float]) -> str:
    ordered = sorted(values)
    return f"{name:34} {statistics.median(ordered):8.1f} {ordered[int(len(ordered) * 0.95)]:8.1f} {ordered[-1]:8.1f}"


async def main(turns: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(f"{'ms from service to reader':34} {'p50':>8} {'p95':>8} {'max':>8}")
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "bare SDK, pipe": await bare(url, turns),
            "mazu-ls, LSP": await ours(url, turns, Path(folder)),
        }
    for name, (first, every) in figures.items():
        print(row(f"{name}, first token", first[1:]))
        print(row(f"{name}, every token", every[TOKENS:]))
    print("wanted: p95 of the first token at most 20 ms after the SDK has it")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    asyncio.run(main(parser.parse_args().turns))
