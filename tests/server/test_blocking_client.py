"""An editor that waits for the answer of a command and tells of no change meanwhile, as eglot does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.client import NO_ANSWER, Client
from tests.server.test_code_actions import shown
from tests.server.test_turns import agent, edit_call

DECLARES = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}


@pytest.fixture(autouse=True)
def no_word_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the editor's word in the middle of a command waits for longer than a test does."""
    monkeypatch.setattr("mazu_ls.server.documents.apply_edit.ECHO_SECONDS", 600.0)


class Blocking:
    """While a command runs what the user's editor would tell is held back."""

    def __init__(self, client: Client) -> None:
        self.client, self._told, self._waiting = client, client.notify, False
        self._held: list[tuple[str, Any]] = []
        client.notify = self._notify

    def _notify(self, method: str, params: Any = None) -> None:
        if self._waiting and method == "textDocument/didChange":
            self._held.append((method, params))
        else:
            self._told(method, params)

    async def command(self, name: str, arguments: dict[str, Any] | None = None) -> Any:
        """Run a command; the answer, which must not wait for what is held back."""
        self._waiting = True
        try:
            answer = await self.client.command(name, arguments, within=60)
        finally:
            self._waiting = False
            for method, params in self._held:
                self._told(method, params)
            self._held.clear()
        return answer


async def test_a_rollback_does_not_wait_for_what_only_comes_after_it(env: dict[str, str], folder: Path):
    path = folder / "a.py"
    path.write_text("x = 1\n")
    replies = [{"calls": [edit_call("a.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    async with agent(env, folder, replies, **DECLARES) as client:
        client.answers["window/showMessageRequest"] = lambda params: params["actions"][0]
        document = client.open(path.as_uri(), "x = 1\n")
        await client.command("mazu.chat", {"message": "two", "wait": True}, within=60)
        assert document.text == "x = 2\n"
        undone = await Blocking(client).command("mazu.undo")
        assert (undone["applied"], undone["verified"], undone["problems"]) == (True, True, [])
        assert document.text == "x = 1\n"


async def test_a_chat_that_is_open_gets_attachments_and_its_session_after_the_answer(
    env: dict[str, str], folder: Path
):
    (folder / "a.py").write_text("x = 1\n")
    chats = folder / ".mazu" / "chats"
    chats.mkdir(parents=True)
    path = chats / "mine.md"
    path.write_text("## You\n\nhello\n")
    async with agent(env, folder, [{"text": "Hello to you."}], **DECLARES) as client:
        editor = Blocking(client)
        document = client.open(path.as_uri(), path.read_text(), "markdown")
        started = await editor.command("mazu.chat", {"attachments": [{"uri": path.as_uri()}]})
        await shown(document, "Hello to you.")
        lines = [line for line in document.text.splitlines() if line]
        assert lines[:3] == [f"<!-- mazu session {started['sessionId']} -->", "## You", "hello"]
        place = chats / f"{started['sessionId']}.md"
        await editor.command("mazu.chat", {"sessionId": started["sessionId"]})
        other = client.open(place.as_uri(), place.read_text(), "markdown")
        asked = {"sessionId": started["sessionId"], "attachments": [{"uri": (folder / "a.py").as_uri()}]}
        await editor.command("mazu.chat", asked)
        await shown(other, "@a.py")


async def test_an_edit_that_the_editor_never_answers_is_not_said_to_be_made(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    path = folder / "a.py"
    path.write_text("x = 1\n")
    call, again = edit_call("a.py", "x = 1", "x = 2"), edit_call("a.py", "x = 2", "x = 3")
    replies = [{"calls": [call]}, {"text": "Done."}, {"calls": [again]}, {"text": "Well."}]
    async with agent(env, folder, replies, **DECLARES) as client:
        client.answers["window/showMessageRequest"] = lambda params: params["actions"][0]
        document = client.open(path.as_uri(), path.read_text())
        await client.command("mazu.chat", {"message": "two", "wait": True})
        assert document.text == "x = 2\n"
        monkeypatch.setattr("mazu_ls.server.documents.apply_edit.ANSWER_SECONDS", 0.2)
        client.answers["workspace/applyEdit"] = lambda params: NO_ANSWER
        undone = await client.command("mazu.undo")
        assert (undone["verified"], document.text) == (False, "x = 2\n")
        assert "did not take the text" in undone["problems"][0]["reason"]
        await client.command("mazu.chat", {"message": "three", "wait": True})
        heard = str(client.model.bodies[-1]["messages"][-1])
        assert "did not say that it made the edit of a.py: no answer in time" in heard
        assert document.text == "x = 2\n"
