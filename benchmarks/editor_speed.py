"""What the editor's requests cost a server with much in it, in CPU, beside the same server with next to nothing in it.

    python benchmarks/editor_speed.py [REQUESTS] [--documents 1000] [--memories 10000]

A real process with 1,000 open documents of 40 to 200 lines and 10,000 memories anchored in them: codeAction (of a
selection, and at a cursor, where the text is parsed), hover and codeLens, p50 and p95 in CPU milliseconds (all threads
of the server), beside one document and no memory. One key stroke in a file of 10,000 lines, beside pygls's own
document; what it costs when the typing rests. A reply of 5,000 tokens streamed into a chat document: edits a second and
how much text was sent more than once, beside sending the whole reply with each
edit. Exits with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.while_busy import ask, model_server, percentile
from mazu_ls.config.config import MemorySettings
from mazu_ls.memory.io.imports import ImportRecord
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import MemoryAnchor, MemoryEntry, TextRange, identifier
from mazu_ls.state.paths import private_folder, root_state
from tests.server.client import Client
from tests.server.test_process import real_server

LIMIT_MS = 15.0
LIMIT_STROKE_MS = 1.0
LIMIT_EDITS = 10.0
LIMIT_RESENT = 0.02
STROKES = 2000
TOKENS = 5000
KINDS = ("codeAction", "at a cursor", "hover", "codeLens")
EDITS = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
LINE = "    value = compute(value, step)  # some line of code\n"


def cpu_ms(pid: int) -> float:
    """CPU of a process so far, all its threads: clock_getcpuclockid(3) as Linux makes it of a process id."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6


def source(number: int, lines: int) -> str:
    """A module of functions."""
    heads = (f"def step_{number}_{at}(value, step):\n" for at in range(0, lines, 10))
    return "".join(head + LINE * 8 + "    return value\n\n\n" for head in heads)


async def build(folder: Path, documents: int, memories: int) -> None:
    """The project on the disk: modules, and memories anchored in them."""
    draw = random.Random(1)
    for number in range(documents):
        (folder / f"module_{number}.py").write_text(source(number, 40 + draw.randrange(160)))
    place = private_folder(root_state(folder, {"MAZU_STATE_HOME": f"{folder.parent}/state"}))
    store = await Memories.open(place / "memory.db", folder.parent / "global.db", MemorySettings())
    records: list[Any] = []
    for number in range(memories):
        line = 12 * draw.randrange(4)
        anchor = MemoryAnchor(f"module_{number % documents}.py", range=TextRange(line, 0, line + 9, 0))
        title = f"Step {number} of module {number % documents} keeps its value below {draw.randrange(10**6)}"
        entry = MemoryEntry(
            title=title,
            body="",
            category="fact",
            created_at=1_700_000_000_000_000 + number,
            anchors=(anchor,),
        )
        records.append(ImportRecord(entry, str(number), identifier("project", number + 1)))
    if records:
        await store.add(records)
    await store.close()


async def quiet(pid: int) -> None:
    """Until the server has done what it does in the background after a start."""
    idle = 0
    while idle < 6:
        before = cpu_ms(pid)
        await asyncio.sleep(0.5)
        idle = idle + 1 if cpu_ms(pid) - before < 10 else 0


