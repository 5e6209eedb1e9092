"""Quality of recall: R@10, R@20, nDCG@10 over labelled sets, ours through the public recall path, beside two baselines.

    python benchmarks/recall_quality.py [--only NAME] [--embeddings MODEL] FILE...

A FILE is JSON (also gzipped): `docs: [{title, body, anchor, ts, session?}]` in time order and `queries: [{q, rel: [doc
index], bound, lo?, ts?, files?}]`; a query sees `docs[lo:bound]` and is asked at its own time. Each distinct `lo` is a
project of its own, filled up to a query's `bound` before that query is asked. Or a FILE is LoCoMo, CoSQA or a clone of a
git repository, as labelled_sets.py reads them. Where documents name no `session` and most of
them stand in runs of ten or more with at most a minute between two, as in recorded conversations, each run is one.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import math
import os
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
from labelled_sets import read_set

from mazu_ls.agent.project.embedding_model import open_encoder
from mazu_ls.config.config import Config, MemorySettings
from mazu_ls.memory.io.imports import ImportRecord
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import MemoryAnchor, MemoryEntry, identifier

SECOND = 1_000_000
SESSION_GAP = 60
CONVERSATION = 10
DEPTH = 20
OURS = {
    "ours, words only": {"forgetting": False, "sessions": False, "files": False},
    "ours + sessions": {"forgetting": False, "sessions": True, "files": False},
    "ours + sessions + forgetting (default)": {"forgetting": True, "sessions": True, "files": False},
    "ours + open files": {"forgetting": True, "sessions": True, "files": True},
}


@dataclass
class Score:
    """Sums over queries; seconds are CPU."""

    queries: int = 0
    r10: float = 0
    r20: float = 0
    ndcg10: float = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, ranked: Sequence[int], relevant: set[int], seconds: float) -> None:
        self.queries += 1
        self.r10 += len(relevant.intersection(ranked[:10])) / len(relevant)
        self.r20 += len(relevant.intersection(ranked[:20])) / len(relevant)
        gain = sum(1 / math.log2(rank + 2) for rank, doc in enumerate(ranked[:10]) if doc in relevant)
        self.ndcg10 += gain / sum(1 / math.log2(rank + 2) for rank in range(min(10, len(relevant))))
        self.seconds.append(seconds)

    def line(self, name: str) -> str:
        n = max(self.queries, 1)
        ms = sorted(1000 * s for s in self.seconds) or [0.0]
        return (
            f"  {name:<40} R@10 {self.r10 / n:.3f}  R@20 {self.r20 / n:.3f}  nDCG@10 {self.ndcg10 / n:.3f}"
            f"  CPU ms p50 {ms[len(ms) // 2]:.1f} p95 {ms[int(len(ms) * 0.95)]:.1f}"
        )


def load(path: Path) -> dict[str, Any]:
    if (known := read_set(path)) is not None:
        return known
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def by_project(queries: Sequence[dict[str, Any]]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    groups = defaultdict(list)
    for query in queries:
        groups[query.get("lo", 0)].append(query)
    for low, some in sorted(groups.items()):
        yield low, sorted(some, key=lambda query: query["bound"])


def sessions(docs: Sequence[dict[str, Any]]) -> list[str | None]:
    """The session of each document: as named, else by the gaps between times."""
    if any(doc.get("session") is not None for doc in docs):
        return [None if doc.get("session") is None else f"s{doc['session']}" for doc in docs]
    runs: list[int] = []
    for at, doc in enumerate(docs):
        gap = (doc.get("ts") or 0) - (docs[at - 1].get("ts") or 0) if at and doc.get("ts") else None
        runs.append(runs[-1] if gap is not None and 0 <= gap <= SESSION_GAP else at)
    long = {run for run, count in Counter(runs).items() if count >= CONVERSATION}
    if sum(run in long for run in runs) * 2 < len(runs):
        return [None] * len(docs)
    return [f"t{run}" for run in runs]


def record(at: int, doc: dict[str, Any], session: str | None) -> ImportRecord:
    stamp = int((doc.get("ts") or 0) * SECOND) + at % 1000
    entry = MemoryEntry(
        title=" ".join((doc.get("title") or "").split()),
        body=doc.get("body") or "",
        anchors=tuple(MemoryAnchor(path) for path in dict.fromkeys((doc.get("anchor") or "").split())),
        session_id=session,
        created_at=stamp if doc.get("ts") else 0,
    )
    return ImportRecord(entry, f"doc {at}", identifier("project", at + 1))


async def ours(
    data: dict[str, Any],
    *,
    forgetting: bool,
    sessions: Sequence[str | None],
    files: bool,
    embeddings: str | None,
) -> Score:
    score = Score()
    records = [
        record(at, doc, session) for at, (doc, session) in enumerate(zip(data["docs"], sessions, strict=True))
    ]
    for low, queries in by_project(data["queries"]):
        with tempfile.TemporaryDirectory() as folder:
            settings = MemorySettings(forgetting=forgetting, embeddings=embeddings)
            encoder = open_encoder(Config(memory=settings), os.environ, [])
            paths = Path(folder, "memory.db"), Path(folder, "global.db")
            memories = await Memories.open(*paths, settings, encoder)
            loaded = low
            for query in queries:
                if query["bound"] > loaded:
                    await memories.add(records[loaded : query["bound"]])
                    loaded = query["bound"]
                    await memories.embedder.make_all()
                at = datetime.fromtimestamp(query["ts"], UTC) if query.get("ts") else None
                start = time.process_time()
                near = (query.get("files") or ()) if files else ()
                # An empty query is refused; it counts as one that found nothing.
                found = (
                    await memories.recall(query["q"], limit=DEPTH, files=near, at=at, count_use=False)
                    if query["q"].strip()
                    else []
                )
                took = time.process_time() - start
                score.add([int(memory.id[2:]) - 1 for memory in found], set(query["rel"]), took)
            await memories.close()
    return score


def naive_bm25(data: dict[str, Any]) -> Score:
    """rank_bm25 as it is mostly used: lower-case words, one index per query's view (rebuilt only when the view grew)."""
    from rank_bm25 import BM25Okapi

    score = Score()
    words = [
        naive(f"{d.get('title') or ''} {d.get('body') or ''} {d.get('anchor') or ''}") for d in data["docs"]
    ]
    for low, queries in by_project(data["queries"]):
        model, bound = None, -1
        for query in queries:
            # Rebuilding for each of hundreds of views takes minutes; a view at most 2 % smaller ranks the same.
            if model is None or query["bound"] > bound:
                ahead = min(len(words), max(query["bound"], math.ceil(query["bound"] * 1.02)))
                bound = min(ahead, max(q["bound"] for q in queries))
                model = BM25Okapi(words[low:bound])
            start = time.process_time()
            scores = model.get_scores(naive(query["q"]))
            order = scores.argsort()[::-1]
            ranked = [
                low + int(i) for i in order[: 20 * DEPTH] if low + i < query["bound"] and scores[i] > 0
            ][:DEPTH]
            score.add(ranked, set(query["rel"]), time.process_time() - start)
    return score


