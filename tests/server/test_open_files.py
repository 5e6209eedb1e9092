"""What the model is told of the files that are open."""

from __future__ import annotations

from pathlib import Path

from tests.server.test_turns import agent


async def test_the_chat_document_and_our_views_are_no_open_files(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok"}]) as client:
        started = await client.command("mazu.chat")
        chat = folder / ".mazu" / "chats" / f"{started['sessionId']}.md"
        client.open(chat.as_uri(), chat.read_text() + "hello\n", "markdown")
        client.open("mazu:/memory/all.md", "# Memory\n", "markdown")
        client.open((folder / "a.py").as_uri(), "unsaved\n")
        asked = {"sessionId": started["sessionId"], "message": "hello", "wait": True}
        await client.command("mazu.chat", asked, within=60)
        (sent,) = [str(request.body) for request in client.model.requests]
        told = sent.partition("<open_files>")[2].partition("</open_files>")[0]
        assert "- a.py (unsaved changes)" in told
        assert "mazu" not in told
