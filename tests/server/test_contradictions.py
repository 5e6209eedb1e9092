"""An edit of the agent's that goes against a pinned decision: a hint at the place, and what can be done about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.client import Client, eventually
from tests.server.test_code_actions import actions, span
from tests.server.test_proposals import hints, proposing, take
from tests.server.test_turns import ALL, agent, edit_call

SOURCE = "import httpx\n\n\ndef get(url):\n    return httpx.get(url)\n"
TITLE = "Use httpx, not requests"
REPLIES = [
    {"calls": [edit_call("app.py", "import httpx", "import os\nimport requests")]},
    {"text": "Done."},
]


async def work(client: Client, path: Path, **memory: Any) -> str:
    """The agent edits a project that has this memory; the id of the memory."""
    given = {"title": TITLE, "category": "decision", "pinned": True, **memory}
    made = await client.command("mazu.remember", given)
    result = await client.command("mazu.chat", {"message": "Do it", "wait": True}, within=60)
    assert result["edits"]
    return made["memory"]["id"]


@pytest.mark.parametrize("opened", [True, False])
async def test_an_edit_against_a_decision_is_hinted_at_in_its_line(
    env: dict[str, str], folder: Path, opened: bool
):
    path = folder / "app.py"
    path.write_text(SOURCE)
    async with agent(env, folder, REPLIES, **ALL, allow=["edit_file: app.py"]) as client:
        if opened:
            client.open(path.as_uri(), SOURCE)
        memory = await work(client, path)
        (hint,) = await hints(client, path.as_uri(), 1)
        assert (hint["severity"], hint["source"], hint["range"]) == (4, "mazu", span(1, 0, 1, 15))
        assert hint["message"] == "This contradicts a decision: Use httpx, not requests (requests)"
        assert hint["data"]["memory"] == memory


@pytest.mark.parametrize("title", ["make this follow", "is still true", "supersede", "forget"])
async def test_its_actions_end_the_hint_or_the_contradiction(env: dict[str, str], folder: Path, title: str):
    path = folder / "app.py"
    path.write_text(SOURCE)
    replies = [*REPLIES, {"text": "```python\nimport httpx\n```"}]
    async with agent(env, folder, replies, **ALL, allow=["edit_file: app.py"]) as client:
        client.open(path.as_uri(), SOURCE)
        memory = await work(client, path)
        await hints(client, path.as_uri(), 1)
        found = await actions(client, path.as_uri(), span(1, 0, 1, 0), only=["quickfix"])
        assert [one["title"] for one in found] == [
            "Mazu: make this follow “Use httpx, not requests”",
            "Mazu: “Use httpx, not requests” is still true",
            "Mazu: supersede “Use httpx, not requests” with the code here",
            "Mazu: forget “Use httpx, not requests”",
        ]
        action = next(one["command"] for one in found if title in one["title"])
        await client.command(action["command"], *action["arguments"])
        assert await hints(client, path.as_uri(), 0) == []
        assert await actions(client, path.as_uri(), span(1, 0, 1, 0), only=["quickfix"]) == []
        listed = (await client.command("mazu.memory.list", {"state": "current"}))["memories"]
        assert [one["id"] == memory for one in listed] == (
            [] if title == "forget" else [title != "supersede"]
        )


async def test_a_line_that_is_taken_back_takes_its_hint_along(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text(SOURCE)
    async with agent(env, folder, REPLIES, **ALL, allow=["edit_file: app.py"]) as client:
        client.open(path.as_uri(), SOURCE)
        await work(client, path)
        await hints(client, path.as_uri(), 1)
        client.change(path.as_uri(), "import httpx\n", (1, 0), (2, 0))
        assert await hints(client, path.as_uri(), 0) == []


@pytest.mark.parametrize(
    "memory",
    [{"pinned": False}, {"category": "fact"}, {"title": "Never use requests unless httpx cannot"}],
    ids=["not pinned", "no decision", "on a condition"],
)
async def test_what_does_not_bind_is_held_against_no_edit(
    env: dict[str, str], folder: Path, memory: dict[str, Any]
):
    path = folder / "app.py"
    path.write_text(SOURCE)
    async with agent(env, folder, REPLIES, **ALL, allow=["edit_file: app.py"]) as client:
        client.open(path.as_uri(), SOURCE)
        await work(client, path, **memory)
        await client.command("mazu.status")
        client.change(path.as_uri(), "# AI! sort\n", (0, 0))
        (hint,) = await hints(client, path.as_uri(), 1)
        assert "AI!" in hint["message"]


async def test_a_proposal_that_is_accepted_against_a_decision_is_hinted_at_too(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text(SOURCE)
    async with proposing(env, folder, REPLIES, **ALL) as client:
        document = client.open(path.as_uri(), SOURCE)
        await client.command("mazu.remember", {"title": TITLE, "category": "decision", "pinned": True})
        await client.command("mazu.chat", {"message": "Do it", "wait": True}, within=60)
        (proposed,) = await hints(client, path.as_uri(), 1)
        assert "contradicts" not in proposed["message"]
        await take(client, path.as_uri(), 0, "accept proposal")
        assert "import requests" in document.text

        async def contradicted() -> bool:
            last = client.notes("textDocument/publishDiagnostics")[-1]["diagnostics"]
            return [one["message"][:16] for one in last] == ["This contradicts"]

        await eventually(contradicted)
