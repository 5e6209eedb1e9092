"""What is found, in which order, and what is said about why."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import InvalidArguments
from mazu_ls.memory.io.imports import ImportRecord
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import AnchorRequest, MemoryEntry, matches
from mazu_ls.memory.search.language import detect_language

pytestmark = pytest.mark.portable


DAY = 86_400_000_000


async def filled(memories: Memories, *titles: str, **fields) -> None:
    for title in titles:
        await memories.remember(title, **fields)


async def best(memories: Memories, query: str, **options) -> str:
    found = await memories.recall(query, **options)
    return found[0].title if found else ""


NOTES = (
    "The getUserName helper strips titles",
    "Directories are removed by rm_tree_quietly",
    "Migrations run before the server starts",
    "数据库连接池最多十个连接",
    "Резервные копии хранятся тридцать дней",
    "Le café ferme à midi",
    "HTTP retries use exponential backoff",
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("user name", NOTES[0]),
        ("get_user_name", NOTES[0]),
        ("getusername", NOTES[0]),
        ("remove a directory", NOTES[1]),
        ("which migration is running at start?", NOTES[2]),
        ("连接池", NOTES[3]),
        ("резервная копия", NOTES[4]),
        ("cafe", NOTES[5]),
        ("retry policy of http", NOTES[6]),
    ],
)
async def test_words_are_found_in_other_forms_and_other_scripts(
    memories: Memories, query: str, expected: str
):
    await filled(memories, *NOTES)
    assert await best(memories, query) == expected


async def test_score_and_why_come_with_each(memories: Memories):
    await memories.remember(
        "The API server listens on port 8080", "behind nginx", pinned=True, origin="docs/setup.md"
    )
    await memories.remember("Ports below 1024 need root")
    first, second = await memories.recall("which port does the server use?")
    assert first.score == 1.0
    assert second.score is not None
    assert 0 < second.score < 1
    assert first.why == "matches port, server; pinned; untrusted, from docs/setup.md"


async def test_project_and_global_memories_are_ranked_together(memories: Memories):
    await filled(memories, "Indent Python with four spaces", "Sort imports", "Wrap lines at 110")
    await memories.remember("Likes Python type hints everywhere", category="user_preference")
    found = await memories.recall("python type hints")
    assert [memory.scope for memory in found][:2] == ["global", "project"]
    assert {m.scope for m in await memories.recall("python", scope="project")} == {"project"}


async def test_category_limit_and_superseded_ones(memories: Memories):
    await memories.remember("The cache lives for 10 minutes", category="fact")
    await memories.remember("The cache lives for 20 minutes", category="fact")
    await memories.remember("We decided for a cache", category="decision")
    assert [m.title for m in await memories.recall("cache minutes", category="fact")] == [
        "The cache lives for 20 minutes"
    ]
    assert len(await memories.recall("cache", limit=1)) == 1


async def test_the_archived_are_found_on_request_or_where_nothing_else_is(memories: Memories):
    made = (await memories.remember("The old mascot was a heron")).memory
    await memories.archive(made.id)
    (found,) = await memories.recall("mascot")
    assert (found.state, "archived" in (found.why or "")) == ("archived", True)
    await memories.remember("The new mascot is an otter")
    assert [m.state for m in await memories.recall("mascot")] == ["current"]
    assert len(await memories.recall("mascot", archived=True)) == 2


async def test_what_is_anchored_in_an_open_file_comes_first(memories: Memories):
    await memories.remember("Errors are logged once, in the handler")
    await memories.remember(
        "Errors are wrapped before they leave",
        "in every module that talks to the network",
        anchors=[AnchorRequest("net.py")],
    )
    assert await best(memories, "errors logged") == "Errors are logged once, in the handler"
    found = await memories.recall("errors", files=["net.py"])
    assert found[0].anchors[0].path == "net.py"
    assert "anchored in an open file" in (found[0].why or "")


async def test_in_a_conversation_the_answer_stands_next_to_the_question(memories: Memories):
    talk = [f"Turn {word}" for word in ("one", "two", "three", "four", "five", "six", "seven", "eight")]
    talk[3:3] = ["Where did you spend the holidays?", "In Lisbon with my sister"]
    noise = [ImportRecord(MemoryEntry(title=f"Filler {n} about nothing much"), f"n{n}") for n in range(50)]
    await memories.add(
        [ImportRecord(MemoryEntry(title=title, session_id="s1"), title) for title in talk] + noise
    )
    found = await memories.recall("where were the holidays spent")
    assert found[1].title == "In Lisbon with my sister"
    assert "same session" in (found[1].why or "")


async def test_a_handful_of_facts_of_one_session_are_no_conversation(memories: Memories):
    await memories.add(
        [
            ImportRecord(MemoryEntry(title=title, session_id="s1"), title)
            for title in ("Tests use pytest", "Otters swim")
        ]
    )
    assert [m.title for m in await memories.recall("pytest")] == ["Tests use pytest"]


async def test_age_decides_between_equals_and_hides_nothing(memories: Memories):
    now = datetime.now(UTC)
    old = int((now - timedelta(days=2000)).timestamp() * 1e6)
    new = int((now - timedelta(days=1)).timestamp() * 1e6)
    await memories.add(
        [
            ImportRecord(MemoryEntry(title="Release notes are written by hand", created_at=old), "a"),
            ImportRecord(MemoryEntry(title="Release notes are generated", created_at=new), "b"),
            ImportRecord(
                MemoryEntry(
                    title="The release train leaves on Monday",
                    body="notes follow",
                    created_at=old,
                    category="decision",
                ),
                "c",
            ),
        ]
    )
    found = await memories.recall("release notes by hand", at=now)
    assert found[0].title == "Release notes are written by hand"
    assert len(found) == 3
    strengths = {m.title: m.strength for m in found}
    assert strengths["Release notes are written by hand"] < 0.01
    assert strengths["The release train leaves on Monday"] == 1.0


async def test_use_is_counted_once_an_hour_and_makes_stronger(memories: Memories):
    long_ago = int((datetime.now(UTC) - timedelta(days=300)).timestamp() * 1e6)
    await memories.add([ImportRecord(MemoryEntry(title="Builds are reproducible", created_at=long_ago), "a")])
    (before,) = await memories.recall("reproducible builds")
    await memories.flush_uses()
    (after,) = await memories.recall("reproducible builds")
    await memories.flush_uses()
    assert before.strength < 0.3 < after.strength
    assert (await memories.get(before.id)).use_count == 1


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "*",
        "NEAR(a b)",
        "%",
        "a AND",
        "title:x",
        "^",
        "-",
        "(",
        "{title} : x",
        "or not and",
        "'; DROP TABLE memory; --",
    ],
)
async def test_search_syntax_is_only_text(memories: Memories, query: str):
    await filled(memories, "Alpha and beta", "x marks the title")
    assert isinstance(await memories.recall(query), list)
    assert (await memories.list())[1] == 2


async def test_a_query_of_stop_words_is_still_answered(memories: Memories):
    await filled(memories, "To be or not to be", "Whether it rains")
    assert await best(memories, "to be or not") == "To be or not to be"
    assert not any(map(matches, await memories.recall("qqqq zzzz")))


async def test_the_question_at_the_end_of_a_long_text_counts(memories: Memories):
    await filled(memories, *NOTES)
    log = " ".join(f"frame{n} word{n}x" for n in range(500))
    assert await best(memories, f"{log} how do http retries back off") == NOTES[6]


@pytest.mark.parametrize("query", ["", "  ", "a\0", "\ud800"])
async def test_no_query_is_refused(memories: Memories, query: str):
    with pytest.raises(InvalidArguments):
        await memories.recall(query)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(title=st.text(min_size=1, max_size=80), query=st.text(max_size=300))
async def test_any_text_can_be_stored_and_asked(memories: Memories, title: str, query: str):
    try:
        made = await memories.remember(title)
    except InvalidArguments:
        return
    if any(character.isalnum() for character in title):
        assert (
            made.memory.id
            in {m.id for m in await memories.recall(made.memory.title, limit=100, archived=True)}
            or "[redacted" in made.memory.title
        )
    try:
        await memories.recall(query)
    except InvalidArguments:
        assert not query.strip() or "\0" in query or any("\ud800" <= c <= "\udfff" for c in query)


@pytest.mark.parametrize(
    ("fact", "question"),
    [
        ("Die Rechnungen werden in den Häusern der Kunden gedruckt", "Rechnung"),
        ("Die Schlüssel liegen im Tresor", "wo ist der Schlüsseln"),
        ("Die Datenbanken laufen in Frankfurt", "welche Datenbank"),
        ("Les factures annulées sont archivées pendant dix ans", "comment annuler une facture"),
        ("Las contraseñas caducadas se renuevan cada mes", "cuándo caduca una contraseña"),
        ("Миграции запускаются отдельной командой", "запустить миграцию"),
        ("Parolalar veritabanında saklanmaz", "parola nerede saklanıyor"),
        ("Die Deployments laufen nur dienstags", "deployment"),
    ],
)
async def test_inflected_words_of_other_languages_are_found(tmp_path: Path, fact: str, question: str):
    memories = await Memories.open(tmp_path / "m.db", tmp_path / "g.db", MemorySettings(semantic=False))
    try:
        await memories.remember(fact)
        assert [memory.title for memory in await memories.recall(question)] == [fact]
    finally:
        await memories.close()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Deploys go out on Tuesdays only", ""),
        ("naming style of JSON fields", ""),
        ("Wir benutzen pnpm statt npm", "german"),
        ("Los pagos van por Stripe", "spanish"),
        ("Les tests ont besoin de Docker", "french"),
        ("Даты хранятся в UTC", "russian"),
        ("Sadece salı günleri yayına alıyoruz", "turkish"),
        ("As datas são guardadas em UTC", "portuguese"),
        ("getUserName", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_text(text: str, language: str):
    assert detect_language(text) == language
