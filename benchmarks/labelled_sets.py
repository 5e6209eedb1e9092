"""Labelled sets for recall_quality.py, made from data that others published. Nothing is downloaded.

- LoCoMo (Maharana et al. 2024; github.com/snap-research/locomo): `locomo10.json`, or the zip with one file for each
  conversation. Documents are the turns of a conversation, a query is a question, what is wanted the turns named as its
  evidence. Questions whose evidence names no turn are left out.
- CoSQA (Huang et al. 2021; github.com/Jun-jie-Huang/CoCLR): `cosqa-retrieval-test-500.json` or `-dev-500.json`, beside
  `code_idx_map.txt`. Documents are the 6,267 functions, a query is a web search.
- A clone of a git repository: documents are its newest commits, a query is the subject of a commit, what is wanted the
  earlier commits that its message cites by hash.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COMMITS, QUERIES, PATHS = 12_000, 400, 8
_HASH = re.compile(r"\b[0-9a-f]{7,40}\b")
_TURN = re.compile(r"D\d+:\d+")
_FORMAT = "%x01%H%x00%ct%x00%s%x00%b%x00"
_FUNCTION = re.compile(r"def\s+(\w+)")


def read_set(path: Path) -> dict[str, Any] | None:
    """`docs` and `queries` of one of the sets above; None where `path` is none of them."""
    if path.is_dir():
        return from_commits(path)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(".json") and "__MACOSX" not in n]
            return from_conversations([json.loads(archive.read(name)) for name in sorted(names)])
    if path.suffix != ".json":
        return None
    data = json.loads(path.read_bytes())
    if isinstance(data, list) and data and "retrieval_idx" in data[0]:
        return from_searches(data, json.loads((path.parent / "code_idx_map.txt").read_bytes()))
    return from_conversations(data) if isinstance(data, list) and data and "qa" in data[0] else None


def from_conversations(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """LoCoMo: each conversation is a project of its own, and each of its sessions a session."""
    docs: list[dict[str, Any]] = []
    queries: list[dict[str, Any]] = []
    for sample in samples:
        turns = sample.get("conversation", sample)
        low, places = len(docs), {}
        number = 1
        while f"session_{number}" in turns:
            at = datetime.strptime(turns[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y")
            for position, turn in enumerate(turns[f"session_{number}"]):
                places[turn["dia_id"]] = len(docs)
                docs.append(
                    {
                        "title": f"{turn['speaker']}: {turn.get('clean_text') or turn['text']}",
                        "body": turn.get("blip_caption") or "",
                        "ts": int(at.replace(tzinfo=UTC).timestamp()) + position,
                        "session": f"{low}-{number}",
                    }
                )
            number += 1
        for asked in sample["qa"]:
            named = [turn for text in asked.get("evidence") or () for turn in _TURN.findall(str(text))]
            wanted = sorted({places[turn] for turn in named if turn in places})
            if wanted:
                queries.append({"q": asked["question"], "rel": wanted, "lo": low, "bound": len(docs)})
    return {"name": "LoCoMo", "docs": docs, "queries": queries}


def from_searches(searches: list[dict[str, Any]], functions: dict[str, int]) -> dict[str, Any]:
    """CoSQA: a function's name is the title, its text the body."""
    codes = sorted(functions, key=lambda code: functions[code])
    at = {functions[code]: position for position, code in enumerate(codes)}
    docs = [{"title": name[1] if (name := _FUNCTION.search(code)) else "", "body": code} for code in codes]
    queries = [{"q": one["doc"], "rel": [at[one["retrieval_idx"]]], "bound": len(docs)} for one in searches]
    return {"name": "CoSQA", "docs": docs, "queries": queries}


def from_commits(repository: Path) -> dict[str, Any]:
    """The newest 12,000 commits without merges, and up to 400 of them that cite earlier ones, drawn with a fixed seed."""
    docs: list[dict[str, Any]] = []
    places: dict[str, int] = {}
    citing: list[dict[str, Any]] = []
    for name, stamp, subject, body, paths in reversed(list(_log(repository))):
        wanted = sorted({places[h[:7]] for h in _HASH.findall(body) if h[:7] in places})
        if wanted:
            citing.append({"q": subject, "rel": wanted, "bound": len(docs), "ts": stamp, "files": paths})
        places[name[:7]] = len(docs)
        docs.append({"title": subject, "body": body, "anchor": " ".join(paths), "ts": stamp})
    chosen = random.Random(1).sample(citing, min(QUERIES, len(citing)))
    return {"name": f"commits of {repository.name}", "docs": docs, "queries": chosen}


def _log(repository: Path) -> Iterator[tuple[str, int, str, str, list[str]]]:
    options = ("--no-merges", "--name-only", f"-n{COMMITS}", f"--format={_FORMAT}")
    command = ["git", "-C", str(repository), "log", *options]
    text = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "replace")
    for record in text.split("\x01")[1:]:
        name, stamp, subject, body, paths = record.split("\x00")
        named = [path for path in paths.split("\n") if path and " " not in path]
        yield name, int(stamp), subject, body.strip(), named[:PATHS]
