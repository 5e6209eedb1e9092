"""What is shown of a session after its conversation was taken back, and after it was deleted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from mazu_ls.agent.session.deleted_sessions import KEPT_DAYS, DeletedSessions
from mazu_ls.errors import MazuError
from tests.server.client import RpcFailure, connected
from tests.server.test_turns import agent


async def test_turns_that_were_taken_back_do_not_count_and_the_times_stay(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "ok", "repeat": True}]) as client:
        start = await client.command("mazu.checkpoint", {"label": "start"})
        for word in ("one", "two"):
            await client.command("mazu.chat", {"message": word, "wait": True}, within=60)
        before = await client.command("mazu.session.show")
        await client.command("mazu.session.rewind", {"turns": 1})
        (listed,) = (await client.command("mazu.session.list"))["sessions"]
        assert listed["turnCount"] == (await client.command("mazu.session.show"))["turnCount"] == 1
        assert listed["createdAt"] == before["createdAt"]
        done = await client.command("mazu.rollback", {"id": start["id"], "only": ["conversation"]})
        assert done["applied"]
        shown = await client.command("mazu.session.show", {"sessionId": before["id"]})
        (listed,) = (await client.command("mazu.session.list"))["sessions"]
        assert {key: shown[key] for key in listed} == listed
        assert (shown["turnCount"], shown["turns"], shown["name"]) == (0, [], before["name"])
        assert shown["createdAt"] == before["createdAt"]
        assert datetime.fromisoformat(shown["updatedAt"]) >= datetime.fromisoformat(before["updatedAt"])
        await client.command("mazu.chat", {"message": "three", "wait": True}, within=60)
        (listed,) = (await client.command("mazu.session.list"))["sessions"]
        assert listed["turnCount"] == 1


async def test_a_deleted_session_can_be_restored_and_what_it_cost_stays_counted(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, [{"text": "ok", "repeat": True}]) as client:
        ids: list[str] = []
        for word in ("one", "two"):
            ids.append((await client.command("mazu.session.new"))["id"])
            await client.command("mazu.chat", {"message": word, "wait": True}, within=60)
        shown = await client.command("mazu.session.show", {"sessionId": ids[0]})
        spent = await client.command("mazu.usage")
        for id in ids:
            left = await client.command("mazu.session.delete", {"sessionId": id})
        assert (left["sessions"], left["current"], left["restorableUntil"] is None) == ([], None, False)
        deleted = (await client.command("mazu.session.list", {"deleted": True}))["sessions"]
        assert {one["id"] for one in deleted} == set(ids)
        assert await client.command("mazu.usage") == spent
        restored = await client.command("mazu.session.restore", {"sessionId": ids[0]})
        assert restored["id"] == ids[0]
        assert await client.command("mazu.session.show", {"sessionId": ids[0]}) == shown
        assert await client.command("mazu.usage") == spent
        await client.command("mazu.chat", {"sessionId": ids[0], "message": "three", "wait": True}, within=60)
        assert (await client.command("mazu.session.restore"))["id"] == ids[1]
        with pytest.raises(RpcFailure) as caught:
            await client.command("mazu.session.restore")
        assert caught.value.data["kind"] == "not_found"
        spent = await client.command("mazu.usage")
        left = await client.command("mazu.session.delete", {"sessionId": ids[1], "forGood": True})
        assert left["restorableUntil"] is None
        assert (await client.command("mazu.session.list", {"deleted": True}))["sessions"] == []
        assert (await client.command("mazu.usage"))["total"] == spent["total"]


async def test_what_was_deleted_long_ago_is_removed_for_good(tmp_path: Path):
    journals = tmp_path / "journal"
    journals.mkdir()
    for number in range(3):
        (journals / f"s_{number}.jsonl").write_text("{}\n")
    (journals / "s_1.unfinished").write_text("3\nhalf a message")
    deleted = DeletedSessions(journals)
    for number in range(3):
        assert deleted.put(journals / f"s_{number}.jsonl")
    assert not deleted.put(journals / "s_3.jsonl"), (
        "closing a session in which nothing was said removes its journal"
    )
    assert deleted.restore("s_1") == "s_1"
    assert sorted(path.name for path in journals.glob("*.*")) == ["s_1.jsonl", "s_1.unfinished"]
    (one,) = (one for one in deleted.list() if one.session_id == "s_0")
    one.path.rename(one.path.with_name(f"s_0-{one.at - (KEPT_DAYS + 1) * 86_400}.jsonl"))
    (old,) = deleted.expired()
    with pytest.raises(OSError), deleted.removing(old) as spent:
        assert spent is not None
        raise OSError("killed before the cost was recorded")
    (left,) = deleted.expired()
    with deleted.removing(left) as spent, deleted.removing(left) as other:
        assert (left.session_id, spent is not None, other) == ("s_0", True, None)
    with deleted.removing(left) as spent:
        assert spent is None, "it was removed already"
    assert not deleted.expired()
    assert not list((journals / "deleted").glob("s_0*"))
    assert [one.session_id for one in deleted.list()] == ["s_2"]
    (journals / "s_2.jsonl").write_text("another\n")
    with pytest.raises(MazuError, match="already"):
        deleted.restore("s_2")


async def test_a_session_in_which_nothing_could_be_said_is_deleted_and_meant_no_more(
    env: dict[str, str], folder: Path
):
    async with connected(env) as client:  # no API key: the turn cannot begin
        await client.initialize(folder)
        with pytest.raises(RpcFailure):
            await client.command("mazu.chat", {"message": "hello", "wait": True}, within=60)
        left = await client.command("mazu.session.delete")
        assert (left["sessions"], left["current"]) == ([], None)
        assert (await client.command("mazu.session.new"))["id"]
