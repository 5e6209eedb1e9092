"""False injections: what turns are given of memory for messages that it holds nothing about, and what recall says to nonsense.

    python benchmarks/recall_unrelated.py [--show] [--embeddings MODEL]

The store holds the facts of the sets of recall_paraphrase.py, the two older ones (161, twice what the budget of a turn holds), then all (361). The 100 messages
of data/unrelated.txt are about other things, half of them about programming, so that each memory which one of them is
given is wrong; data/unrelated-2.txt are 100 more, nearly all about programming, written before their result was seen; beside them the tasks of data/tasks.tsv, each with the memory that applies to it. The same facts are remembered once as facts and once as decisions, which stand while they fit. Nonsense must
be answered with the nearest three, said to be only that. Beside it: the same by words alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from recall_paraphrase import DATA, DEFAULT, LOOKED_AT

from mazu_ls.agent.project.embedding_model import open_encoder
from mazu_ls.config.config import Config, MemorySettings
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import ONLY_NEAREST
from mazu_ls.memory.search.inject import RecallContext

MESSAGES, TASKS = (DATA / "unrelated.txt", DATA / "unrelated-2.txt"), DATA / "tasks.tsv"
NONSENSE = (
    "qwzx blorf", "xkcd zzyzx", "asdf jkl", "flurb", "grmpf wuzzle snork", "zxcvbnm", "blah bleh bloh", "qqqq wwww eeee",
    "lorem ipsum dolor", "vrrm tktk pffft", "0x7f3a99", "hjkl;", "frobnitz quux", "mxyzptlk", "uiae nrtd", "jabberwocky slithy toves",
    "skdjfh ksjdhf", "ooga booga", "trololo", "wibble wobble",
)  # fmt: skip
BUDGET = MemorySettings().inject_tokens


async def count_wrong(memories: Memories, path: Path, *, show: bool) -> tuple[int, int]:
    """Return how many memories the messages of a file are given, and how many of them are given any."""
    given = troubled = 0
    for message in path.read_text(encoding="utf-8").strip().split("\n"):
        injection = await memories.inject(RecallContext(message), BUDGET)
        wrong = injection.memories[injection.standing_count :]
        given += len(wrong)
        troubled += bool(wrong)
        if show:
            for memory in wrong:
                print(f"    {message[:60]} -> {memory.title} ({memory.why})")
    return given, troubled


async def measure(
    category: str, files: Sequence[Path], *, semantic: bool, show: bool, embeddings: str | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = MemorySettings(semantic=semantic, embeddings=embeddings)
        encoder = open_encoder(Config(memory=settings), os.environ, [])
        memories = await Memories.open(
            Path(folder, "memory.db"), Path(folder, "global.db"), settings, encoder
        )
        lines = [line for path in files for line in path.read_text(encoding="utf-8").strip().split("\n")]
        for line in lines:
            await memories.remember(line.split("\t")[1], category=category)
        await memories.recall("warm")
        await memories.embedder.make_all()
        counts = [await count_wrong(memories, path, show=show) for path in MESSAGES]
        tasks = [line.split("\t") for line in TASKS.read_text(encoding="utf-8").strip().split("\n")]
        applied = stood = others = 0
        for task, fact in tasks:
            injection = await memories.inject(RecallContext(task), BUDGET)
            told = [memory.title for memory in injection.memories[injection.standing_count :]]
            standing = [memory.title for memory in injection.memories[: injection.standing_count]]
            applied += fact in told
            stood += fact in standing
            others += len(told) - (fact in told)
        claimed = 0
        for query in NONSENSE:
            found = await memories.recall(query, count_use=False)
            claimed += any(memory.why != ONLY_NEAREST for memory in found)
            if show:
                print(f"    {query}: {[(m.title, m.why) for m in found[:3]]}")
        await memories.close()
    print(
        f"  {len(lines)} of category {category + ', ' + ('words and meaning' if semantic else 'words alone'):<28}"
        f" memories given to 100 messages about other things, twice: {', '.join(f'{given} (in {troubled} of them)' for given, troubled in counts)};"
        f" {len(tasks)} tasks given what applies: {applied}, and {others} others; it stands in every turn: {stood};"
        f" nonsense answered as if found: {claimed} of {len(NONSENSE)}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="False injections and nonsense.")
    parser.add_argument("--show", action="store_true", help="name each")
    parser.add_argument("--embeddings", metavar="MODEL", help="a second model: a folder or `ollama:NAME`")
    options = parser.parse_args()
    for category, files in (("fact", LOOKED_AT), ("fact", DEFAULT), ("decision", DEFAULT)):
        for semantic in (False, True):
            second = options.embeddings if semantic else None
            asyncio.run(measure(category, files, semantic=semantic, show=options.show, embeddings=second))


if __name__ == "__main__":
    main()
