"""Memory over the wire: what is remembered is found, changed, forgotten, and named by its id everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.memory.team import shared_file
from mazu_ls.memory.team.shared_memory import SharedMemory
from tests.memory.clones import run_git
from tests.server.client import Client, RpcFailure


async def test_remember_recall_update_and_forget(client: Client, folder: Path):
    await client.initialize(folder, experimental={"mazu": {"updates": True}})
    path = folder / "auth.py"
    path.write_text("def login():\n    pass\n")
    client.open(path.as_uri(), "def login(user):\n    pass\n")
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 8}}
    arguments = {
        "title": "Tokens expire after an hour",
        "body": "The refresh job runs at 50 minutes.",
        "category": "decision",
        "tags": ["auth"],
        "anchors": [{"uri": path.as_uri(), "range": span}],
    }
    created = await client.command("mazu.remember", arguments)
    assert created["outcome"] == "created"
    memory = created["memory"]
    assert memory["scope"] == "project"
    assert memory["source"] == "user"
    assert memory["createdAt"].endswith("Z")
    assert memory["anchors"][0]["path"] == "auth.py"
    assert "score" not in memory
    assert (await client.command("mazu.remember", arguments))["outcome"] == "duplicate"

    (found,) = (await client.command("mazu.recall", {"query": "when do tokens expire?"}))["memories"]
    assert found["id"] == memory["id"]
    assert 0 <= found["score"] <= 1
    assert found["why"]

    updated = await client.command(
        "mazu.memory.update", {"id": memory["id"], "pinned": True, "title": "Tokens live an hour"}
    )
    assert updated["memory"]["pinned"] is True
    assert updated["memory"]["body"] == arguments["body"]
    listed = await client.command("mazu.memory.list", {"category": "decision"})
    assert (listed["total"], listed["memories"][0]["title"]) == (1, "Tokens live an hour")
    assert (await client.command("mazu.memory.list", {"category": "mistake"}))["total"] == 0

    forgotten = await client.command("mazu.memory.forget", {"id": memory["id"]})
    assert forgotten["forgotten"]["id"] == memory["id"]
    assert (await client.command("mazu.recall", {"query": "tokens"}))["memories"] == []
    assert {"what": ["memory"]} in client.notes("mazu/changed")


async def test_a_fact_that_changed_supersedes_and_forgetting_it_brings_the_old_one_back(
    client: Client, folder: Path
):
    await client.initialize(folder)
    old = (await client.command("mazu.remember", {"title": "The port is 8080"}))["memory"]
    new = await client.command("mazu.remember", {"title": "The port is 9090", "supersedes": old["id"]})
    assert new["outcome"] == "superseded"
    assert new["memory"]["supersedes"] == old["id"]
    await client.command("mazu.memory.forget", {"id": new["memory"]["id"]})
    (left,) = (await client.command("mazu.memory.list", {}))["memories"]
    assert (left["id"], left["state"]) == (old["id"], "current")


@pytest.mark.parametrize(
    "query", ["", '"', "*", "NEAR(", "%", "the of and", "a AND", "x" * 100_000, "naïve 👩 \u0000"]
)
async def test_any_query_is_answered(client: Client, folder: Path, query: str):
    await client.initialize(folder)
    await client.command("mazu.remember", {"title": "Something to find"})
    try:
        assert "memories" in await client.command("mazu.recall", {"query": query})
    except RpcFailure as error:
        assert error.code == -32602
        assert "query" in error.message


async def test_an_unknown_id_is_not_found(client: Client, folder: Path):
    await client.initialize(folder)
    for command in ("mazu.memory.forget", "mazu.memory.update"):
        with pytest.raises(RpcFailure) as caught:
            await client.command(command, {"id": "m_999999"})
        assert caught.value.code == -32803
        assert caught.value.data["kind"] == "not_found"


async def test_without_arguments_the_selection_is_remembered_and_asked_about(client: Client, folder: Path):
    await client.initialize(folder)
    path = folder / "a.py"
    path.write_text("RETRIES = 3  # the service drops every tenth call\n")
    client.open(path.as_uri(), path.read_text())
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 49}}
    await client.ask(
        "textDocument/codeAction",
        {"textDocument": {"uri": path.as_uri()}, "range": span, "context": {"diagnostics": []}},
    )
    remembered = await client.command("mazu.remember")
    assert remembered["memory"]["title"].startswith("a.py: RETRIES = 3")
    assert remembered["memory"]["anchors"][0]["path"] == "a.py"
    (found,) = (await client.command("mazu.recall"))["memories"]
    assert found["id"] == remembered["memory"]["id"]


async def test_without_arguments_and_without_a_document_the_missing_field_is_named(
    client: Client, folder: Path
):
    await client.initialize(folder)
    for command, field in (
        ("mazu.remember", "title"),
        ("mazu.recall", "query"),
        ("mazu.run", "task"),
        ("mazu.ask", "question"),
    ):
        with pytest.raises(RpcFailure) as caught:
            await client.command(command)
        assert caught.value.code == -32602
        assert field in caught.value.message


async def test_forgetting_without_arguments_lets_the_user_choose(client: Client, folder: Path):
    client.answers["window/showMessageRequest"] = lambda params: params["actions"][1]
    await client.initialize(folder)
    for title in ("The first", "A second thing", "Third of all"):
        await client.command("mazu.remember", {"title": title})
    forgotten = await client.command("mazu.memory.forget")
    assert forgotten["forgotten"]["title"] == "A second thing"


async def test_memory_leaves_as_markdown_and_comes_back(client: Client, folder: Path, tmp_path: Path):
    await client.initialize(folder)
    await client.command(
        "mazu.remember", {"title": "Keep this", "body": "line one\n\nline two", "tags": ["a"]}
    )
    target = (tmp_path / "out").as_uri()
    assert (await client.command("mazu.memory.export", {"uri": target}))["count"] == 1
    before = (await client.command("mazu.memory.list", {}))["memories"]
    await client.command("mazu.memory.forget", {"id": before[0]["id"]})
    assert (await client.command("mazu.memory.import", {"uri": target}))["count"] == 1
    (back,) = (await client.command("mazu.memory.list", {}))["memories"]
    assert (back["title"], back["body"], back["tags"]) == ("Keep this", "line one\n\nline two", ["a"])


async def test_consolidation_proposes_and_applies_what_a_rollback_takes_back(client: Client, folder: Path):
    await client.initialize(folder)
    await client.command("mazu.remember", {"title": "The cache is cleared at midnight by the nightly job"})
    await client.command("mazu.remember", {"title": "At midnight the nightly job clears the cache entirely"})
    with pytest.raises(RpcFailure, match="not consolidated yet"):
        await client.command("mazu.memory.consolidate", {"last": True})
    proposed = await client.command("mazu.memory.consolidate")
    assert await client.command("mazu.memory.consolidate", {"last": True}) == proposed
    assert proposed["applied"] is False
    assert (await client.command("mazu.memory.list", {"state": "archived"}))["total"] == 0
    applied = await client.command("mazu.memory.consolidate", {"apply": True})
    assert applied["applied"] is False, "nothing could be applied"
    assert (await client.command("mazu.checkpoint.list", {}))["checkpoints"] == []
    await client.command("mazu.remember", {"title": "The nightly job clears the cache and mails a report"})
    await client.command("mazu.memory.consolidate")
    applied = await client.command("mazu.memory.consolidate", {"apply": True})
    assert (applied["applied"], applied["notApplied"], len(applied["pages"])) == (True, [], 1)
    assert {"proposals", "archived", "pages", "digest"} < set(applied)
    assert await client.command("mazu.memory.consolidate", {"last": True}) == applied
    (before,) = (await client.command("mazu.checkpoint.list", {}))["checkpoints"]
    assert before["label"] == "before consolidating memory"


async def test_an_anchor_at_a_line_that_is_not_there_is_refused(client: Client, folder: Path):
    await client.initialize(folder)
    path = folder / "a.py"
    path.write_text("x = 1\ny = 2\n")
    for line, there in ((1, True), (2, True), (3, False), (500, False)):
        span = {"start": {"line": line, "character": 0}, "end": {"line": line + 900, "character": 0}}
        arguments = {"title": f"about line {line}", "anchors": [{"uri": path.as_uri(), "range": span}]}
        if there:
            assert (await client.command("mazu.remember", arguments))["memory"]["anchors"]
            continue
        with pytest.raises(RpcFailure, match=r"anchors\[0\].range") as failure:
            await client.command("mazu.remember", arguments)
        assert failure.value.code == -32602


async def test_what_waits_in_the_shared_folder_is_mentioned(client: Client, folder: Path):
    await client.initialize(folder)
    found = await client.command("mazu.recall", {"query": "which port"})
    assert (found["memories"], found["waiting"]) == ([], 0)
    proposed = SharedMemory("t_0123456789abcdef", {}).with_value("title", "The port is 7070", 1, "Ada")
    shared = folder / ".mazu" / "shared"
    shared.mkdir(parents=True)
    (shared / shared_file.file_name(proposed)).write_text(shared_file.write(proposed))
    assert (await client.command("mazu.recall", {"query": "which port"}))["waiting"] == 1
    assert (await client.command("mazu.status"))["memory"]["waiting"] == 1
    another = SharedMemory("t_00000000000000ff", {}).with_value("title", "Logs go to Loki", 1, "Ada")
    (shared / shared_file.file_name(another)).write_text(shared_file.write(another))
    assert (await client.command("mazu.status"))["memory"]["waiting"] == 2
    await client.command("mazu.memory.import.accept", {"all": True})
    found = await client.command("mazu.recall", {"query": "which port"})
    assert (found["memories"][0]["title"], found["waiting"]) == ("The port is 7070", 0)
    assert (await client.command("mazu.status"))["memory"]["waiting"] == 0


async def test_memories_follow_a_file_that_was_renamed_outside_an_editor(client: Client, folder: Path):
    code = "".join(f"def f{n}(x):\n    return x * {n}\n\n" for n in range(8))
    (folder / "src").mkdir()
    for name, text in (
        ("src/price.py", code),
        ("src/other.py", "import os\n"),
        ("gone.py", "def gone():\n    pass\n"),
    ):
        (folder / name).write_text(text)
    run_git("init", "-q", str(folder))
    run_git("-C", str(folder), "add", "-A")
    await client.initialize(folder)
    for title, name in (("Rounding happens here only", "src/price.py"), ("Nobody calls it", "gone.py")):
        anchors = [{"uri": (folder / name).as_uri()}]
        await client.command("mazu.remember", {"title": title, "anchors": anchors})
    (folder / "lib").mkdir()
    (folder / "src/price.py").rename(folder / "lib/pricing.py")
    (folder / "gone.py").unlink()
    (moved,) = (await client.command("mazu.recall", {"query": "rounding happens"}))["memories"][:1]
    assert (moved["state"], [a["path"] for a in moved["anchors"]]) == ("current", ["lib/pricing.py"])
    (gone,) = (await client.command("mazu.recall", {"query": "nobody calls"}))["memories"][:1]
    assert (gone["state"], [a["path"] for a in gone["anchors"]]) == ("check", ["gone.py"])


async def test_a_rename_is_found_in_the_history_after_the_code_changed(client: Client, folder: Path):
    def commit(*arguments: str) -> None:
        run_git("-C", str(folder), *arguments)
        run_git("-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@t", "commit", "-qm", "step")

    code = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"
    (folder / "core.py").write_text(code)
    run_git("init", "-q", str(folder))
    commit("add", "-A")
    await client.initialize(folder)
    place = {
        "uri": (folder / "core.py").as_uri(),
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 12}},
    }
    await client.command("mazu.remember", {"title": "One because of the legacy client", "anchors": [place]})
    commit("mv", "core.py", "lib.py")
    commit("mv", "lib.py", "src.py")
    commit("mv", "src.py", "lib.py")
    for text, state in ((code.replace("return 1", "return 11"), "check"), (code, "current")):
        (folder / "lib.py").write_text(text)
        (found,) = (await client.command("mazu.recall", {"query": "legacy client"}))["memories"]
        assert (found["state"], [a["path"] for a in found["anchors"]]) == (state, ["lib.py"])
