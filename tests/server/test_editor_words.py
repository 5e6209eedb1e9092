"""Sentences for the user of an editor without a plugin name what that user can choose or write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mazu_ls.server.chat.rollback_text import rollback_sentence
from mazu_ls.server.client.editor_words import in_editor_words
from tests.server.client import RpcFailure
from tests.server.test_code_actions import shown
from tests.server.test_turns import agent, edit_call
from tests.server.test_unanswered_edits import DECLARES, open_chat

ALLOWED = {"title": "Allow once"}


async def test_undo_and_redo_in_a_chat_document_name_what_can_be_written_there(
    env: dict[str, str], folder: Path
):
    (folder / "a.py").write_text("x = 1\n")
    replies = [{"calls": [edit_call("a.py", "x = 1", "x = 2")]}, {"text": "Done."}]
    client: Any
    async with agent(env, folder, replies, **DECLARES) as client:
        client.answers["window/showMessageRequest"] = lambda params: ALLOWED
        document = open_chat(client, folder, "## You\n\n/redo")
        with pytest.raises(RpcFailure) as failed:
            await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        await shown(document, "Nothing to redo")
        assert "The code action Mazu: roll back…" in document.text
        assert "mazu.checkpoint" not in document.text + failed.value.message + str(failed.value.data)
        done = await client.command("mazu.chat", {"message": "two", "wait": True})
        client.change(document.uri, f"<!-- mazu session {done['sessionId']} -->\n\n## You\n\n/undo")
        await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        await shown(document, "`/redo` reverts this.")
        assert "cp_" not in document.text


def test_a_path_that_holds_such_a_name_stays():
    for text in (
        "open /home/u/mazu.undo/file.py",
        "see ./mazu.cancel",
        "mazu.checkpoint.list/x.py is a file",
    ):
        assert in_editor_words(text) == text
    assert in_editor_words("Stop it with `mazu.cancel`.") == "Stop it with the code action Mazu: stop."


def test_what_to_do_next_stands_ahead_of_the_list_of_problems():
    plan = {"write": ["a.py"], "delete": [], "buffers": [], "keep": [], "conflicts": [], "setAside": []}
    plan |= {"memories": {}, "conversation": 1}
    result = {"applied": True, "verified": False, "plan": plan, "safety": {"id": "cp_000003"}}
    result["problems"] = [{"path": "b.py", "reason": "it is too large"}]
    said = rollback_sentence(result, "Undone", "Use /redo to restore it.")
    assert (
        said
        == "Undone: 1 file, the conversation. Use /redo to restore it. NOT everything could be verified:\n- b.py: it is too large"
    )


def test_a_sentence_begins_with_a_capital_letter():
    said = in_editor_words("Nothing to redo: none. mazu.checkpoint.list shows more; see mazu.rollback.")
    assert ". The code action Mazu: roll back… shows more; see the code action Mazu" in said
    assert in_editor_words("mazu.cancel ends it").startswith("The code action")
