"""Memories by the user's hand over the wire: states, traits, wiki pages, the graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.client import Client, RpcFailure


async def remember(client: Client, title: str) -> str:
    made = await client.command("mazu.remember", {"title": title})
    return made["memory"]["id"]


async def test_a_memory_is_archived_brought_back_and_superseded(client: Client, folder: Path):
    await client.initialize(folder)
    old = await remember(client, "Deploys go out on Tuesdays")
    new = await remember(client, "A robot ships every merge")
    archived = await client.command("mazu.memory.archive", {"id": old})
    assert archived["memory"]["state"] == "archived"
    assert (await client.command("mazu.memory.unarchive", {"id": old}))["memory"]["state"] == "current"
    held = (await client.command("mazu.memory.supersede", {"id": old, "by": new}))["memory"]
    assert (held["id"], held["supersedes"], held["state"]) == (new, old, "current")
    with pytest.raises(RpcFailure, match="already superseded"):
        await client.command("mazu.memory.supersede", {"id": old, "by": new})
    with pytest.raises(RpcFailure, match="cannot be superseded"):
        await client.command("mazu.memory.supersede", {"id": new, "by": new})
    stats = await client.command("mazu.memory.stats")
    assert stats["project"]["states"] == {"current": 1, "superseded": 1}
    await client.command("mazu.memory.forget", {"id": new})
    assert [m["state"] for m in (await client.command("mazu.memory.list"))["memories"]] == ["current"]


async def test_what_was_forgotten_is_brought_back_into_its_chain(client: Client, folder: Path):
    await client.initialize(folder)
    old = await remember(client, "The API server listens on port 8080")
    new = await remember(client, "The API server listens on port 9090")
    states = {m["id"]: m["state"] for m in (await client.command("mazu.memory.list"))["memories"]}
    assert states == {old: "superseded", new: "current"}
    await client.command("mazu.memory.forget", {"id": new})
    back = (await client.command("mazu.memory.restore", {"id": new}))["memory"]
    assert (back["id"], back["supersedes"], back["state"]) == (new, old, "current")
    states = {m["id"]: m["state"] for m in (await client.command("mazu.memory.list"))["memories"]}
    assert states == {old: "superseded", new: "current"}
    with pytest.raises(RpcFailure, match="not forgotten"):
        await client.command("mazu.memory.restore", {"id": new})
    with pytest.raises(RpcFailure, match="no forgotten memory"):
        await client.command("mazu.memory.restore", {"id": "m_000999"})
    found = await client.command("mazu.recall", {"query": "which port does the API server use"})
    assert found["memories"][0]["id"] == new


async def test_a_click_on_the_lens_of_a_memory_shows_it(client: Client, folder: Path):
    await client.initialize(folder)
    path = folder / "net.py"
    path.write_text("def retry(call):\n    call()\n")
    client.open(path.as_uri(), path.read_text())
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 10}}
    memory = {"title": "Three tries are enough", "body": "Measured in May."}
    await client.command("mazu.remember", memory | {"anchors": [{"uri": path.as_uri(), "range": span}]})
    (lens,) = await client.ask("textDocument/codeLens", {"textDocument": {"uri": path.as_uri()}})
    await client.command(lens["command"]["command"], *lens["command"]["arguments"])
    said = client.notes("window/showMessage")[-1]["message"]
    shown = Path(said.removeprefix("Mazu: see ")).read_text(encoding="utf-8")
    assert "Three tries are enough" in shown
    assert "Measured in May." in shown


async def test_traits_are_set_listed_and_deleted(client: Client, folder: Path):
    await client.initialize(folder)
    await client.command("mazu.memory.trait.set", {"key": "language", "value": "Answer in German."})
    await client.command("mazu.memory.trait.set", {"key": "name", "value": "Ada", "pinned": True})
    listed = (await client.command("mazu.memory.trait.list"))["memories"]
    assert [(trait["title"], trait["body"]) for trait in listed] == [
        ("name", "Ada"),
        ("language", "Answer in German."),
    ]
    shown = await client.command("mazu.memory.why", {"message": "hello"})
    assert {one["memory"]["title"] for one in shown["told"]} == {"name", "language"}
    await client.command("mazu.memory.trait.delete", {"key": "name"})
    assert len((await client.command("mazu.memory.trait.list"))["memories"]) == 1


async def test_pages_are_written_shown_searched_and_drawn(client: Client, folder: Path):
    await client.initialize(folder)
    text = "---\ntags: [storage]\n---\n# Storage\n\nEverything is in one SQLite file. See [[ops]].\n"
    await client.command("mazu.wiki.write", {"slug": "architecture/storage", "text": text})
    assert (await client.command("mazu.wiki.show", {"slug": "architecture/storage"}))["text"] == text
    found = (await client.command("mazu.wiki.search", {"query": "sqlite"}))["pages"]
    assert found == [{"slug": "architecture/storage", "title": "Storage", "tags": ["storage"]}]
    assert (await client.command("mazu.wiki.list", {"prefix": "ops"}))["pages"] == []
    drawn = await client.command("mazu.graph.show", {"query": "sqlite", "format": "mermaid"})
    assert drawn["text"].startswith("graph LR") and "Storage" in drawn["text"]
    assert ["page:architecture/storage", "tagged", "tag:storage"] in drawn["edges"]
    every = await client.command("mazu.graph.show")
    assert "page:architecture/storage -- tagged -> tag:storage\n" in every["text"]
    await client.command("mazu.wiki.delete", {"slug": "architecture/storage"})
    assert (await client.command("mazu.wiki.list"))["pages"] == []


async def test_a_rollback_leaves_what_the_team_wrote(client: Client, folder: Path):
    await client.initialize(folder)
    mine, shared = (
        await remember(client, "The port is 8080"),
        await remember(client, "Deploys go out on Tuesdays"),
    )
    await client.command("mazu.memory.share", {"ids": [shared]})
    assert (await client.command("mazu.status"))["mode"] == "ask", "it counts what the team's folder proposes"
    taken = await client.command("mazu.checkpoint", {"label": "before"})
    await client.command("mazu.memory.update", {"id": mine, "title": "The port is 9090"})
    await client.command("mazu.memory.update", {"id": shared, "title": "Deploys go out on Fridays"})
    assert (await client.command("mazu.memory.sync"))["sent"] == 1
    done = await client.command(
        "mazu.rollback", {"id": taken["id"], "only": ["memory"], "onConflict": "overwrite"}
    )
    assert done["applied"]
    titles = {m["id"]: m["title"] for m in (await client.command("mazu.memory.list"))["memories"]}
    assert titles == {mine: "The port is 8080", shared: "Deploys go out on Fridays"}
    assert (await client.command("mazu.memory.sync"))["sent"] == 0


async def test_a_rollback_leaves_what_was_not_sent_to_the_team_yet(client: Client, folder: Path):
    await client.initialize(folder)
    ids = [
        await remember(client, title) for title in ("Releases are signed", "Tabs are used", "Logs are JSON")
    ]
    await client.command("mazu.memory.share", {"ids": ids})
    await client.command("mazu.memory.forget", {"id": ids[2]})
    await client.command("mazu.memory.sync")
    taken = await client.command("mazu.checkpoint", {"label": "before"})
    await client.command("mazu.memory.update", {"id": ids[0], "title": "Releases are signed twice"})
    await client.command("mazu.memory.forget", {"id": ids[1]})
    await client.command("mazu.memory.restore", {"id": ids[2]})
    (folder / "new.py").write_text("x = 1\n")
    await client.command("mazu.rollback", {"id": taken["id"], "only": ["code"], "onConflict": "overwrite"})
    wanted = {ids[0]: "Releases are signed twice", ids[2]: "Logs are JSON"}
    for _ in range(2):
        titles = {m["id"]: m["title"] for m in (await client.command("mazu.memory.list"))["memories"]}
        assert titles == wanted
        await client.command("mazu.memory.sync")
