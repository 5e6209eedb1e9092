"""What is remembered, what is recognised, what replaces what, and what is refused."""

from collections.abc import Awaitable
from pathlib import Path

import pytest

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import AnchorRequest, TextRange
from mazu_ls.memory.store.forgotten import list_forgotten
from mazu_ls.state.store import select

pytestmark = pytest.mark.portable


async def titles(memories: Memories, state: str = "current") -> set[str]:
    found, _ = await memories.list(state=state)
    return {memory.title for memory in found}


async def test_a_duplicate_with_another_category_changes_the_category(memories: Memories):
    known = (await memories.remember("Deploys go out on Tuesdays only")).memory
    again = await memories.remember("Deploys go out on Tuesdays only", category="decision")
    assert (again.outcome, again.memory.id, again.memory.category) == ("duplicate", known.id, "decision")
    # What says no more, and what the agent thinks of the user's own, changes nothing.
    await memories.remember("Deploys go out on Tuesdays only")
    await memories.remember("Deploys go out on Tuesdays only", category="mistake", source="agent")
    assert (await memories.get(known.id)).category == "decision"


async def test_a_fact_is_stored_with_its_fields(memories: Memories):
    made = await memories.remember(
        "Invoices are numbered by year",
        "2026-0001 and so on",
        category="convention",
        tags=["#Billing", "billing"],
        pinned=True,
    )
    assert made.outcome == "created"
    assert made.memory.id == "m_000001"
    assert (made.memory.scope, made.memory.state, made.memory.source) == ("project", "current", "user")
    assert made.memory.tags == ("billing",)
    assert await memories.get("m_000001") == made.memory


async def test_a_preference_is_global_unless_told_otherwise(memories: Memories):
    assert (
        await memories.remember("Prefers short answers", category="user_preference")
    ).memory.id == "g_000001"
    here = await memories.remember("Prefers tabs here", category="user_preference", scope="project")
    assert here.memory.id == "m_000001"


@pytest.mark.parametrize(
    "again",
    [
        "The API server listens on port 8080",
        "  the API  server listens on port 8080 ",
        "API server listens on port 8080.",
        "The API server listnes on port 8080",
    ],
)
async def test_saying_it_again_is_a_duplicate(memories: Memories, again: str):
    await memories.remember("The API server listens on port 8080")
    made = await memories.remember(again, tags=["net"])
    assert made.outcome == "duplicate"
    assert made.memory.id == "m_000001"
    assert made.memory.tags == ("net",)
    assert (await memories.list())[1] == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The API server listens on port 8080", "The API server listens on port 9090"),
        ("Requests time out after 30 seconds", "Requests time out after 60 seconds"),
        ("We build with Python 3.11", "We build with Python 3.12"),
        ("Always push to main", "Never push to main"),
        ("Caching is enabled in tests", "Caching is disabled in tests"),
        ("Never use tabs", "Always use tabs"),
        ("Do not use mocks", "Use mocks"),
        ("Deploys happen only on Tuesdays", "Deploys happen only on Thursdays"),
        (
            "Los despliegues se hacen solo los martes por la mañana",
            "Los despliegues se hacen solo los jueves por la mañana",
        ),
        ("Deployt wird nur dienstags", "Deployt wird nur donnerstags"),
        ("Backups run daily", "Backups run weekly"),
        ("Retry three times", "Retry 5 times"),
        ("Los tests tardan diez minutos", "Los tests tardan veinte minutos"),
        ("The timeout is 30 s and retries are 5", "The timeout is 60 s and retries are 3"),
        ("The cache holds 100 entries for 5 minutes", "The cache holds 500 entries for 10 minutes"),
        (
            "Retry 5 times, wait 1 second between, give up after 60 seconds",
            "Retry 3 times, wait 2 seconds between, give up after 30 seconds",
        ),
        ("The limit is 10 for free users and 20 for paid", "The limit is 20 for free users and 10 for paid"),
        ("Backups run on Friday at 10", "Backups run on Monday at 9"),
    ],
)
async def test_a_changed_fact_supersedes_visibly(memories: Memories, old: str, new: str):
    first = await memories.remember(old)
    second = await memories.remember(new)
    assert second.outcome == "superseded"
    assert second.replaced is not None
    assert second.replaced.title == old
    assert second.memory.supersedes == first.memory.id
    assert (await memories.get(first.memory.id)).superseded_by == second.memory.id
    assert await titles(memories) == {new}
    assert await titles(memories, "superseded") == {old}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Issue 12 is about login", "Issue 13 is about login"),
        ("fact 12 from process 3", "fact 13 from process 3"),
        ("Use ruff for linting", "Use ruff for formatting"),
        (
            "The payments service stores invoices in Postgres",
            "The billing service stores invoices in Postgres",
        ),
        ("parse_header reads one line", "parse_body reads one line"),
        ("The standup is on Monday", "The retro is on Tuesday"),
        ("We freeze on Friday in staging", "We freeze on Monday in production"),
        ("Never use tabs in Python", "Always use tabs in Makefiles"),
        ("Never deploy on Fridays", "Never deploy on Mondays"),
        ("Don't release in December", "Don't release in August"),
        ("Step 3 runs after step 4", "Step 4 runs after step 3"),
        ("v1 of the API is frozen", "v2 of the API is frozen"),
        ("The v1.2 endpoints are deprecated", "The v1.3 endpoints are deprecated"),
    ],
)
async def test_like_is_not_same(memories: Memories, one: str, other: str):
    await memories.remember(one)
    assert (await memories.remember(other)).outcome == "created"
    assert await titles(memories) == {one, other}


