"""Two processes on one project: what another editor holds unsaved is never left behind by a rollback that says it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.client import Client, RpcFailure, connected, eventually
from tests.server.test_turns import agent, edit_call
from tests.server.test_undo_stories import OPTED

REPLIES = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]


async def refused(client: Client, command: str, **arguments: object) -> str:
    with pytest.raises(RpcFailure) as failure:
        await client.command(command, arguments, within=60)
    return failure.value.message


async def would_refuse(client: Client, id: str) -> bool:
    try:
        await client.command("mazu.rollback", {"id": id, "preview": True}, within=60)
    except RpcFailure:
        return True
    return False


async def would_do(client: Client, id: str) -> bool:
    return not await would_refuse(client, id)


async def test_a_rollback_beside_an_editor_with_the_agents_unsaved_text_is_refused(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    (folder / "mine.py").write_text("m = 1\n")
    async with agent(env, folder, REPLIES, **OPTED) as editor:
        document = editor.open(path.as_uri(), "x = 1\n")
        mine = editor.open((folder / "mine.py").as_uri(), "m = 1\n")
        editor.change(mine.uri, "m = 2\n")
        done = await editor.command("mazu.chat", {"message": "Two", "wait": True}, within=60)
        assert (document.text, path.read_text()) == ("x = 2\n", "x = 1\n")
        async with connected(env) as other:
            await other.initialize(folder)
            before = done["checkpoints"][0]
            await eventually(lambda: would_refuse(other, before))
            for arguments in ({"id": before}, {"id": before, "preview": True}):
                assert "not saved: app.py." in await refused(other, "mazu.rollback", **arguments)
            for command in ("mazu.undo", "mazu.redo"):
                assert "is open in another editor" in await refused(other, command)
            shown = await other.command("mazu.session.show")
            assert (shown["id"], len(shown["turns"])) == (done["sessionId"], 1)
            path.write_text(document.text)
            editor.notify("textDocument/didSave", {"textDocument": {"uri": document.uri}})
            await eventually(lambda: would_do(other, before))
            back = await other.command("mazu.rollback", {"id": before, "only": ["code"]})
            assert back["applied"] and back["verified"] and path.read_text() == "x = 1\n"
    async with connected(env) as later:
        await later.initialize(folder)
        redone = await later.command("mazu.redo", {"sessionId": done["sessionId"]}, within=60)
        assert redone["applied"], "nobody has anything open any more"
