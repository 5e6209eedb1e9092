"""Recall of facts that are asked for in other words: hit@1 and hit@5, by words alone (the baseline) and by meaning too.

    python benchmarks/recall_paraphrase.py [FILE...]

A FILE has lines `language<TAB>fact<TAB>question`; all its facts of all languages are remembered together. Of the two sets
beside this file, `paraphrases.tsv` is for development; `paraphrases-held-out.tsv` is looked at only to report. Both have
one author: how good recall is on questions of others only their questions can say.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mazu_ls.config import MemorySettings
from mazu_ls.memory.memories import Memories

DATA = Path(__file__).with_name("data")
DEFAULT = (DATA / "paraphrases.tsv", DATA / "paraphrases-held-out.tsv")


async def measure(pairs: list[tuple[str, str, str]], *, semantic: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "memory.db"), Path(folder, "global.db")
        memories = await Memories.open(*paths, MemorySettings(semantic=semantic))
        ids = {question: (await memories.remember(fact)).memory.id for _, fact, question in pairs}
        await memories.recall("warm")
        first, five, total = Counter[str](), Counter[str](), Counter[str]()
        began = time.process_time()
        for language, _, question in pairs:
            found = [memory.id for memory in await memories.recall(question, limit=5, count_use=False)]
            total[language] += 1
            first[language] += found[:1] == [ids[question]]
            five[language] += ids[question] in found
        spent = 1000 * (time.process_time() - began) / len(pairs)
        await memories.close()
    shown = "  ".join(f"{name} {first[name]}/{five[name]} of {total[name]}" for name in total)
    print(
        f"  {'words and meaning' if semantic else 'words alone':<18} hit@1/hit@5: {shown}  CPU {spent:.1f} ms a query"
    )


def main() -> None:
    for path in [Path(name) for name in sys.argv[1:]] or DEFAULT:
        pairs = [tuple(line.split("\t")) for line in path.read_text(encoding="utf-8").strip().split("\n")]
        print(f"{path.name}: {len(pairs)} pairs")
        for semantic in (False, True):
            asyncio.run(measure([(a, b, c) for a, b, c in pairs], semantic=semantic))


if __name__ == "__main__":
    main()