async def test_what_differs_in_one_thing_is_named(memories: Memories):
    """Both hold: nobody but the user knows whether athena is gone or there are two servers."""
    old = await memories.remember("The staging server is called athena", category="decision")
    assert not old.alike
    new = await memories.remember("The staging server is called hermes", category="decision")
    assert new.outcome == "created" and [one.id for one in new.alike] == [old.memory.id]
    assert not (await memories.remember("Emails are sent through Postmark", category="decision")).alike
    again = await memories.remember(
        "The staging server is called hermes", category="decision", supersedes=old.memory.id
    )
    assert (again.outcome, again.memory.id, again.replaced and again.replaced.id) == (
        "superseded", new.memory.id, old.memory.id,
    )  # fmt: skip
    assert (await memories.get(old.memory.id)).state == "superseded"


async def test_the_same_title_with_another_short_body_is_the_fact_changed(memories: Memories):
    await memories.remember("Test runner", "unittest")
    made = await memories.remember("Test runner", "pytest, since May")
    assert made.outcome == "superseded"


async def test_forgetting_the_replacement_restores_the_replaced(memories: Memories):
    old = (await memories.remember("The port is 8080")).memory
    middle = (await memories.remember("The port is 9090")).memory
    newest = (await memories.remember("The port is 7070")).memory
    forgotten = await memories.forget(middle.id)
    assert forgotten.id == middle.id
    assert (await memories.get(newest.id)).supersedes == old.id
    assert (await memories.get(old.id)).superseded_by == newest.id
    await memories.forget(newest.id)
    restored = await memories.get(old.id)
    assert (restored.state, restored.superseded_by) == ("current", None)


@pytest.mark.parametrize(
    "row",
    [
        b"no json",
        b'{"title": "t", "source": "somebody"}',
        b'{"title": "t", "kind": "page", "category": "wiki", "key": "../../escape"}',
        b'{"title": "t", "body": "%s"}' % (b"x" * 200_000),
    ],
)
async def test_what_was_kept_of_a_forgotten_memory_is_checked_before_it_comes_back(
    memories: Memories, row: bytes
):
    fine = (await memories.remember("The payment provider is Stripe")).memory
    bad = (await memories.remember("Deploys go out on Tuesdays")).memory
    for one in (fine, bad):
        await memories.forget(one.id)
    await memories.shelves.store("project").writer.write(
        lambda db: db.execute("UPDATE memory_forgotten SET entry = ? WHERE n = 2", (row,))
    )
    with pytest.raises(MazuError, match=f"What was kept of {bad.id} cannot be read"):
        await memories.restore(bad.id)
    assert await titles(memories) == set()
    assert (fine.id, fine.title) in await list_forgotten(memories.shelves, 10)
    assert (await memories.restore(fine.id)).id == fine.id


async def test_a_fact_that_changes_back_is_live_again(memories: Memories):
    for port in ("8080", "9090", "8080"):
        made = await memories.remember(f"The port is {port}")
    assert made.outcome == "superseded"
    assert await titles(memories) == {"The port is 8080"}


async def test_supersedes_may_be_named_once(memories: Memories):
    old = (await memories.remember("We deploy by hand")).memory
    new = await memories.remember("A pipeline deploys", supersedes=old.id)
    assert new.outcome == "superseded"
    with pytest.raises(MazuError) as refused:
        await memories.remember("Nobody deploys", supersedes=old.id)
    assert refused.value.kind is Kind.CONFLICT
    assert new.memory.id in refused.value.hint


async def test_an_id_is_never_given_twice(memories: Memories):
    first = (await memories.remember("One thing")).memory.id
    await memories.forget(first)
    assert (await memories.remember("Quite another matter")).memory.id != first


