"""A document that is no file yet: everything but what needs a place on the disk works in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.server.client import Client, RpcFailure
from tests.server.test_code_actions import SOURCE, actions, run, span
from tests.server.test_turns import agent

URI = "untitled:Untitled-1"


async def test_an_untitled_document_offers_what_any_other_does_and_anchors_nothing(
    client: Client, folder: Path
):
    await client.initialize(folder)
    client.open(URI, SOURCE)
    found = await actions(client, URI, span(0, 0, 2, 0))
    assert [one["title"] for one in found if not one["kind"].startswith("source.mazu")] == [
        "Mazu: explain", "Mazu: rewrite…", "Mazu: document", "Mazu: write tests", "Mazu: chat about this",
        "Mazu: what do we know about this?", "Mazu: remember this", "Mazu: ask the council",
    ]  # fmt: skip
    await run(client, found, "Mazu: remember this")
    (memory,) = (await client.command("mazu.memory.list"))["memories"]
    assert (memory["title"], memory["anchors"]) == ("Untitled-1: def f():", [])
    await actions(client, URI, span(4, 0, 6, 0))
    assert (await client.command("mazu.remember"))["memory"]["anchors"] == []
    assert (await client.command("mazu.recall"))["memories"][0]["title"] == "Untitled-1: def g():"
    assert (await client.command("mazu.recall", {"query": "def f", "uri": URI}))["memories"]
    assert (await client.command("mazu.proposal.list", {"uri": URI}))["proposals"] == []
    at = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}
    assert await client.ask("textDocument/hover", at) is None
    assert await client.ask("textDocument/codeLens", {"textDocument": {"uri": URI}}) == []
    with pytest.raises(RpcFailure, match=r"anchors\[0\]"):
        await client.command("mazu.remember", {"title": "x", "anchors": [{"uri": URI}]})


async def test_an_untitled_document_is_rewritten_with_and_without_a_folder(env: dict[str, str], folder: Path):
    for place in (folder, None):
        async with agent(
            env, place, [{"text": "```python\n    return 2\n```"}], allow=["Continue without undo?"]
        ) as client:
            document = client.open(URI, SOURCE)
            asked = {"uri": URI, "range": span(1, 0, 2, 0), "instruction": "two", "wait": True}
            result = await client.command("mazu.edit", asked, within=60)
            assert (result["stopReason"], result.get("error")) == ("end_turn", None)
            assert result["edits"] == [{"uri": URI, "added": 1, "removed": 1}]
            assert document.text == SOURCE.replace("return 1", "return 2")
            assert "in Untitled-1" in json.dumps(client.model.bodies[-1])


async def test_an_untitled_document_is_attached_and_quoted_in_the_chat(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok"}]) as client:
        client.open(URI, SOURCE + "# ```\n")
        place = {"uri": URI, "range": span(4, 0, 7, 0)}
        await client.command(
            "mazu.chat", {"message": "what?", "attachments": [place], "wait": True}, within=60
        )
        assert "return x" in json.dumps(client.model.bodies[-1])
        started = await client.command("mazu.chat", {"attachments": [place]})
        chat = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        assert "From Untitled-1:\n\n````python\ndef g():\n    return x\n# ```\n````" in chat.read_text()
