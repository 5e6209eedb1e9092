"""Recall by meaning: what is asked for in other words is found, on default settings and without a network."""

from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from mazu_ls.config.config import MemorySettings
from mazu_ls.memory.embeddings import embedder
from mazu_ls.memory.embeddings.embedder import CATCH_UP
from mazu_ls.memory.embeddings.text_embeddings import TextEmbeddings
from mazu_ls.memory.embeddings.vector_rows import pending
from mazu_ls.memory.io.imports import ImportRecord
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import MemoryEntry, matches
from mazu_ls.memory.search.inject import RecallContext

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
        assert matches(next(memory for memory in found if memory.title == fact)), (question, found)


async def test_where_nothing_matches_the_nearest_are_said_to_be_only_that(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    found = await memories.recall("zebra migration season in the Serengeti")
    assert len(found) <= 3
    assert all(memory.why == "no match, only the nearest in meaning" for memory in found)


async def test_nonsense_is_answered_with_the_nearest_three_said_to_be_only_that(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    for nonsense in ("qwzx blorf", "zxcvbnm", "vrrm tktk pffft", "йцкн"):
        found = await memories.recall(nonsense)
        assert len(found) == 3, (nonsense, found)
        assert not any(map(matches, found)), (nonsense, found)


async def test_a_word_that_only_memory_knows_is_found_in_the_midst_of_nonsense(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    found = await memories.recall("qwzx argon2id")
    assert found[0].title == "Passwords are hashed with argon2id"
    assert matches(found[0])


async def test_a_turn_is_given_nothing_for_a_message_about_something_else(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    for message in (
        "How long should I boil an egg so that the yolk stays soft?",
        "Reverse a linked list in place.",
        "Plan a weekend in Edinburgh with two children.",
        "qwzx blorf",
    ):
        assert (await memories.inject(RecallContext(message))).memories == (), message
    given = await memories.inject(RecallContext("Add a refund endpoint that calls the payment provider."))
    assert [memory.title for memory in given.memories] == ["The payment provider is Stripe"]


async def test_beside_what_a_message_is_about_the_merely_related_is_left_out(memories: Memories):
    about = "The gateway drops idle websocket connections after 60 seconds"
    for fact in (
        about,
        "We poll the ERP every five minutes instead of webhooks",
        "JWT tokens live for 15 minutes, refresh tokens for 30 days",
        "The license server only accepts requests from the office network",
        "GraphQL only for the portal, everything else is REST",
        "The scheduler is APScheduler inside the worker, not cron",
    ):
        await memories.remember(fact)
    given = await memories.inject(RecallContext("websocket disconnects all the time"))
    assert [memory.title for memory in given.memories] == [about]


@pytest.mark.parametrize(("seconds", "waited_for"), [(0.0, CATCH_UP), (60.0, 41)])
async def test_a_query_does_not_wait_long_for_the_vectors_of_an_import(
    memories: Memories, monkeypatch: pytest.MonkeyPatch, seconds: float, waited_for: int
):
    monkeypatch.setattr(embedder, "CATCH_UP_SECONDS", seconds)
    await memories.embedder.close()
    titles = [f"Service {n} is written in Rust and listens on port {9000 + n}" for n in range(40)]
    entries = [MemoryEntry(title=title) for title in titles]
    await memories.add([ImportRecord(entry, entry.title) for entry in entries])
    await memories.remember("The payment provider is Stripe")
    assert (await memories.recall("who processes credit cards", limit=1))[0].title.endswith("Stripe")
    left = await memories.shelves.store("project").reader.read(lambda db: len(pending(db, 1000)))
    assert left == 41 - waited_for


async def test_what_has_no_vector_yet_is_found_by_words_as_well_as_before(memories: Memories):
    await memories.embedder.close()
    title = "The scheduler retries a failed export three times"
    await memories.add([ImportRecord(MemoryEntry(title=title), title)])
    await memories.add(
        [ImportRecord(MemoryEntry(title=one), one) for one in ("Exports run at night", *FACTS, *"abcd")]
    )
    found = await memories.recall("how often does the scheduler retry a failed export")
    assert found[0].title == title


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


async def test_of_two_languages_that_of_the_question_comes_first(memories: Memories):
    english, german = "Releases go out on Tuesdays only", "Wir veröffentlichen nur dienstags"
    for fact in (english, german, "Im Sommer wird nicht veröffentlicht"):
        await memories.remember(fact)
    first, second = await memories.recall("which day do we ship", limit=2)
    assert (first.title, second.title) == (english, german) and (second.score or 0) < 0.85
    assert (await memories.recall("an welchem Tag veröffentlichen wir", limit=1))[0].title == german


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


def test_the_products_of_small_matrices_take_one_thread():
    """More of them busy-wait for each other: ten times the CPU time of a vector, a tenth of that of a whole recall."""
    TextEmbeddings().embed(["where are pictures hosted"])
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


async def test_in_a_store_of_many_right_answers_are_shown_as_found(memories: Memories):
    """Not as merely the nearest; figures on more of them are printed by benchmarks/recall_paraphrase.py."""
    data = Path(__file__).parents[2] / "benchmarks" / "data" / "paraphrases.tsv"
    pairs = [line.split("\t")[1:] for line in data.read_text("utf-8").strip().split("\n")]
    await memories.add([ImportRecord(MemoryEntry(title=fact), fact) for fact, _ in pairs])
    await memories.embedder.make_all()
    answers = [
        memory
        for fact, question in pairs
        for memory in await memories.recall(question, limit=5, count_use=False)
        if memory.title == fact
    ]
    assert len(pairs) == 50
    assert len(answers) >= 40
    assert sum(map(matches, answers)) >= 32