async def test_update_changes_what_is_given_and_nothing_else(memories: Memories):
    made = (await memories.remember("A title", "a body", tags=["a"])).memory
    changed = await memories.update(made.id, body="another body", pinned=True)
    assert (changed.title, changed.body, changed.tags, changed.pinned) == (
        "A title",
        "another body",
        ("a",),
        True,
    )
    other = (await memories.remember("Something else entirely")).memory
    with pytest.raises(MazuError, match=made.id):
        await memories.update(other.id, title="A title", body="another body")


async def test_archived_ones_come_back_when_they_are_said_again(memories: Memories):
    made = (await memories.remember("The staging host is called heron")).memory
    assert (await memories.archive(made.id)).state == "archived"
    with pytest.raises(MazuError, match="archived"):
        await memories.archive(made.id)
    again = await memories.remember("The staging host is called heron")
    assert (again.outcome, again.memory.state) == ("duplicate", "current")


async def test_secrets_are_replaced_before_they_are_stored(memories: Memories, tmp_path):
    made = await memories.remember("The key is sk-ant-api03-abcdefghijklmnop", "DB_PASSWORD=Tr0ub4dor&3")
    assert "abcdefghijklmnop" not in made.memory.title
    assert "Tr0ub4dor" not in made.memory.body
    await memories.close()
    for file in tmp_path.glob("memory.db*"):
        assert b"Tr0ub4dor" not in file.read_bytes()
    # The fixture closes once more.
    memories.shelves = (await Memories.open(tmp_path / "x.db", tmp_path / "y.db", MemorySettings())).shelves


async def test_what_a_web_page_says_never_replaces_what_the_user_said(memories: Memories):
    said = (await memories.remember("The port is 8080")).memory
    read = await memories.remember("The port is 6666", origin="https://example.org", pinned=True)
    assert read.outcome == "created"
    assert (await memories.get(said.id)).state == "current"
    vouched = await memories.remember("The port is 6666")
    assert (vouched.outcome, vouched.memory.origin) == ("duplicate", None)


async def test_what_replaces_a_pinned_memory_is_pinned(memories: Memories):
    await memories.remember("The port is 8080", pinned=True)
    assert (await memories.remember("The port is 9090")).memory.pinned


async def test_enormous_texts_are_compared_quickly(memories: Memories):
    for word in ("heron", "otter"):
        made = await memories.remember(f"The story of the {word}", f"{word} wades " * 8000)
        assert made.outcome == "created"
    assert (await memories.remember("The story of the otter", "otter wades " * 8000)).outcome == "duplicate"


async def test_the_agent_may_not_write_where_writing_is_off_and_the_user_may(tmp_path):
    memories = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", MemorySettings(write="off"))
    with pytest.raises(MazuError) as refused:
        await memories.remember("A thing", source="agent")
    assert refused.value.kind is Kind.PERMISSION
    assert (await memories.remember("A thing")).outcome == "created"
    await memories.close()


async def test_without_a_folder_there_is_global_memory_only(tmp_path):
    memories = await Memories.open(None, tmp_path / "g.db", MemorySettings())
    with pytest.raises(MazuError, match="No folder is open"):
        await memories.remember("A fact")
    assert (await memories.remember("A fact", scope="global")).memory.id == "g_000001"
    assert [m.id for m in await memories.recall("fact")] == ["g_000001"]
    await memories.close()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": " \n\t "}, "title"),
        ({"title": "x" * 5000}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "half \ud83d of a pair"}, "title"),
        ({"title": "x", "body": "y" * 2_000_000}, "body"),
        ({"title": "x", "body": "\udc00"}, "body"),
        ({"title": "x", "category": "gossip"}, "category"),
        ({"title": "x", "scope": "galaxy"}, "scope"),
        ({"title": "x", "tags": [""]}, "tags"),
        ({"title": "x", "tags": ["t" * 500]}, "tags"),
        ({"title": "x", "anchors": [AnchorRequest("../../etc/passwd")]}, "anchors"),
        ({"title": "x", "anchors": [AnchorRequest("/etc/passwd")]}, "anchors"),
    ],
)
async def test_bad_input_names_the_field(memories: Memories, arguments: dict, field: str):
    with pytest.raises(InvalidArguments) as refused:
        await memories.remember(**arguments)
    assert refused.value.field == field
    assert (await memories.list())[1] == 0


@pytest.mark.parametrize(
    "id", ["m_000099", "g_000001", "x", "", "m_", "m_-1", "m_99999999999999999999", "m_١", "🦀"]
)
async def test_an_unknown_id_is_said_to_be_unknown(memories: Memories, id: str):
    for call in (memories.get, memories.forget, memories.update, memories.archive):
        with pytest.raises((MazuError, InvalidArguments)) as refused:
            await call(id)
        assert isinstance(refused.value, InvalidArguments) or refused.value.kind is Kind.NOT_FOUND


