"""A message with a question that the user closes without an answer, as Escape does in Helix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.client import eventually
from tests.server.test_chat_questions import EDITS, REPLIES, answered, asking, settled
from tests.server.test_code_actions import shown
from tests.server.test_turns import agent

DECLARES: dict[str, Any] = EDITS


async def test_a_question_whose_message_is_closed_stays_in_the_chat(env: dict[str, str], folder: Path):
    client: Any
    async with asking(env, folder) as client:
        await shown(client.chat, "## Mazu asks")
        request = await client.until(lambda m: m.get("method") == "window/showMessageRequest")
        client.raw({"jsonrpc": "2.0", "id": request["id"], "result": None})
        await client.until(lambda m: "the question stays open" in str(m.get("params")))
        assert "## Mazu asks" in client.chat.text
        await answered(client, "Mazu: allow once")
        await eventually(lambda: settled(client))
        assert (folder / "app.py").read_text() == "x = 10\n"


async def test_without_a_chat_a_closed_message_is_no(env: dict[str, str], folder: Path):
    (folder / "app.py").write_text("x = 1\n")
    client: Any
    async with agent(env, folder, REPLIES, **DECLARES) as client:
        client.answers["window/showMessageRequest"] = lambda params: None
        await client.command("mazu.chat", {"message": "Make x ten", "wait": True})
        heard = str(client.model.bodies[-1]["messages"][-1])
        assert "the user refused this: the question was closed without an answer" in heard