def naive(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def fts5_porter(data: dict[str, Any]) -> Score:
    """FTS5's porter tokenizer, title twice, OR of the words without stop words."""
    from mazu_ls.memory.search.tokens import STOP_WORDS

    score = Score()
    db = apsw.Connection(":memory:")
    db.execute("CREATE VIRTUAL TABLE f USING fts5(title, body, anchor, tokenize = 'porter unicode61')")
    db.executemany(
        "INSERT INTO f (rowid, title, body, anchor) VALUES (?, ?, ?, ?)",
        (
            (i, d.get("title") or "", d.get("body") or "", d.get("anchor") or "")
            for i, d in enumerate(data["docs"])
        ),
    )
    for query in data["queries"]:
        words = [w for w in naive(query["q"]) if w not in STOP_WORDS] or naive(query["q"]) or ["-"]
        start = time.process_time()
        rows = db.execute(
            "SELECT rowid FROM f WHERE f MATCH ? AND rowid >= ? AND rowid < ? ORDER BY bm25(f, 2, 1, .5) LIMIT ?",
            (" OR ".join(f'"{w}"' for w in words), query.get("lo", 0), query["bound"], DEPTH),
        ).fetchall()
        score.add([n for (n,) in rows if isinstance(n, int)], set(query["rel"]), time.process_time() - start)
    return score


async def run(paths: Sequence[Path], only: str | None, embeddings: str | None) -> None:
    for path in paths:
        data = load(path)
        print(f"{data.get('name', path.stem)}: {len(data['docs'])} documents, {len(data['queries'])} queries")
        if only is None:
            print(naive_bm25(data).line("rank_bm25, naive tokens"), flush=True)
            print(fts5_porter(data).line("FTS5 porter, without stop words"), flush=True)
        known = sessions(data["docs"])
        for name, options in OURS.items():
            if only is not None and only not in name:
                continue
            if options["files"] and not any(query.get("files") for query in data["queries"]):
                continue
            result = await ours(
                data,
                forgetting=options["forgetting"],
                sessions=known if options["sessions"] else [None] * len(known),
                files=options["files"],
                embeddings=embeddings,
            )
            print(result.line(name), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--only", help="only our variants whose name holds this text, no baselines")
    parser.add_argument("--embeddings", metavar="MODEL", help="a second model: a folder or `ollama:NAME`")
    options = parser.parse_args()
    asyncio.run(run(options.files, options.only, options.embeddings))


if __name__ == "__main__":
    main()