async def test_the_list_is_paged_over_both_scopes(memories: Memories):
    subjects = ["apples", "rivers", "compilers", "violins", "glaciers"]
    for subject in subjects[:3]:
        await memories.remember(f"About {subject}")
    for subject in subjects[3:]:
        await memories.remember(f"About {subject}", scope="global")
    seen = []
    for offset in range(0, 6, 2):
        page, total = await memories.list(limit=2, offset=offset)
        assert total == 5
        seen += [memory.id for memory in page]
    assert seen == ["m_000003", "m_000002", "m_000001", "g_000002", "g_000001"]
    assert (await memories.list(scope="global"))[1] == 2
    stats = await memories.stats()
    assert stats["project"]["states"] == {"current": 3}


async def test_a_range_with_its_text_gives_an_anchor(memories: Memories):
    made = await memories.remember(
        "Retries thrice",
        anchors=[
            AnchorRequest("net.py", TextRange(0, 0, 1, 4), text="def get():\n    for _ in range(3): ...")
        ],
    )
    (anchor,) = made.memory.anchors
    assert (anchor.path, anchor.state) == ("net.py", "fresh")
    assert anchor.evidence


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Do not edit src/gen/a.go by hand", "Do not edit src/gen/b.go by hand"),
        ("Rate limiting is on in staging", "Rate limiting is off in production"),
        ("The login feature is enabled for beta users", "The login feature is disabled for free users"),
        ("Service A owns the invoices table", "Service B owns the invoices table"),
        ("Never call parse_row outside the importer", "Never call parse_rows outside the importer"),
        ("Host db1 is drained on Mondays", "Host db2 is drained on Mondays"),
        ("Always run make lint in packages/web", "Never run make lint in packages/api"),
        ("The orders.created topic keeps seven days", "The orders.deleted topic keeps seven days"),
    ],
)
async def test_the_same_sentence_about_another_subject_is_another_memory(
    memories: Memories, first: str, second: str
):
    await memories.remember(first)
    assert (await memories.remember(second)).outcome == "created"
    assert {m.state for m in (await memories.list())[0]} == {"current"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Rate limiting is on in production", "Rate limiting is off in production"),
        ("Auf main darf man immer pushen", "Auf main darf man nie pushen"),
        ("El caché está activado siempre en producción", "El caché no está activado nunca en producción"),
        ("Indent with tabs", "Indent with spaces"),
        ("The API listens on port 8080", "The API listens on port 9090"),
        ("Do not edit src/gen/a.go", "Edit src/gen/a.go"),
    ],
)
async def test_the_opposite_about_the_same_subject_supersedes(memories: Memories, first: str, second: str):
    await memories.remember(first)
    assert (await memories.remember(second)).outcome == "superseded"


async def test_a_negation_in_another_language_is_no_duplicate(memories: Memories):
    await memories.remember("Generierte Dateien im Ordner gen werden von Hand geändert")
    made = await memories.remember("Generierte Dateien im Ordner gen werden nicht von Hand geändert")
    assert made.outcome == "superseded"


async def test_a_model_does_not_replace_what_the_user_wrote_or_pinned(memories: Memories):
    await memories.remember("The API listens on port 8080", pinned=True)
    made = await memories.remember("The API listens on port 9090", source="agent")
    assert (made.outcome, made.memory.pinned) == ("created", False)
    assert {m.state for m in (await memories.list())[0]} == {"current"}


async def test_a_model_inherits_no_pin(memories: Memories):
    first = (await memories.remember("The API listens on port 8080", pinned=True)).memory
    made = await memories.remember("The API listens on port 9090", source="agent", supersedes=first.id)
    assert (made.outcome, made.memory.pinned) == ("superseded", False)


async def test_what_was_forgotten_is_gone_when_its_time_is_over(tmp_path: Path):
    async def opened() -> Memories:
        return await Memories.open(tmp_path / "memory.db", tmp_path / "global.db", MemorySettings())

    def kept(memories: Memories) -> Awaitable[list[tuple[int]]]:
        return memories.shelves.store("project").reader.read(
            lambda db: select(db, "SELECT n FROM memory_forgotten")
        )

    memories = await opened()
    for title in ("The staging password is in the vault", "The API server listens on port 8080"):
        await memories.remember(title)
    await memories.forget("m_000001")
    await memories.forget("m_000002", for_good=True)
    assert await kept(memories) == [(1,)]
    await memories.shelves.store("project").writer.write(
        lambda db: db.execute("UPDATE memory_forgotten SET at = at - 31 * 86400 * 1000000") and None
    )
    with pytest.raises(MazuError, match="no forgotten memory"):
        await memories.restore("m_000001")
    await memories.close()
    memories = await opened()
    assert await kept(memories) == []
    await memories.close()
