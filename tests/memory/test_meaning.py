"""Recall by meaning: what is asked for in other words is found, on default settings and without a network."""

from pathlib import Path

import pytest

from mazu_ls.config import MemorySettings
from mazu_ls.memory.embeddings.text_embeddings import TextEmbeddings
from mazu_ls.memory.memories import Memories

FACTS = (
    "Amounts are whole cents",
    "Images are served from Cloudflare R2",
    "Deploys go out on Tuesdays only",
    "The payment provider is Stripe",
    "Passwords are hashed with argon2id",
)


async def test_a_question_in_other_words_finds_the_fact(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    for question, fact in {
        "how do we store money": "Amounts are whole cents",
        "where are pictures hosted": "Images are served from Cloudflare R2",
        "who processes credit cards": "The payment provider is Stripe",
        "which algorithm protects user credentials": "Passwords are hashed with argon2id",
    }.items():
        found = await memories.recall(question, limit=3)
        assert fact in [memory.title for memory in found], (question, found)
        assert "meaning" in next(memory.why or "" for memory in found if memory.title == fact)


async def test_where_nothing_matches_the_nearest_are_said_to_be_only_that(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    found = await memories.recall("zebra migration season in the Serengeti")
    assert len(found) <= 3
    assert all(memory.why == "no match, only the nearest in meaning" for memory in found)


async def test_a_text_that_changed_is_found_by_what_it_says_now(memories: Memories):
    made = (await memories.remember("Images are served from Cloudflare R2")).memory
    for fact in FACTS[2:]:
        await memories.remember(fact)
    await memories.recall("where are pictures hosted")
    await memories.update(made.id, title="Invoices are numbered by year")
    assert (await memories.recall("the numbering of bills", limit=1))[0].id == made.id


async def test_vectors_survive_a_restart_and_follow_what_is_forgotten(tmp_path: Path):
    paths = tmp_path / "memory.db", tmp_path / "global.db"
    memories = await Memories.open(*paths, MemorySettings())
    made = (await memories.remember("The payment provider is Stripe")).memory
    await memories.remember("Deploys go out on Tuesdays only")
    await memories.recall("who processes credit cards")
    await memories.close()
    memories = await Memories.open(*paths, MemorySettings())
    try:
        assert (await memories.recall("who processes credit cards", limit=1))[0].id == made.id
        await memories.forget(made.id)
        assert made.id not in [m.id for m in await memories.recall("who processes credit cards")]
    finally:
        await memories.close()


async def test_without_it_recall_goes_by_words_alone(tmp_path: Path):
    memories = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", MemorySettings(semantic=False))
    try:
        await memories.remember("The payment provider is Stripe")
        assert await memories.recall("who processes credit cards") == []
    finally:
        await memories.close()


async def test_a_store_that_cannot_be_written_is_still_searched_by_words(memories: Memories):
    await memories.remember("The payment provider is Stripe")
    for store in memories.shelves:
        await store.writer.read(lambda db: db.execute("PRAGMA query_only = 1").fetchall())
    assert [m.title for m in await memories.recall("stripe", count_use=False)] == [
        "The payment provider is Stripe"
    ]
    for store in memories.shelves:
        await store.writer.read(lambda db: db.execute("PRAGMA query_only = 0").fetchall())


async def test_a_question_in_another_language_finds_the_fact(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    for question, fact in {
        "womit schützen wir Passwörter": "Passwords are hashed with argon2id",
        "dónde están alojadas las imágenes": "Images are served from Cloudflare R2",
        "qui s'occupe des paiements": "The payment provider is Stripe",
    }.items():
        assert (await memories.recall(question, limit=1))[0].title == fact, question


def test_a_cut_file_of_the_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAZU_CACHE_HOME", str(tmp_path))
    before = TextEmbeddings().embed(["where are pictures hosted"])
    (table,) = tmp_path.rglob("table.bin")
    table.write_bytes(table.read_bytes()[:1000])
    assert (TextEmbeddings().embed(["where are pictures hosted"]) == before).all()
    assert [path.name for path in tmp_path.iterdir() if "." in path.name] == []


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAZU_CACHE_HOME", str(tmp_path / "file" / "below"))
    made = TextEmbeddings().embed(["where are pictures hosted", ""])
    assert [round(float(row @ row), 3) for row in made] == [1, 0]
