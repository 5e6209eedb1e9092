"""Export and import: nothing is lost, people may edit, and an interruption costs nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mazu_ls.config.config import MemorySettings
from mazu_ls.errors import InvalidArguments, MazuError
from mazu_ls.memory.io import imports, markdown
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import AnchorRequest, MemoryAnchor, MemoryEntry, TextRange

pytestmark = pytest.mark.portable


BODY = "# no title\n---\nid: m_000009\n---\n<!-- mazu: next memory -->\n\\<!-- mazu: next memory -->\n\n  indented\n\n"


async def opened(folder: Path) -> Memories:
    return await Memories.open(folder / "memory.db", folder / "global.db", MemorySettings())


async def everything(memories: Memories) -> dict[str, object]:
    await memories.flush_uses()
    found = {}
    for shelf in memories.shelves:
        for memory in await shelf.read(lambda rows: rows.memories(rows.entries("1"))):
            found[memory.id] = replace(memory, strength=0)
    return found


async def filled(memories: Memories) -> None:
    await memories.remember(
        "The port is 8080",
        BODY,
        tags=["net", "true", "7"],
        anchors=[AnchorRequest("a b.py", TextRange(1, 2, 3, 4), "f", "x\ny\nz\nw")],
    )
    await memories.remember("The port is 9090", BODY, pinned=True, origin="https://x.org/#a: b")
    await memories.remember("true", "null", category="user_preference")
    await memories.remember('# not a heading: [x], "y"', category="decision", session_id="s1")
    await memories.archive((await memories.remember("Old story of the heron")).memory.id)
    await memories.wiki.write("build/release", "# Release\n\nTag it.\n\n## Then\n\nWait.", tags=["ops"])
    await memories.traits.set("name", "Ada\nLovelace")
    await memories.summaries.put("s1", "Ports", "They changed.")
    await memories.graph.add("web", "calls", "api")
    await memories.recall("port")


@pytest.mark.parametrize("target", ["folder", "one.md"])
async def test_what_is_exported_comes_back_the_same(memories: Memories, tmp_path: Path, target: str):
    await filled(memories)
    before = await everything(memories)
    count = await memories.export(tmp_path / target)
    assert count == len(before) == 9
    (tmp_path / "fresh").mkdir()
    fresh = await opened(tmp_path / "fresh")
    done = await fresh.import_(tmp_path / target)
    assert (done.count, done.created, done.problems) == (9, 9, [])
    assert await everything(fresh) == before
    again = await fresh.import_(tmp_path / target)
    assert (again.unchanged, again.created, again.updated, again.duplicates) == (9, 0, 0, 0)
    assert [m.key for m in await fresh.recall("tag the release", kinds=["page"])] == ["build/release"]
    assert (await fresh.graph.path("web", "api"))[0].relation == "calls"
    await fresh.close()


async def test_what_a_person_edits_is_taken_over(memories: Memories, tmp_path: Path):
    id = (await memories.remember("We use tabs", "since 2019", category="convention")).memory.id
    await memories.export(tmp_path / "out")
    (file,) = (tmp_path / "out/project/convention").glob("*.md")
    file.write_text(
        file.read_text()
        .replace("tabs", "four spaces")
        .replace("category: convention\n", "category: decision\ntags: [style]\n")
    )
    (tmp_path / "out/project/mine.md").write_text("# Deploys happen on Mondays\n\nNever on Fridays.\n")
    (tmp_path / "out/project/wiki").mkdir()
    (tmp_path / "out/project/wiki/onboarding.md").write_text("# Welcome\n\nRead this first.\n")
    done = await memories.import_(tmp_path / "out")
    assert (done.updated, done.created, done.problems) == (1, 2, [])
    changed = await memories.get(id)
    assert (changed.title, changed.category, changed.tags) == ("We use four spaces", "decision", ("style",))
    assert (await memories.recall("deploys mondays"))[0].source == "imported"
    assert (await memories.wiki.read("onboarding")).title == "Welcome"
    await memories.export(tmp_path / "out")
    assert len(list((tmp_path / "out").rglob(f"{id}*"))) == 1


async def test_another_projects_memories_come_under_new_ids_with_their_chain(
    memories: Memories, tmp_path: Path
):
    (tmp_path / "other").mkdir()
    other = await opened(tmp_path / "other")
    for port in ("8080", "9090"):
        await other.remember(f"The port is {port}")
    await other.remember("Otters swim")
    await other.export(tmp_path / "out")
    await other.close()
    await memories.remember("Otters swim")
    await memories.remember("Herons wade")
    done = await memories.import_(tmp_path / "out")
    assert (done.created, done.duplicates) == (2, 1)
    newest, _ = await memories.list(state="current")
    port = next(m for m in newest if m.title == "The port is 9090")
    assert port.supersedes
    assert (await memories.get(port.supersedes)).title == "The port is 8080"
    await memories.forget(port.id)
    assert (await memories.get(port.supersedes)).state == "current"


async def test_what_cannot_be_read_is_named_and_the_rest_is_taken(memories: Memories, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.md").write_text("# A good one\n")
    (folder / "binary.md").write_bytes(b"\xff\xfe\x00")
    (folder / "open.md").write_text("---\nid: m_000001\n# never ends\n")
    (folder / "field.md").write_text("---\ncolour: blue\n---\n# x\n")
    (folder / "category.md").write_text("---\ncategory: gossip\n---\n# x\n")
    (folder / "time.md").write_text("---\ncreated: yesterday\n---\n# x\n")
    (folder / "escape.md").write_text("---\nkind: page\nkey: ../../x\ncategory: wiki\n---\n# x\n")
    (folder / "session.md").write_text("---\nkind: summary\nkey: ../../x\ncategory: summary\n---\n# x\n")
    (folder / "edge.md").write_text("---\nkind: relation\nkey: ../../x\ncategory: relation\n---\n# x\n")
    (folder / "nul.md").write_text("# x\0y\n")
    done = await memories.import_(folder)
    assert done.created == 1
    assert {problem.partition(":")[0] for problem in done.problems} == {
        "binary.md", "open.md", "field.md", "category.md", "time.md", "escape.md", "nul.md", "session.md", "edge.md",
    }  # fmt: skip
    with pytest.raises(MazuError):
        await memories.import_(tmp_path / "nowhere")


async def test_an_import_that_was_interrupted_goes_on_where_it_stopped(memories: Memories, tmp_path: Path):
    (tmp_path / "big").mkdir()
    source = await opened(tmp_path / "big")
    words = [
        f"{a} {b}"
        for a in ["red", "green", "blue", "pink", "grey", "teal"]
        for b in ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]
    ]
    for at in range(600):
        await source.add([imports.ImportRecord(MemoryEntry(title=f"{words[at % 48]} {at}"), str(at))])
    await source.export(tmp_path / "out.md")
    before = await everything(source)
    await source.close()

    def broken():
        for at, record in enumerate(imports.read(tmp_path / "out.md")):
            if at == 530:
                raise OSError("the disk went away")
            assert not isinstance(record, str)
            yield record

    with pytest.raises(OSError):
        await imports.store(memories.shelves.store("project"), broken(), imports.ImportResult())
    reached = (await memories.list())[1]
    assert reached == 500
    done = await memories.import_(tmp_path / "out.md")
    assert (done.unchanged, done.created) == (500, 100)
    assert await everything(memories) == before


async def test_export_to_a_place_that_cannot_be_written(memories: Memories, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MazuError, match="cannot be written"):
        await memories.export(tmp_path / "file" / "out")


words_of_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=60)
titles = words_of_text.map(lambda text: " ".join(text.split())).filter(bool)
entries = st.builds(
    MemoryEntry,
    n=st.integers(1, 10**9),
    category=st.sampled_from(["fact", "decision"]),
    title=titles,
    body=words_of_text,
    tags=st.lists(titles.map(lambda text: text.replace(" ", "-").casefold()[:20]), max_size=3).map(tuple),
    pinned=st.booleans(),
    origin=st.none() | titles,
    state=st.sampled_from(["current", "check", "archived"]),
    session_id=st.none() | titles,
    created_at=st.integers(1, 4 * 10**15),
    updated_at=st.integers(1, 4 * 10**15),
    anchors=st.lists(
        st.builds(
            MemoryAnchor,
            path=titles,
            symbol=words_of_text,
            range=st.none() | st.builds(TextRange, *[st.integers(0, 10**6)] * 4),
            state=st.sampled_from(["fresh", "moved", "stale"]),
            evidence=st.none() | st.just("abc.def.3"),
        ),
        max_size=2,
    ).map(tuple),
)


@given(entry=entries)
def test_every_entry_survives_its_file(entry: MemoryEntry):
    read, fields = markdown.read(markdown.write(entry, "project"), "x.md")
    assert fields["id"] == f"m_{entry.n:06d}"
    assert replace(read, n=entry.n) == entry


@pytest.mark.parametrize("tags", [("@", ","), ('a"b', "c, d"), ("[", '"')])
def test_tags_survive_their_list(tags: tuple[str, ...]):
    written = markdown.write(MemoryEntry(n=1, title="t", tags=tags), "project")
    assert markdown.read(written, "x.md")[0].tags == tags


def test_a_quotation_mark_that_never_closes_is_text():
    assert markdown.read('---\ntags: [a, "b]\n---\n# t\n', "x.md")[0].tags == ("a", '"b')


@given(text=st.text(max_size=300))
def test_any_text_is_a_memory_or_a_clear_refusal(text: str):
    try:
        entry, _ = markdown.read(text, "x.md")
    except InvalidArguments as error:
        assert str(error).startswith("x.md")
        return
    assert isinstance(entry.title, str)


WRITTEN_BY_HAND = """\
---
# a comment
kind: memory
category: 'it''s'
tags:
  - on
  - "limits, quota"
  - 007
