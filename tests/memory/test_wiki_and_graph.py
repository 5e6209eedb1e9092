"""Pages, traits, summaries and the graph that comes of them by itself."""

import pytest

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.graph.graph import GraphEdge
from mazu_ls.memory.memories import Memories
from mazu_ls.memory.models import AnchorRequest
from mazu_ls.memory.store.wiki import page_text

pytestmark = pytest.mark.portable


async def test_a_page_is_written_read_searched_and_listed(memories: Memories):
    await memories.wiki.write(
        "Build/Release", "---\ntags: [ops]\n---\n# How to release\n\nTag, then wait for the pipeline."
    )
    page = await memories.wiki.read("build/release")
    assert (page.key, page.title, page.tags) == ("build/release", "How to release", ("ops",))
    assert page_text(page) == "---\ntags: [ops]\n---\n# How to release\n\nTag, then wait for the pipeline.\n"
    await memories.wiki.write("build/local", "make all")
    await memories.wiki.write("people", "nobody")
    assert [p.key for p in await memories.wiki.list("build")] == ["build/local", "build/release"]
    assert [p.key for p in await memories.wiki.list(tag="ops")] == ["build/release"]
    assert next(p.key for p in await memories.recall("release pipeline", kinds=["page"])) == "build/release"
    assert (await memories.recall("how to release"))[0].category == "wiki"
    assert (await memories.list())[1] == 0


async def test_append_keeps_what_was_there_and_replace_does_not(memories: Memories):
    await memories.wiki.write("log", "# Log\n\nFirst.")
    await memories.wiki.write("log", "Second.", mode="append", tags=["diary"])
    page = await memories.wiki.read("log")
    assert (page.title, page.body, page.tags) == ("Log", "First.\n\nSecond.", ("diary",))
    await memories.wiki.write("log", "Anew.")
    assert (await memories.wiki.read("log")).body == "Anew."


@pytest.mark.parametrize("slug", ["", "/", "../x", "a//b", "a/../b", ".hidden", "x" * 300, "a\0", "a b/?"])
async def test_bad_slugs_are_refused(memories: Memories, slug: str):
    with pytest.raises(InvalidArguments):
        await memories.wiki.write(slug, "text")


async def test_pages_that_are_not_there_and_texts_that_are_empty(memories: Memories):
    with pytest.raises(MazuError) as unknown:
        await memories.wiki.read("nothing")
    assert unknown.value.kind is Kind.NOT_FOUND
    with pytest.raises(InvalidArguments):
        await memories.wiki.write("empty", " \n")
    with pytest.raises(InvalidArguments):
        await memories.wiki.write("x", "y", mode="prepend")  # type: ignore[arg-type]
    await memories.wiki.write("gone", "soon")
    assert (await memories.wiki.delete("gone")).body == "soon"
    assert await memories.wiki.list() == []


async def test_traits_are_set_pinned_and_deleted(memories: Memories):
    await memories.traits.set("language", "French", pinned=True)
    await memories.traits.set("editor", "Helix")
    assert (await memories.traits.set("language", "German")).pinned
    assert [(t.key, t.body) for t in await memories.traits.list()] == [
        ("language", "German"),
        ("editor", "Helix"),
    ]
    await memories.traits.delete("editor")
    with pytest.raises(MazuError):
        await memories.traits.delete("editor")
    with pytest.raises(InvalidArguments):
        await memories.traits.set("x", "  ")


async def test_summaries_are_found_by_recall(memories: Memories):
    await memories.summaries.put("s_1", "Parser work", "The tokenizer was rewritten.")
    await memories.summaries.put("s_1", "Parser work", "The tokenizer was rewritten and measured.")
    assert [s.key for s in await memories.summaries.list()] == ["s_1"]
    (found,) = await memories.recall("what happened to the tokenizer", kinds=["summary"])
    assert "measured" in found.body
    await memories.summaries.delete("s_1")
    assert await memories.summaries.list() == []