async def requests(documents: int, memories: int, count: int) -> dict[str, list[float]]:
    """CPU milliseconds of each request by kind, over documents drawn at random."""
    found: dict[str, list[float]] = {what: [] for what in KINDS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        folder.mkdir()
        await build(folder, documents, memories)
        env = {"MAZU_HOME": f"{place}/home", "MAZU_STATE_HOME": f"{place}/state"}
        async with real_server(env) as (client, process):
            await client.initialize(folder)
            names = [(folder / f"module_{number}.py") for number in range(documents)]
            for path in names:
                client.open(path.as_uri(), path.read_text())
            await client.command("mazu.status", within=60)
            await quiet(process.pid)
            draw = random.Random(2)
            for number in range(count + 5):
                for what in KINDS:
                    uri = draw.choice(names).as_uri()
                    before = cpu_ms(process.pid)
                    await (at_cursor(client, uri) if what == "at a cursor" else ask(client, what, uri))
                    if number >= 5:
                        found[what].append(cpu_ms(process.pid) - before)
    return found


async def at_cursor(client: Client, uri: str) -> None:
    """codeAction with nothing selected: the definition round the cursor is looked for."""
    place = {"line": 4, "character": 6}
    params = {
        "textDocument": {"uri": uri},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": []},
    }
    await client.ask("textDocument/codeAction", params)


async def strokes() -> tuple[float, float]:
    """CPU milliseconds of one key stroke in a file of 10,000 lines, and of the rest after it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        folder.mkdir()
        path = folder / "large.py"
        path.write_text("x = 1  # some line of code in this long file\n" * 10_000)
        env = {"MAZU_HOME": f"{place}/home", "MAZU_STATE_HOME": f"{place}/state"}
        async with real_server(env) as (client, process):
            await client.initialize(folder)
            client.open(path.as_uri(), path.read_text())
            await client.command("mazu.status", within=60)
            await quiet(process.pid)
            before = cpu_ms(process.pid)
            for number in range(STROKES):
                client.change(path.as_uri(), "x", (5000, number % 50))
                if number % 50 == 0:
                    await client.settled()
            await client.settled()
            each, rested = (cpu_ms(process.pid) - before) / STROKES, cpu_ms(process.pid)
            await asyncio.sleep(1)
            return each, cpu_ms(process.pid) - rested


def strokes_of_pygls() -> float:
    """The same strokes in the document that pygls brings."""
    from lsprotocol import types
    from pygls.workspace import TextDocument

    document = TextDocument("file:///large.py", "x = 1  # some line of code in this long file\n" * 10_000)
    count = STROKES // 100
    before = time.process_time()
    for number in range(count):
        at = types.Position(5000, number % 50)
        document.apply_change(types.TextDocumentContentChangePartial(text="x", range=types.Range(at, at)))
    return (time.process_time() - before) * 1000 / count


async def stream() -> tuple[float, float, int, int]:
    """Most edits in any second, share of the reply that was sent more than once, edits, characters of the reply."""
    reply = "".join(
        f"word{number % 1000:03} " + ("\n\n" if number % 60 == 59 else "") for number in range(TOKENS)
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        folder.mkdir()
        env = {"MAZU_HOME": f"{place}/home", "MAZU_STATE_HOME": f"{place}/state"}
        script = [{"text": reply, "chunk": 8, "delay": 0.0015}]
        async with model_server(script, Path(place)) as url:
            keys = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test-key"}
            async with real_server({**env, **keys}) as (client, _):
                return await streamed(client, folder, reply)


async def streamed(client: Client, folder: Path, reply: str) -> tuple[float, float, int, int]:
    """One message in a chat document, and what the editor was sent for the reply."""
    seen: list[tuple[float, int]] = []

    def take(params: Any) -> Any:
        (change,) = params["edit"]["documentChanges"]
        seen.append((time.monotonic(), sum(len(edit["newText"]) for edit in change["edits"])))
        return client.apply_edit(params)

    client.answers["workspace/applyEdit"] = take
    client.answers["window/showDocument"] = lambda params: {"success": True}
    await client.initialize(folder, **EDITS)
    started = await client.command("mazu.chat", within=60)
    path = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
    document = client.open(path.as_uri(), path.read_text(), "markdown")
    client.change(path.as_uri(), "Tell me much", (len(document.lines), 0))
    await client.command("mazu.chat", {"attachments": [{"uri": path.as_uri()}]}, within=60)
    async with asyncio.timeout(100):
        while reply.strip() not in document.text:  # noqa: ASYNC110 - the text has no event
            await asyncio.sleep(0.1)
    # The first edit makes room for the reply: it is no part of the stream.
    edits = seen[1:]
    most = max(sum(1 for at, _ in edits if begin <= at < begin + 1) for begin, _ in edits)
    return most, sum(size for _, size in edits) / len(reply.strip()) - 1, len(edits), len(reply)


async def run(options: argparse.Namespace) -> int:
    """All of it; 1 where a limit is missed."""
    little = await requests(1, 0, options.requests)
    much = await requests(options.documents, options.memories, options.requests)
    print(
        f"{options.documents} documents, {options.memories} memories; {options.requests} requests each; ms CPU"
    )
    print(f"{'':12}{'p50':>8}{'p95':>8}{'one document p50':>19}{'p95':>8}{'ratio p95':>11}")
    missed = False
    for what in KINDS:
        high, low = percentile(much[what], 0.95), percentile(little[what], 0.95)
        missed |= high > LIMIT_MS
        print(
            f"{what:12}{statistics.median(much[what]):8.2f}{high:8.2f}{statistics.median(little[what]):19.2f}{low:8.2f}"
            f"{high / low:11.2f}"
        )
    (each, rest), theirs = await strokes(), strokes_of_pygls()
    print(
        f"key stroke in 10,000 lines: {each:.3f} ms; pygls's document alone {theirs:.3f} ms; at rest {rest:.1f} ms once"
    )
    most, resent, edits, size = await stream()
    whole = edits / 2
    print(
        f"{TOKENS} tokens ({size} characters) in {edits} edits, at most {most} in a second;"
        f" sent more than once: {resent:.2%}, beside {whole:.0%} with the whole reply each time"
    )
    return int(missed or each > LIMIT_STROKE_MS or most > LIMIT_EDITS or resent > LIMIT_RESENT)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("requests", nargs="?", type=int, default=200)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--memories", type=int, default=10_000)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
