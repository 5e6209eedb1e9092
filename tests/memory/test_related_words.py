"""Related words: what developers call by different names is found and told, in a store that holds much else."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mazu_ls.memory.memories import Memories
from mazu_ls.memory.search import related_words, tokens
from mazu_ls.memory.search.inject import RecallContext
from mazu_ls.memory.search.related_words import RelatedWords

FACTS = (
    "Reimbursements need the sign-off of a team lead",
    "Vouchers can be combined, except with the summer sale",
    "Container images are scanned by Trivy",
    "The mailer gives up after four hours",
    "Geburtstage werden ohne Jahr angezeigt",
    "Los proveedores se dan de alta a mano",
    "Buttons have rounded corners of four pixels",
    "The parser of the query language is written in Rust",
    "Feature branches are deleted after the merge",
    "Sensors report every ten seconds",
    "Die Karte zeigt höchstens tausend Punkte",
    "The Polish office has its own printer queue",
    "Audio is stored as Opus",
    "Passengers see the platform twenty minutes before",
    "Teachers cannot see each other's marks",
    "Drafts are kept in the browser",
)


async def test_what_is_called_by_another_name_is_found_first_and_told(memories: Memories):
    for fact in FACTS:
        await memories.remember(fact)
    await memories.recall("warm")
    await memories.embedder.make_all()
    assert (await memories.recall("who inspects our Docker builds", limit=1))[0].title == FACTS[2]
    for message, fact in {
        "what becomes of emails while SMTP is down": FACTS[3],
        "how does the UI element look": FACTS[6],
        "how many places fit on one OpenStreetMap view": FACTS[10],
    }.items():
        told = (await memories.inject(RecallContext(message))).memories
        assert fact in [memory.title for memory in told], message


async def test_a_list_that_cannot_be_read_costs_nothing_but_its_words(
    memories: Memories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(related_words, "_LIST", tmp_path / "missing.txt")
    related_words._load.cache_clear()
    try:
        await memories.remember("The payment provider is Stripe")
        assert (await memories.recall("who processes credit cards", limit=1))[0].title.endswith("Stripe")
    finally:
        related_words._load.cache_clear()


def test_nothing_is_related_to_a_word_that_is_there_itself():
    asked = RelatedWords().ask("how do we double a number?")
    assert (
        asked.kinship({"total", "number", "argument"}) == asked.kinship({"doubl", "multipli", "shift"}) == 0
    )
    assert asked.kinship({"total", "argument"}) > 0


def test_words_that_say_nothing_are_in_no_group():
    groups = RelatedWords().groups
    assert not {"the", "who", "not", "und", "como", "les"} & groups.keys()
    assert groups["money"] & groups["cent"] & groups["dinero"]


def test_a_group_holds_each_word_once():
    for line in Path(related_words.__file__).with_name("related_words.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            for words in line.split("|"):
                assert len(set(words.split())) == len(words.split()), line


def test_words_are_stemmed_in_several_threads_at_once(monkeypatch: pytest.MonkeyPatch):
    """The stores of a recall are searched at the same time, and a stemmer is one object."""
    some = related_words._LIST.read_text("utf-8").replace("|", " ").split()[:600]
    alone = [tokens.inflected_stem(word, "german") for word in some]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3):
            monkeypatch.setattr(tokens, "_stems", {})
            with ThreadPoolExecutor(4) as pool:
                stems = [
                    pool.submit(lambda: [tokens.inflected_stem(word, "german") for word in some])
                    for _ in range(4)
                ]
            assert all(one.result() == alone for one in stems)
    finally:
        sys.setswitchinterval(before)
