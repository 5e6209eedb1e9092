"""An editor that makes an edit, or reports it, after the turn was stopped or undone: no edit stays that nobody owns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.documents.documents import OpenDocument
from tests.server.client import Client
from tests.server.test_turns import agent, edit_call

BEFORE = "x = 1\ny = 2\nz = 3\nlast = 4\n"


class SlowEditor:
    """Puts every edit before its user, who answers when the test says so."""

    def __init__(self, client: Client) -> None:
        self.asked = asyncio.Event()
        self.accepted = asyncio.Event()
        self.typing: Callable[[], None] = lambda: None
        """What the user types at once, before the editor's answer."""
        self._client = client
        self._slow = True

    async def apply(self, params: Any) -> Any:
        """Wait with the first edit alone."""
        if not self._slow:
            return self._client.apply_edit(params)
        self._slow = False
        self.asked.set()
        await self.accepted.wait()
        answer = self._client.apply_edit(params)
        self.typing()
        return answer


@asynccontextmanager
async def asked(
    env: dict[str, str], folder: Path
) -> AsyncIterator[tuple[Client, SlowEditor, OpenDocument, str]]:
    """A turn whose edit of an open document waits in the editor; the session's id last."""
    (folder / "app.py").write_text(BEFORE)
    calls = [{"calls": [edit_call("app.py", "y = 2", "y = 20")]}, {"text": "Done."}]
    async with agent(env, folder, calls, allow=["edit_file: app.py"]) as client:
        editor = SlowEditor(client)
        client.checks_versions = False  # as eglot does
        client.answers["workspace/applyEdit"] = editor.apply
        document = client.open((folder / "app.py").as_uri(), BEFORE)
        started = await client.command("mazu.chat", {"message": "Change y"})
        async with asyncio.timeout(60):
            await editor.asked.wait()
        yield client, editor, document, started["sessionId"]


async def said(client: Client, words: str) -> None:
    """A message to the user with these words comes."""
    await client.until(lambda m: words in str((m.get("params") or {}).get("message")), within=30)


@pytest.mark.parametrize("command", ["mazu.undo", "mazu.cancel"])
async def test_an_edit_made_after_its_turn_is_reverted(env: dict[str, str], folder: Path, command: str):
    async with asked(env, folder) as (client, editor, document, session):
        await client.command(command, {"sessionId": session}, within=60)
        editor.accepted.set()
        await said(
            client,
            "the editor made an edit of app.py after mazu-ls had stopped waiting for it. It was reverted.",
        )
        assert document.text == BEFORE


async def test_what_was_typed_since_stays(env: dict[str, str], folder: Path):
    async with asked(env, folder) as (client, editor, document, session):
        await client.command("mazu.undo", {"sessionId": session}, within=60)
        client.change(document.uri, "# mine\n", (4, 0))
        editor.typing = lambda: client.change(document.uri, "# more\n", (5, 0))
        editor.accepted.set()
        await said(client, "It was reverted.")
        assert document.text == BEFORE + "# mine\n# more\n"


async def test_what_cannot_be_separated_is_named(env: dict[str, str], folder: Path):
    async with asked(env, folder) as (client, editor, document, session):
        await client.command("mazu.cancel", {"sessionId": session}, within=60)
        editor.typing = lambda: client.change(document.uri, "# why", (1, 6))
        editor.accepted.set()
        await said(client, "It is still there: undo it in the editor.")
        assert document.text == BEFORE.replace("y = 2", "y = 20# why")
