"""*Mazu: send* while a turn runs: the message is sent when the turn has ended, as it reads then."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.test_code_actions import actions, run, shown, span
from tests.server.test_turns import agent
from tests.server.test_unanswered_edits import DECLARES, open_chat


@pytest.mark.parametrize("stopped", [False, True], ids=["sent", "kept as a draft"])
async def test_a_message_waits_for_the_turn_that_runs(env: dict[str, str], folder: Path, *, stopped: bool):
    replies = [{"text": f"{'Well. ' * 40}First.", "chunk": 6, "delay": 0.05}, {"text": "Second."}]
    client: Any
    async with agent(env, folder, replies, **DECLARES) as client:
        document = open_chat(client, folder)
        await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        await shown(document, "Well.")
        client.change(document.uri, "And then", (len(document.lines), 0))
        place = span(len(document.lines) - 1, 0, len(document.lines) - 1, 0)
        for _ in range(2):
            await run(client, await actions(client, document.uri, place), "Mazu: send")
        assert client.notes("window/showMessage")[-1]["message"].startswith("Mazu: your message is sent when")
        end = document.position_at(len(document.text))
        client.change(document.uri, " what?", (end.line, end.character))
        if stopped:
            await run(client, await actions(client, document.uri, place), "Mazu: stop")
            await client.until(lambda m: "was not sent" in str(m.get("params")))
            assert document.text.endswith("## You\n\nAnd then what?")
            assert len(client.model.bodies) == 1
            return
        await shown(document, "Second.")
        await asyncio.sleep(0.5)
        assert document.text.count("And then what?") == 1
        assert "And then what?" in str(client.model.bodies[1]["messages"][-1])
        assert len(client.model.bodies) == 2, "sent once"
