"""Meaning, where the user gave vectors: it decides between equals in words, and its absence is said once."""

from pathlib import Path

from mazu_ls.config import MemorySettings
from mazu_ls.memory.memories import Memories

VECTORS = """5 3
car 1 0 0
automobile 0.9 0.1 0
garage 0.8 0.2 0
banana 0 0 1
park 0.5 0 0.5
"""


async def test_a_word_of_like_meaning_ranks_higher(tmp_path: Path):
    (tmp_path / "vectors.txt").write_text(VECTORS)
    memories = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", MemorySettings(semantic=True))
    await memories.remember("Where we park: the garage")
    await memories.remember("Where we park: the banana")
    found = await memories.recall("where to park the automobile")
    assert [m.title for m in found] == ["Where we park: the garage", "Where we park: the banana"]
    assert (found[0].score or 0) > (found[1].score or 0)
    await memories.close()


async def test_without_vectors_words_alone_decide_and_the_reason_is_told(tmp_path: Path):
    for text in (None, "", "one 1 2\ntwo 1\n"):
        if text is not None:
            (tmp_path / "vectors.txt").write_text(text)
        memories = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", MemorySettings(semantic=True))
        await memories.remember("Where we park")
        assert len(await memories.recall("park")) == 1
        assert memories.vectors
        assert "vectors.txt" in memories.vectors.problem
        await memories.close()