pinned: true
origin: >-
  folded over
  two lines
anchors:
  - path: src/app.py
    symbol: total
    range: [1, 0, 2, 4]
---
# The title
"""


def test_front_matter_is_read_as_yaml():
    entry, _ = markdown.read(WRITTEN_BY_HAND, "x.md")
    assert entry.tags == ("on", "limits, quota", "007")
    assert (entry.category, entry.origin, entry.pinned) == ("it's", "folded over two lines", True)
    (anchor,) = entry.anchors
    assert anchor.symbol == "total" and anchor.range and anchor.range.end_line == 2
    assert markdown.read("---\ntags: alone\n---\n# t\n", "x.md")[0].tags == ("alone",)


def test_front_matter_that_would_grow_without_end_is_not_followed():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\ntags: [*b, *b]\n"
    with pytest.raises(InvalidArguments, match="not a field"):
        markdown.read(f"---\n{bomb}---\n# t\n", "x.md")
    deep = "tags: " + "[" * 20_000
    with pytest.raises(InvalidArguments, match="neither a list nor an object"):
        markdown.read(f"---\n{deep}\n---\n# t\n", "x.md")


@pytest.mark.parametrize("field", ["id: [broken", "id: m_1x", "supersedes: 7", "tags: [a, b", "category: {x"])
async def test_front_matter_that_cannot_be_read_is_no_new_memory(
    memories: Memories, tmp_path: Path, field: str
):
    (tmp_path / "x.md").write_text(f"---\n{field}\n---\n# A thing\n")
    result = await memories.import_(tmp_path)
    assert result.created == 0 and result.problems[0].startswith("x.md: ")
    assert (await memories.list())[1] == 0


async def test_front_matter_is_seen_however_an_editor_wrote_its_first_line(
    memories: Memories, tmp_path: Path
):
    made = (await memories.remember("Deploys go out on Tuesdays only", category="decision")).memory
    await memories.export(tmp_path / "out")
    (file,) = tmp_path.rglob("m_*.md")
    text = file.read_text().replace("Tuesdays", "Fridays")
    for written in (text.replace("\n", "\r\n"), text.replace("---\n", "--- \n", 1), "\ufeff\n" + text):
        file.write_bytes(written.encode())
        result = await memories.import_(file)
        assert (result.created, result.problems) == (0, []), written
    assert (await memories.get(made.id)).title == "Deploys go out on Fridays only"
    file.write_bytes(b"---\r\ncategory: gossip\r\n---\r\n# A new thing\r\n")
    result = await memories.import_(file)
    assert result.created == 0
    assert "category" in result.problems[0]


async def test_a_hand_written_file_is_a_memory_and_below_wiki_a_page(memories: Memories, tmp_path: Path):
    notes = tmp_path / "notes"
    (notes / "wiki" / "build").mkdir(parents=True)
    (notes / "plain.md").write_text("# Deploys go out on Tuesdays\n")
    (notes / "wiki" / "build" / "release.md").write_text("# Release\n\nTag, then push.\n")
    await memories.import_(notes)
    assert [memory.title for memory in (await memories.list())[0]] == ["Deploys go out on Tuesdays"]
    assert [page.key for page in await memories.wiki.list()] == ["build/release"]


async def test_a_file_of_one_sentence_is_called_by_it(memories: Memories, tmp_path: Path):
    notes = {
        "16.md": "Deploys go out on Tuesdays\n",
        "17.md": "- Amounts are whole cents\n\nSee price.py.\n",
        "build-notes.md": "First the tests.\n\nThen the release.\n",
    }
    for name, text in notes.items():
        (tmp_path / name).write_text(text)
        await memories.import_(tmp_path / name)
    found, _ = await memories.list()
    assert {(memory.title, memory.body) for memory in found} == {
        ("Deploys go out on Tuesdays", ""),
        ("Amounts are whole cents", "See price.py."),
        ("build notes", "First the tests.\n\nThen the release."),
    }
