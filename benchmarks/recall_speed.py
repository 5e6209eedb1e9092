"""Speed of recall and remember by size of the store: CPU milliseconds (all threads of the process), p50 and p95.

    python benchmarks/recall_speed.py [1000 10000 100000 1000000] [--keep FOLDER]

The texts are passages of Python's own standard library, so that words are as rare and as common as in life. Each size is
measured in a process of its own, which also reports how much its memory grew. Each entry has a vector; of a large store
only the first thousand are made from texts, and the others are those with noise, since a search takes as long over them. Beside it, in the same run, up to 10,000:
rank_bm25 rebuilt for every query, and the published agents `mazu` and `memocode` where they are installed. `--keep` builds the stores in FOLDER and uses them again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mazu_ls.config.config import MemorySettings
from mazu_ls.memory.embeddings import vector_rows
from mazu_ls.memory.embeddings.text_embeddings import TextEmbeddings
from mazu_ls.memory.io.imports import ImportRecord
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import MemoryAnchor, MemoryEntry, identifier

SIZES = (1_000, 10_000, 100_000)
TARGETS = {1_000: 15, 10_000: 15, 100_000: 40, 1_000_000: 150}
QUERIES = 200
REMEMBERED = 200
BASELINE_UP_TO = 10_000
EMBEDDED, NOISE = 1_000, 0.02
CATEGORIES = ("fact", "decision", "convention", "mistake", "task_outcome")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--keep", type=Path, help="where stores are built and found again")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asyncio.run(measure(options.measure, options.sizes[0]))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        for size in options.sizes:
            report(size, options.keep or Path(scratch))
        asyncio.run(import_time(Path(scratch)))


def report(size: int, folder: Path) -> None:
    store = folder / f"{size}"
    if not (store / "done").exists():
        start, cpu = time.perf_counter(), time.process_time()
        asyncio.run(build(store, size))
        each = (time.process_time() - cpu) / size
        print(
            f"{size:>9}: built in {time.perf_counter() - start:.1f} s, {each * 1000:.2f} ms CPU each",
            flush=True,
        )
    command = [sys.executable, __file__, str(size), "--measure", str(store)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"{size:>9}: recall CPU ms p50 {result['recall'][0]:.1f} p95 {result['recall'][1]:.1f} (at most {TARGETS.get(size, '-')})"
        f"; wall p50 {result['wall'][0]:.1f} p95 {result['wall'][1]:.1f}"
        f"; remember CPU ms p50 {result['remember'][0]:.1f} p95 {result['remember'][1]:.1f}"
        f"; first recall {result['first']:.0f}; RSS grew by {result['grown']:.0f} MB; database {result['bytes'] / 1e6:.0f} MB",
        flush=True,
    )
    if size <= BASELINE_UP_TO:
        with tempfile.TemporaryDirectory() as scratch:
            for name, ask in baselines(size, Path(scratch)):
                spent = asked(ask)
                ratio = spent / max(result["recall"][0], 1e-9)
                print(f"{'':>9}  {name}: CPU ms p50 {spent:.0f}, {ratio:.0f} times ours", flush=True)


def passages(seed: int) -> Iterator[tuple[str, str, str]]:
    """Title, body and path, for ever."""
    words, paths = corpus()
    draw = random.Random(seed)
    while True:
        at, length = draw.randrange(len(words) - 100), draw.randint(4, 9)
        title = " ".join(words[at : at + length])
        yield title, " ".join(words[at + length : at + length + draw.randint(0, 60)]), draw.choice(paths)


def corpus() -> tuple[list[str], list[str]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(
        path for path in root.rglob("*.py") if "site-packages" not in path.parts and "test" not in path.parts
    )
    words: list[str] = []
    for path in files:
        words += re.findall(r"\w[\w'-]*", path.read_text(encoding="utf-8", errors="replace"))
    return words, [path.relative_to(root).as_posix() for path in files]


async def build(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    memories = await Memories.open(folder / "memory.db", folder / "global.db", MemorySettings())
    source = passages(1)
    done = 0
    while done < size:
        batch = []
        for n in range(done, min(size, done + 10_000)):
            title, body, path = next(source)
            entry = MemoryEntry(
                title=title,
                body=body,
                category=CATEGORIES[n % 5],
                created_at=1_700_000_000_000_000 + n,
                anchors=(MemoryAnchor(path),),
            )
            batch.append(ImportRecord(entry, str(n), identifier("project", n + 1)))
        await memories.add(batch)
        done += len(batch)
    await memories.embedder.close()
    await make_vectors(memories)
    await memories.close()
    (folder / "done").touch()


async def make_vectors(memories: Memories) -> None:
    """A vector for each entry, real ones for the first of them."""
    import numpy as np

    project = memories.shelves.store("project")
    await project.writer.write(vector_rows.require_model)
    draw = np.random.default_rng(1)
    some = await project.reader.read(lambda db: vector_rows.pending(db, EMBEDDED))
    start = time.process_time()
    real = vectors = TextEmbeddings().embed([text for _, text in some])
    each = 1000 * (time.process_time() - start) / len(some)
    print(f"{'':>9}  vectors: {each:.1f} ms CPU each", flush=True)
    while some:
        await project.writer.write(lambda db, a=some, b=vectors: vector_rows.store_vectors(db, a, b))
        some = await project.reader.read(lambda db: vector_rows.pending(db, 5_000))
        vectors = real[draw.integers(len(real), size=len(some))]
        vectors = vectors + draw.normal(0, NOISE, vectors.shape).astype(np.float32)


async def measure(folder: Path, size: int) -> dict[str, object]:
    """Run in a fresh process on a finished store."""
    source = passages(2)
    drawn = [next(source) for _ in range(QUERIES + REMEMBERED)]
    before = resident()
    memories = await Memories.open(folder / "memory.db", folder / "global.db", MemorySettings())
    start = time.process_time()
    await memories.recall("where is the configuration read", count_use=False)
    first = time.process_time() - start
    recall, wall, remember = [], [], []
    for at, (title, body, _) in enumerate(drawn[:QUERIES]):
        # Half the questions are short, half are as long as a task with its context.
        text = title if at % 2 else f"{title} {body}"[:220]
        start, clock = time.process_time(), time.perf_counter()
        await memories.recall(text, count_use=False)
        recall.append(time.process_time() - start)
        wall.append(time.perf_counter() - clock)
    for title, body, path in drawn[QUERIES:]:
        start = time.process_time()
        made = await memories.remember(title, f"{body} {path}")
        remember.append(time.process_time() - start)
        if made.outcome == "created":
            await memories.forget(made.memory.id)
    grown = resident() - before
    stats = await memories.stats()
    await memories.close()
    return {
        "recall": quantiles(recall), "wall": quantiles(wall), "remember": quantiles(remember), "first": first * 1000,
        "grown": grown / 1e6, "bytes": stats["project"]["bytes"], "size": size,
    }  # fmt: skip


async def import_time(folder: Path) -> None:
    """Export 10,000 memories to a folder of Markdown and import it into an empty store."""
    await build(folder / "exported", 10_000)
    memories = await Memories.open(
        folder / "exported" / "memory.db", folder / "exported" / "global.db", MemorySettings()
    )
    await memories.export(folder / "markdown")
    await memories.close()
    fresh = await Memories.open(folder / "fresh.db", folder / "fresh_global.db", MemorySettings())
    start, cpu = time.perf_counter(), time.process_time()
    done = await fresh.import_(folder / "markdown")
    print(
        f"import of {done.created} memories from Markdown: {time.perf_counter() - start:.1f} s wall,"
        f" {time.process_time() - cpu:.1f} s CPU (at most 10)"
    )
    await fresh.close()


def baselines(size: int, folder: Path) -> Iterator[tuple[str, Callable[[str], object]]]:
    """The seed's way of searching the same texts, and the published agents' own, where they are installed."""
    from rank_bm25 import BM25Okapi

    source = passages(1)
    texts = [next(source)[:2] for _ in range(size)]
    words = [" ".join(text).lower() for text in texts]
    yield (
        "rank_bm25 rebuilt per query",
        lambda q: BM25Okapi([t.split() for t in words]).get_scores(q.lower().split()),
    )
    with contextlib.suppress(ImportError):
        store = importlib.import_module("mazu.memory.store").MemoryStore(folder / "mazu.db")
        for title, body in texts:
            store.add("fact", title, body)
        context = importlib.import_module("mazu.memory.retrieval").build_context_block
        yield "mazu's context block", lambda q: context(store, q)
    with contextlib.suppress(ImportError):
        recent = importlib.import_module("control.chatmem.memory.recent_memory").RecentMemory
        memory = recent(str(folder / "memocode.db"), None)
        for at, (title, body) in enumerate(texts):
            memory.add(at, f"{title} {body}")
        yield "memocode's search", memory.search


def asked(ask: Callable[[str], object]) -> float:
    """The median CPU milliseconds of five questions."""
    source = passages(2)
    times = []
    for _ in range(5):
        query = next(source)[0]
        start = time.process_time()
        ask(query)
        times.append(time.process_time() - start)
    return sorted(times)[2] * 1000


def quantiles(seconds: list[float]) -> tuple[float, float]:
    ordered = sorted(1000 * s for s in seconds)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
