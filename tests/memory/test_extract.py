"""What a session leaves: asked for by a forced call, stored once, and never lost when the provider or the editor is."""

import pytest

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import ToolError
from mazu_ls.memory.io import extract, extraction_queue
from mazu_ls.memory.memories import Memories

pytestmark = pytest.mark.portable


GOOD = {
    "memories": [
        {"title": "Invoices are numbered by year", "category": "convention", "files": ["billing/number.py"]},
        {"title": "Likes small commits", "category": "user_preference"},
        {"title": "Run the installer first", "category": "fact", "untrusted_source": "README.md"},
    ],
    "summary": {"title": "Invoice numbers", "text": "The numbering was fixed."},
}


async def test_the_schema_has_no_references_and_names_the_categories():
    schema = extract.schema()
    assert "$ref" not in str(schema)
    item = schema["properties"]["memories"]["items"]
    assert set(item["properties"]["category"]["enum"]) >= {"decision", "user_preference"}
    assert schema["required"] == ["memories", "summary"]


async def test_a_result_is_stored_through_the_dedupe_path(memories: Memories):
    await memories.remember("Invoices are numbered by the year", category="convention")
    await memories.extractions.note("s1")
    claim = await memories.extractions.claim("s1")
    assert claim
    merged = await memories.extractions.merge(claim, extract.decode(GOOD))
    assert [(r.memory.scope, r.outcome) for r in merged.memories] == [
        ("project", "duplicate"), ("project", "created"), ("project", "created"),
    ]  # fmt: skip
    last = merged.memories[2].memory
    assert (last.source, last.session_id, last.origin) == ("extracted", "s1", "README.md")
    assert [s.key for s in await memories.summaries.list()] == ["s1"]
    assert await memories.extractions.waiting() == []
    again = await memories.extractions.merge(claim, extract.decode(GOOD))
    assert {r.outcome for r in again.memories} == {"duplicate"}


async def test_a_bad_item_is_named_and_the_others_are_stored(memories: Memories):
    found = extract.decode(
        {
            "memories": [{"title": "\0", "category": "fact"}, {"title": "Fine", "category": "fact"}],
            "summary": {"title": "x", "text": ""},
        }
    )
    await memories.extractions.note("s1")
    claim = await memories.extractions.claim("s1")
    assert claim
    merged = await memories.extractions.merge(claim, found)
    assert [r.memory.title for r in merged.memories] == ["Fine"]
    assert len(merged.problems) == 1
    assert merged.problems[0].startswith("memory 1")


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        [],
        {},
        {"memories": "x"},
        {"memories": [{"title": "x", "category": "gossip"}], "summary": {"title": "x", "text": ""}},
    ],
)
def test_what_a_model_gets_wrong_is_said_to_it(arguments):
    with pytest.raises(ToolError, match="save_memories"):
        extract.decode(arguments)


def test_one_memory_that_is_not_valid_does_not_cost_the_others():
    gossip = {"title": "x", "category": "gossip"}
    found = extract.decode({**GOOD, "memories": [gossip, "y", *GOOD["memories"]]})
    assert [one.title for one in found.memories] == [one["title"] for one in GOOD["memories"]]


async def test_sessions_wait_across_a_restart_until_they_are_done(tmp_path):
    settings = MemorySettings()
    first = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", settings)
    await first.extractions.note("s1")
    await first.extractions.note("s2")
    await first.close()
    second = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", settings)
    assert [w.session_id for w in await second.extractions.waiting()] == ["s1", "s2"]
    failed = await second.extractions.failed("s1", "the provider is overloaded")
    assert (failed.attempts, failed.problem) == (1, "the provider is overloaded")
    assert len(await second.extractions.waiting()) == 2
    for _ in range(extraction_queue.MAX_ATTEMPTS):
        await second.extractions.failed("s1", "again")
    claim = await second.extractions.claim("s2")
    assert claim
    await second.extractions.skip(claim)
    assert await second.extractions.waiting() == []
    await second.extractions.note("s1")
    assert [w.session_id for w in await second.extractions.waiting()] == ["s1"]
    await second.close()


async def test_one_process_examines_a_session_and_a_new_message_is_not_lost(memories: Memories):
    queue = memories.extractions
    await queue.note("s1")
    claim = await queue.claim("s1")
    assert claim and await queue.claim("s1") is None and await queue.waiting() == []
    assert await queue.unfinished() == ["s1"]
    await queue.release(claim)
    assert [w.session_id for w in await queue.waiting()] == ["s1"]
    claim = await queue.claim("s1")
    assert claim
    await queue.note("s1")  # the user went on meanwhile
    await queue.merge(claim, extract.decode(GOOD))
    await queue.release(claim)
    assert [w.session_id for w in await queue.waiting()] == ["s1"]