async def test_edges_come_by_themselves(memories: Memories):
    old = (
        await memories.remember(
            "The port is 8080", tags=["net"], anchors=[AnchorRequest("app.py", symbol="main")]
        )
    ).memory.id
    new = (await memories.remember("The port is 9090")).memory.id
    await memories.wiki.write("net", f"See [[Build/Release|how]] and {old}.")
    assert await memories.graph.match(source=new) == [GraphEdge(new, "supersedes", old)]
    assert await memories.graph.match(relation="tagged") == [GraphEdge(old, "tagged", "tag:net")]
    assert await memories.graph.match(source="page:net") == [
        GraphEdge("page:net", "links", "page:build/release"),
        GraphEdge("page:net", "mentions", old),
    ]
    assert await memories.graph.match(target="file:*") == [
        GraphEdge(old, "about", "file:app.py"),
        GraphEdge("symbol:app.py#main", "in", "file:app.py"),
    ]
    await memories.forget(new)
    assert await memories.graph.match(source=new) == []


async def test_neighbours_paths_and_a_drawing(memories: Memories):
    for source, relation, target in (
        ("Web", "calls", "API"),
        ("api", "stores in", "Postgres"),
        ("Worker", "reads", "postgres"),
        ("Island", "is", "alone"),
    ):
        await memories.graph.add(source, relation, target)
    near = await memories.graph.neighbours("web", 2)
    assert [(n.node, n.depth) for n in near] == [("entity:api", 1), ("entity:postgres", 2)]
    assert [n.node for n in await memories.graph.neighbours("postgres", direction="in")] == [
        "entity:api",
        "entity:worker",
    ]
    assert await memories.graph.neighbours("postgres", direction="out") == []
    chain = await memories.graph.path("web", "worker")
    assert [edge.relation for edge in chain] == ["calls", "stores in", "reads"]
    assert await memories.graph.path("web", "island") == []
    drawing = await memories.graph.mermaid("api")
    assert drawing == (
        "graph LR\n"
        '    n0["api"]\n'
        '    n1["postgres"]\n'
        '    n2["web"]\n'
        '    n0 -->|"stores in"| n1\n'
        '    n2 -->|"calls"| n0\n'
    )
    await memories.graph.remove("web", "calls", "api")
    with pytest.raises(MazuError):
        await memories.graph.remove("web", "calls", "api")
    with pytest.raises(MazuError):
        await memories.graph.neighbours("web")


async def test_a_hub_and_a_circle_are_walked_in_bounds(memories: Memories):
    for n in range(60):
        await memories.graph.add("hub", "has", f"leaf {n}")
    await memories.graph.add("leaf 0", "closes", "hub")
    assert len(await memories.graph.neighbours("hub", 6, limit=20)) == 20
    assert len(await memories.graph.path("leaf 3", "leaf 9")) == 2


@pytest.mark.parametrize("text", ['quo"te', "<b>", "#x", "a\\b", "]", "x" * 400])
async def test_a_drawing_stays_one_line_for_each_node(memories: Memories, text: str):
    await memories.graph.add(text, "is", "odd")
    drawing = await memories.graph.mermaid("odd")
    assert len(drawing.splitlines()) == 4
    assert drawing.count('"') == 6


async def test_bad_nodes_depths_and_directions(memories: Memories):
    await memories.graph.add("a", "b", "c")
    for bad in (
        memories.graph.add("", "b", "c"),
        memories.graph.add("a", "", "c"),
        memories.graph.add("a", "b", "\0"),
        memories.graph.neighbours("a", 0),
        memories.graph.neighbours("a", 99),
        memories.graph.neighbours("a", direction="up"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidArguments):
            await bad


async def test_a_node_is_found_by_its_bare_name(memories: Memories):
    """As in the terminal, where nobody writes `page:` or `file:` first."""
    await memories.wiki.write("build/local", "See [[release]].")
    await memories.remember("Handlers are thin", tags=["api"], anchors=[AnchorRequest("src/App.py")])
    for bare, name in (
        ("build/local", "page:build/local"),
        ("src/App.py", "file:src/App.py"),
        ("api", "tag:api"),
    ):
        drawn = await memories.graph.neighbours(bare)
        assert drawn == await memories.graph.neighbours(name) != []


async def test_memories_of_two_scopes_do_not_supersede_each_other(memories: Memories):
    mine = (await memories.remember("Answers are short", scope="global")).memory.id
    here = (await memories.remember("Answers are long", scope="project")).memory.id
    for old, new in ((mine, here), (here, mine)):
        with pytest.raises(MazuError, match="belong to different scopes") as caught:
            await memories.supersede(old, new)
        assert caught.value.kind is Kind.CONFLICT
