"""A turn that runs in one process is not undone or rolled back under by another one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.agent.project.turn_markers import TurnMarkers
from tests.server.client import RpcFailure, connected
from tests.server.test_turns import agent, edit_call
from tests.server.test_undo_stories import OPTED
from tests.server.test_unsaved_elsewhere import refused

REPLIES = [{"calls": [edit_call("app.py", "x = 1", "x = 2")]}, {"text": "Done."}]


async def test_another_process_does_not_roll_back_while_a_turn_runs(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def decide(params: Any) -> Any:
        asked.set()
        await answer.wait()
        return {"optionId": "allow_once"}

    async with agent(env, folder, REPLIES, **OPTED) as editor, connected(env) as other:
        editor.answers["mazu/permission/request"] = decide
        await editor.command("mazu.checkpoint", within=60)  # one after the other opens the new store
        await other.initialize(folder)
        id = (await other.command("mazu.checkpoint", {"label": "before"}, within=60))["id"]
        session = (await other.command("mazu.session.new"))["id"]
        running = asyncio.ensure_future(
            editor.command("mazu.chat", {"message": "Two", "wait": True}, within=120)
        )
        await asyncio.wait_for(asked.wait(), 60)
        for command, arguments in (
            ("mazu.rollback", {"id": id}),
            ("mazu.rollback", {"id": id, "onConflict": "overwrite"}),
            ("mazu.rollback", {"id": id, "paths": ["app.py"]}),
        ):
            assert "A turn is running in " in (said := await refused(other, command, **arguments))
            assert "(pid " in said
        for command in ("mazu.undo", "mazu.redo"):
            assert "A turn is running in " in await refused(other, command, sessionId=session)
        assert (await other.command("mazu.rollback", {"id": id, "preview": True}, within=60))["plan"]
        answer.set()
        done = await running
        assert done["stopReason"] == "end_turn" and path.read_text() == "x = 2\n"
        back = await other.command("mazu.rollback", {"id": id}, within=60)
        assert back["applied"] and path.read_text() == "x = 1\n"
        with pytest.raises(RpcFailure) as failure:
            await other.command("mazu.undo", {"sessionId": done["sessionId"]}, within=60)
        assert "is open in another terminal or editor" in failure.value.message
        assert failure.value.data["hint"] == "Undo it there (/undo, or Mazu: undo the last turn)."


def test_a_marker_ends_with_its_holder(tmp_path: Path):
    one, other = TurnMarkers(tmp_path), TurnMarkers(tmp_path)
    one.client = "Vim"
    with one.mark("s_1"):
        (seen,) = other.elsewhere()
        assert (seen.session_id, seen.client) == ("s_1", "Vim")
        assert one.elsewhere() == []
    assert other.elsewhere() == [] and [*(tmp_path / "turns").iterdir()] == []
    left = tmp_path / "turns" / "dead.1"
    left.write_text('{"session_id": "s_2", "client": "Vim", "pid": 1}')
    assert other.elsewhere() == [] and not left.exists()
