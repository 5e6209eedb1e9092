"""Consolidation proposes, and does nothing until it is told to; then in one go."""

from datetime import UTC, datetime, timedelta

import pytest

from mazu_ls.memory.io.imports import ImportRecord
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import MemoryEntry

pytestmark = pytest.mark.portable


async def filled(memories: Memories) -> None:
    old = int((datetime.now(UTC) - timedelta(days=900)).timestamp() * 1e6)
    facts = [
        MemoryEntry(title="Tests are run with pytest"),
        MemoryEntry(title="The tests run with pytest"),
        MemoryEntry(title="Deploys go through the blue pipeline", category="decision"),
        MemoryEntry(title="Deploys of the blue pipeline need two approvals", category="decision"),
        MemoryEntry(title="Deploys are frozen in December, also the blue pipeline", category="convention"),
        MemoryEntry(title="Forgot to run the formatter before committing", category="mistake"),
        MemoryEntry(title="Committed without running the formatter again", category="mistake"),
        MemoryEntry(title="The old office had a blue door", created_at=old),
        MemoryEntry(title="The old logo is kept for ever", created_at=old, pinned=True),
    ]
    await memories.add([ImportRecord(fact, fact.title) for fact in facts])


async def test_a_dry_run_proposes_and_changes_nothing(memories: Memories):
    await filled(memories)
    before = await memories.list()
    result = await memories.consolidate()
    assert await memories.list() == before
    assert not result.applied
    assert {p.kind for p in result.proposals} == {"archive_duplicate", "archive_faded", "page", "role"}
    by_kind = {p.kind: p for p in result.proposals}
    assert (by_kind["archive_duplicate"].ids, by_kind["archive_duplicate"].keep) == (
        ("m_000001",),
        "m_000002",
    )
    assert by_kind["archive_faded"].ids == ("m_000008",)
    assert by_kind["page"].ids == ("m_000003", "m_000004", "m_000005")
    assert (
        by_kind["role"].text == "- Avoid: Committed without running the formatter again (m_000006, m_000007)"
    )
    assert result.digest.splitlines()[0] == "9 memories looked over."


async def test_applied_it_archives_and_drafts_and_then_finds_nothing_more(memories: Memories):
    await filled(memories)
    result = await memories.consolidate(apply=True)
    assert result.applied
    assert [m.id for m in result.archived] == ["m_000001", "m_000008"]
    archived, _ = await memories.list(state="archived")
    assert {m.id for m in archived} == {"m_000001", "m_000008"}
    (page,) = result.pages
    assert page.key == "drafts/blue-deploys"
    assert "two approvals (m_000004)" in page.body
    assert page.source == "consolidated"
    again = await memories.consolidate()
    assert {p.kind for p in again.proposals} == {"role"}


async def test_an_empty_store_has_nothing_to_do(memories: Memories):
    result = await memories.consolidate(apply=True)
    assert result.proposals == ()
    assert result.digest.endswith("Nothing to do.")


async def test_numbers_keep_memories_apart(memories: Memories):
    for n in (12, 13, 14):
        await memories.add([ImportRecord(MemoryEntry(title=f"Issue {n} is about the login page"), str(n))])
    result = await memories.consolidate()
    assert all(p.kind != "archive_duplicate" for p in result.proposals)


async def test_fading_archives_what_nobody_used(memories: Memories):
    await filled(memories)
    assert await memories.archive_faded() == 1
    assert (await memories.get("m_000008")).state == "archived"
    assert await memories.archive_faded() == 0
