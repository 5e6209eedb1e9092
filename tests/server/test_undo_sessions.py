"""Undo beside other sessions: a fork leaves the original's code alone, an older session takes no newer one's work unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server.client import Client
from tests.server.test_turns import agent, edit_call
from tests.server.test_undo_stories import OPTED, questions


def edit(old: str, new: str) -> list[dict[str, Any]]:
    """Replies of a model that reads and edits the one file."""
    read = {"name": "read_file", "arguments": {"path": "app.py"}}
    return [{"calls": [read]}, {"calls": [edit_call("app.py", old, new)]}, {"text": "Done."}]


async def chat(client: Client, message: str, session: str) -> None:
    asked = {"message": message, "wait": True, "sessionId": session}
    assert (await client.command("mazu.chat", asked, within=60))["stopReason"] == "end_turn"


async def new_session(client: Client) -> str:
    return (await client.command("mazu.session.new"))["id"]


async def turns(client: Client, session: str) -> int:
    return len((await client.command("mazu.session.show", {"sessionId": session}))["turns"])


async def test_undo_in_a_fork_leaves_the_originals_code_alone(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("x = 1\n")
    replies = [*edit("x = 1", "x = 2"), *edit("x = 2", "x = 3")]
    async with agent(env, folder, replies, **OPTED, allow=["edit_file: app.py"]) as client:
        original = await new_session(client)
        await chat(client, "two", original)
        fork = (await client.command("mazu.session.fork", {"sessionId": original}))["id"]
        await chat(client, "three", fork)
        assert path.read_text() == "x = 3\n"
        assert (await client.command("mazu.undo", {"sessionId": fork}))["applied"]
        assert path.read_text() == "x = 2\n", "of the fork's own turn the code goes"
        undone = await client.command("mazu.undo", {"sessionId": fork})
        assert undone["applied"] and path.read_text() == "x = 2\n"
        assert [one["reason"] for one in undone["plan"]["keep"]] == ["only another session changed it"]
        assert (await turns(client, fork), await turns(client, original)) == (0, 1)
        assert (await client.command("mazu.undo", {"sessionId": original}))["applied"]
        assert path.read_text() == "x = 1\n"
        assert questions(client) == []


async def test_undo_of_an_older_session_asks_before_it_takes_a_newer_ones_work(
    env: dict[str, str], folder: Path
):
    path = folder / "app.py"
    path.write_text("1\n2\n3\n4\n5\n6\n")
    async with agent(
        env, folder, [*edit("1\n2", "one\n2"), *edit("5\n6", "5\nsix")], **OPTED, allow=["edit_file: app.py"]
    ) as client:
        older, newer = await new_session(client), await new_session(client)
        await chat(client, "one", older)
        await chat(client, "six", newer)
        both = path.read_text()
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "leave"}
        left = await client.command("mazu.undo", {"sessionId": older})
        assert not left["applied"] and path.read_text() == both
        assert [one["reason"] for one in left["plan"]["conflicts"]] == [
            "another session changed it on top of the agent's change"
        ]
        (asked,) = questions(client)
        assert asked["detail"].startswith("Another session changed this")
        assert asked["options"][0]["label"] == "Keep what it did"
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}
        assert (await client.command("mazu.undo", {"sessionId": older}))["applied"]
        assert path.read_text() == "1\n2\n3\n4\n5\nsix\n"
        assert (await client.command("mazu.undo", {"sessionId": newer}))["applied"]
        assert path.read_text() == "1\n2\n3\n4\n5\n6\n"


async def test_a_fork_may_hold_a_turn_that_was_undone(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "Blue."}, {"text": "Red."}, {"text": "Green."}]) as client:
        first = await client.command("mazu.chat", {"message": "What is the sky?", "wait": True}, within=60)
        rose = await client.command("mazu.chat", {"message": "And the rose?", "wait": True}, within=60)
        of = {"sessionId": first["sessionId"]}
        await client.command("mazu.undo", of)
        await client.command("mazu.chat", {"message": "And grass?", "wait": True, **of}, within=60)
        forked = await client.command("mazu.session.fork", of | {"turnId": rose["turnId"], "withTurn": True})
        assert [turn["reply"] for turn in forked["turns"]] == ["Blue.", "Red."]
        forked = await client.command("mazu.session.fork", of | {"turnId": first["turnId"], "withTurn": True})
        assert [turn["reply"] for turn in forked["turns"]] == ["Blue."]


async def test_an_undo_leaves_out_what_another_undo_removed(env: dict[str, str], folder: Path):
    path = folder / "app.py"
    path.write_text("".join(f"{n}\n" for n in range(1, 30)))
    pairs = (("24\n25", "24 B\n25"), ("12\n13", "12 C\n13"), ("4\n5", "4 A\n5"))
    replies = [reply for pair in pairs for reply in edit(*pair)]
    async with agent(env, folder, replies, **OPTED, allow=["edit_file: app.py"]) as client:
        sessions = [await new_session(client) for _ in pairs]
        for session in sessions:
            await chat(client, "edit", session)
        left = path.read_text()
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "keep"}  # what others changed
        for session, name in ((sessions[0], " B"), (sessions[2], " A"), (sessions[1], " C")):
            left = left.replace(name, "")
            undone = await client.command("mazu.undo", {"sessionId": session})
            assert (undone["verified"], path.read_text()) == (True, left), undone
