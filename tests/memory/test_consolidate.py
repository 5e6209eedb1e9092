"""Consolidation proposes, and does nothing until it is told to; then in one go."""

from datetime import UTC, datetime, timedelta

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.memory.graph.stored_proposals import decide, find_proposals
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
    await memories.consolidate()
    result = await memories.shelves.store("project").write(lambda rows: decide(rows, (), "applied"))
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
    result = await memories.consolidate()
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


async def test_single_proposals_are_applied_as_shown_dismissed_or_stale(memories: Memories):
    await filled(memories)
    store = memories.shelves.store("project")
    shown = {p.kind: p for p in (await memories.consolidate()).proposals}
    assert {p.id for p in shown.values()} == {"c1.1", "c1.2", "c1.3", "c1.4"}
    assert shown["archive_duplicate"].titles == ("Tests are run with pytest", "The tests run with pytest")
    # What comes later is not part of what was shown; what was shown and changed since is not applied.
    await memories.update("m_000004", title="Deploys of the blue pipeline need three approvals")
    done = await store.write(lambda rows: decide(rows, [shown["archive_duplicate"].id], "applied"))
    assert [m.id for m in done.archived] == ["m_000001"] and not done.pages
    await store.write(lambda rows: decide(rows, [shown["archive_faded"].id], "dismissed"))
    done = await store.write(lambda rows: decide(rows, [shown["page"].id], "applied"))
    assert not done.pages
    states = {p.kind: p.state for p in (await store.read(find_proposals)).proposals}
    assert states == {
        "archive_duplicate": "applied",
        "archive_faded": "dismissed",
        "page": "stale",
        "role": "open",
    }
    assert "1 proposal was not applied: what it is about changed since." in done.digest and done.not_applied
    for ids, problem in (
        ([shown["role"].id], "only you write"),
        ([shown["archive_faded"].id], "was dismissed already"),
        (["c9.1"], "No proposal is called c9.1"),
    ):
        with pytest.raises(MazuError, match=problem):
            await store.write(lambda rows, of=ids: decide(rows, of, "applied"))
    again = await memories.consolidate()
    assert {p.kind for p in again.proposals} == {"page", "role"}, "what was dismissed is not proposed again"
    assert {p.id for p in again.proposals} == {"c2.1", "c2.2"}
    (page,) = (await store.write(lambda rows: decide(rows, (), "applied"))).pages
    assert "three approvals (m_000004)" in page.body
