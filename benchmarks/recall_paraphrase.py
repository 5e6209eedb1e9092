"""Recall of facts that are asked for in other words: hit@1 and hit@5, by words alone (the baseline) and by meaning too.

    python benchmarks/recall_paraphrase.py [--half development|untouched] [--strict] [--together] [--embeddings MODEL] [FILE...]

A FILE has lines `language<TAB>fact<TAB>question`; all its facts of all languages are remembered together. `--strict` asks only
what shares no stem with its fact. "as a match": so many of the right answers among the first five are shown as found, and not as
merely the nearest. "told": so many questions, sent to the agent as a message, bring their fact with them. `--together` remembers the
facts of the first four sets (361), and of the files that are asked, in one store. `--embeddings` is the setting `memory.embeddings`: a folder, or `ollama:NAME`. Of the sets beside this file, `paraphrases.tsv` and
`paraphrases-held-out.tsv` were looked at while weights were chosen; of `paraphrases-2.tsv` and `-3.tsv`, written without a look at
the code, every second line is for development (the first, the third ...), the others were only reported, more than once by now. `paraphrases-4.tsv` was written blind, too, and measured
once, when nothing was chosen any more; its pairs may share words, as questions of users do. So was `paraphrases-5.tsv`.
`paraphrases-6.tsv` was written right before the list of related words (memory/search/related_words.txt) by the same author, so that it
flatters that list. `paraphrases-7.tsv` was written blind and measured once. All have one author: how good recall is on questions of others only their questions can say.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from mazu_ls.agent.project.embedding_model import open_encoder
from mazu_ls.config.config import Config, MemorySettings
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import matches
from mazu_ls.memory.search.index import analyze
from mazu_ls.memory.search.inject import RecallContext
from mazu_ls.memory.search.recall import weigh_terms

DATA = Path(__file__).with_name("data")
LOOKED_AT = (DATA / "paraphrases.tsv", DATA / "paraphrases-held-out.tsv")
WRITTEN_BLIND = (DATA / "paraphrases-2.tsv", DATA / "paraphrases-3.tsv")
DEFAULT = (*LOOKED_AT, *WRITTEN_BLIND)
MEASURED_ONCE = DATA / "paraphrases-4.tsv"
Pair = tuple[str, str, str]


def read(path: Path) -> list[Pair]:
    lines = path.read_text(encoding="utf-8").strip().split("\n")
    return [(language, fact, question) for language, fact, question in (line.split("\t") for line in lines)]


def shares_a_stem(pair: Pair) -> bool:
    return not weigh_terms([(pair[2], 1.0)]).keys().isdisjoint(analyze(pair[1], "", ()).title)


async def measure(
    pairs: list[Pair], asked: list[Pair], *, semantic: bool, embeddings: str | None = None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "memory.db"), Path(folder, "global.db")
        settings = MemorySettings(semantic=semantic, embeddings=embeddings)
        warnings: list[str] = []
        encoder = open_encoder(Config(memory=settings), os.environ, warnings)
        assert not warnings, warnings
        memories = await Memories.open(*paths, settings, encoder)
        ids = {question: (await memories.remember(fact)).memory.id for _, fact, question in pairs}
        await memories.recall("warm")
        await memories.embedder.make_all()
        first, five, total = Counter[str](), Counter[str](), Counter[str]()
        sure = told = given = 0
        began = time.process_time()
        for language, _, question in asked:
            result = await memories.recall(question, limit=5, count_use=False)
            found = [memory.id for memory in result]
            sure += any(memory.id == ids[question] and matches(memory) for memory in result)
            total[language] += 1
            first[language] += found[:1] == [ids[question]]
            five[language] += ids[question] in found
        spent = 1000 * (time.process_time() - began) / max(len(asked), 1)
        for _, _, question in asked:
            injected = (await memories.inject(RecallContext(question), settings.inject_tokens)).memories
            given += len(injected)
            told += ids[question] in {memory.id for memory in injected}
        await memories.close()
    shown = "  ".join(f"{name} {first[name]}/{five[name]} of {total[name]}" for name in total)
    print(
        f"  {embeddings or ('words and meaning' if semantic else 'words alone'):<18} hit@1/hit@5: {shown}  all {five.total()} of {total.total()},"
        f" {sure} as a match, {told} told ({given / max(len(asked), 1):.1f} memories a message)  CPU {spent:.1f} ms a query"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument(
        "--half", choices=("development", "untouched"), help="of the sets that were written blind"
    )
    parser.add_argument("--embeddings", metavar="MODEL", help="a second model: a folder or `ollama:NAME`")
    parser.add_argument("--strict", action="store_true", help="ask only what shares no stem with its fact")
    parser.add_argument(
        "--together", action="store_true", help="one store with the facts of the first four sets, too"
    )
    options = parser.parse_args()
    for path in options.files or (WRITTEN_BLIND if options.half else (*DEFAULT, MEASURED_ONCE)):
        pairs = read(path)
        asked = pairs[options.half == "untouched" :: 2] if options.half else pairs
        asked = [pair for pair in asked if not (options.strict and shares_a_stem(pair))]
        if options.together:
            pairs = list(dict.fromkeys([pair for file in (*DEFAULT, path) for pair in read(file)]))
        print(f"{path.name}: {len(pairs)} facts, {len(asked)} asked")
        for semantic in (False, True):
            asyncio.run(measure(pairs, asked, semantic=semantic))
        if options.embeddings:
            asyncio.run(measure(pairs, asked, semantic=True, embeddings=options.embeddings))


if __name__ == "__main__":
    main()
