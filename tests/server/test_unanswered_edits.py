"""An editor that asks its user about each edit, and forgets one that comes while it waits for an answer, as eglot does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.commands.turn import turn_jobs
from tests.server.client import NO_ANSWER, Client
from tests.server.test_code_actions import shown
from tests.server.test_turns import agent

DECLARES: dict[str, Any] = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}


def open_chat(client: Client, folder: Path, text: str = "## You\n\nIs all well?\n") -> Any:
    path = folder / ".mazu" / "chats" / "mine.md"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return client.open(path.as_uri(), text, "markdown")


async def test_the_answer_of_a_command_comes_before_its_edits(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    start = turn_jobs.start

    async def start_late(*arguments: Any, **named: Any) -> Any:
        await asyncio.sleep(0.3)  # the first turn imports what calls models
        return await start(*arguments, **named)

    monkeypatch.setattr(turn_jobs, "start", start_late)
    async with agent(env, folder, [{"text": "The very end."}], **DECLARES) as client:
        document = open_chat(client, folder)
        await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        edit = await client.until(lambda one: one.get("method") == "workspace/applyEdit")
        answer = next(one for one in client.received if "turnId" in str(one.get("result")))
        assert client.received.index(answer) < client.received.index(edit)
        await shown(document, "The very end.")


async def test_a_forgotten_edit_is_made_once_the_editor_sends_something(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mazu_ls.server.documents.apply_edit.CHAT_SECONDS", 0.3)
    async with agent(env, folder, [{"text": "The very end."}], **DECLARES) as client:
        document = open_chat(client, folder)
        taken, edits = client.answers["workspace/applyEdit"], []

        def forget(params: Any) -> Any:
            edits.append(params)
            return NO_ANSWER

        client.answers["workspace/applyEdit"] = forget
        client.answers["window/showDocument"] = lambda params: {"success": False}
        await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        await client.until(lambda one: "It is here: " in str(one.get("params")))
        assert "The very end." in (folder / ".mazu/view/mine-reply.md").read_text()
        assert len(edits) == 2, "the heading, and all of it at the end: no pile of questions"
        client.answers["workspace/applyEdit"] = taken
        monkeypatch.setattr("mazu_ls.server.documents.apply_edit.CHAT_SECONDS", 60.0)
        await asyncio.sleep(0.7)
        assert len(edits) == 2 and "The very end." not in document.text
        client.change(document.uri, "\n", (len(document.lines), 0))
        await shown(document, "The very end.")


async def test_who_is_asked_about_each_edit_is_asked_twice_for_a_reply(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mazu_ls.server.client.editor.ASKING_SECONDS", 0.2)
    text = f"{'All is well. ' * 30}The very end."
    async with agent(env, folder, [{"text": text, "chunk": 8, "delay": 0.02}], **DECLARES) as client:
        document = open_chat(client, folder)
        taken, edits = client.answers["workspace/applyEdit"], []

        async def ask(params: Any) -> Any:
            edits.append(json.dumps(params))
            await asyncio.sleep(0.3)
            return taken(params)

        client.answers["workspace/applyEdit"] = ask
        await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        await shown(document, "The very end.")
        assert len(edits) == 2, edits
