"""A document that the editor shows unmodified, and whose file another process changed: what counts is the file.

Editors without automatic reload show the old text until they are told to look. That text is no work of the user's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.platform import peer_credentials
from tests.server.client import Client, eventually
from tests.server.test_live_turns import open_editor, typed
from tests.server.test_turns import edit_call

pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")
DONE = {"text": "Done."}
TO_TWO: Sequence[dict[str, Any]] = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, DONE]


async def shown(editor: Client, path: Path, text: str) -> str:
    """Open a file in the editor; once this returns the server has seen that the text is that of the file."""
    editor.open(path.as_uri(), text)

    async def seen() -> bool:
        document = editor.connection.mazu.editor.documents.get(path.as_uri())
        return document is not None and document.is_unmodified

    await eventually(seen)
    return path.as_uri()


async def change_in_own_process(env: dict[str, str], folder: Path, replies: Sequence[dict[str, Any]]) -> None:
    """A turn of a process of its own, which works on the files and not in the editor."""
    async with ModelServer(list(replies)) as model:
        keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
        code, out, err = await typed({**env, **keys}, folder, "chat", "two", "--mode", "auto", "--json")
        assert (code, json.loads(out)["reply"]) == (0, "Done."), err


async def test_a_turn_below_an_unmodified_document_is_undone(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    path = folder / "app.py"
    async with open_editor(env, folder, [], monkeypatch) as editor:
        uri = await shown(editor, path, "x = 1\n")
        taken = (await editor.command("mazu.checkpoint"))["id"]
        await change_in_own_process(env, folder, TO_TWO)
        assert (path.read_text(), editor.documents[uri].text) == ("x = 2\n", "x = 1\n")
        code, out, err = await typed(env, folder, "undo", "--preview", "--json")
        assert json.loads(out)["plan"]["write"] == ["app.py"], err
        code, out, err = await typed(env, folder, "undo", "--json")
        result = json.loads(out)
        assert (code, result["applied"], result["verified"]) == (0, True, True), err
        assert (result["plan"]["write"], result["plan"]["keep"]) == (["app.py"], [])
        assert path.read_text() == editor.documents[uri].text == "x = 1\n"
        session = result["checkpoint"]["sessionId"]
        await editor.command("mazu.redo", {"sessionId": session})
        assert path.read_text() == editor.documents[uri].text == "x = 2\n"
        result = await editor.command("mazu.rollback", {"id": taken})
        assert (result["applied"], result["plan"]["keep"]) == (True, [])
        assert path.read_text() == editor.documents[uri].text == "x = 1\n"


async def test_behind_by_more_than_the_turn_and_what_others_changed_on_top(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    path = folder / "app.py"
    async with open_editor(env, folder, [], monkeypatch) as editor:
        path.write_text("x = 0\n")
        uri = await shown(editor, path, "x = 0\n")
        path.write_text("x = 1\n# of another program\n")
        await change_in_own_process(env, folder, TO_TWO)
        listed = (await editor.command("mazu.session.list"))["sessions"]
        session = {"sessionId": listed[0]["id"]}
        agents = path.read_text()
        for file, buffer in (("x = 3\n", "x = 0\n"), (agents, "x = 0  # typed\n")):
            path.write_text(file)
            editor.change(uri, buffer)
            preview = await editor.command("mazu.undo", session | {"preview": True})
            assert [one["path"] for one in preview["plan"]["conflicts"]] == ["app.py"], (file, buffer)
        editor.change(uri, "x = 0\n")
        undone = await editor.command("mazu.undo", session)
        assert undone["plan"]["write"] == ["app.py"], undone
        assert path.read_text() == editor.documents[uri].text == "x = 1\n# of another program\n"
        await editor.command("mazu.redo", session)
        assert path.read_text() == editor.documents[uri].text == "x = 2\n# of another program\n"


async def test_the_agent_of_the_editor_works_on_the_file(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    path = folder / "app.py"
    async with open_editor(
        env, folder, [{"calls": [edit_call("app.py", "x = 2", "x = 3")]}, DONE], monkeypatch
    ) as editor:
        uri = await shown(editor, path, "x = 1\n")
        path.write_text("x = 2\n")
        result = await editor.command("mazu.chat", {"message": "three", "wait": True})
        assert result["stopReason"] == "end_turn", result
        assert path.read_text() == editor.documents[uri].text == "x = 3\n"
        undone = await editor.command("mazu.undo", {})
        assert (undone["applied"], undone["plan"]["keep"], undone["plan"]["conflicts"]) == (True, [], [])
        assert path.read_text() == editor.documents[uri].text == "x = 2\n"
