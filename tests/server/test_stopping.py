"""Stopping: a turn that was just asked for, and what belongs to no session: a question, a council, its lead."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import RpcFailure
from tests.server.test_turns import agent

SLOW = {"text": "word " * 400, "delay": 0.05, "chunk": 5}
COUNCIL = {
    "question": "Which?",
    "models": ["anthropic:claude-sonnet-5-5", "anthropic:claude-haiku-5"],
    "lead": "anthropic:claude-sonnet-5-5",
}


async def asked(client: Any, count: int) -> None:
    async with asyncio.timeout(60):
        while len(client.model.requests) < count:  # noqa: ASYNC110 - the model server tells nobody
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("by_id", [True, False])
async def test_a_question_is_stopped(env: dict[str, str], folder: Path, by_id: bool):
    async with agent(env, folder, [SLOW]) as client:
        started = await client.command("mazu.ask", {"question": "Why?"}, within=60)
        await asked(client, 1)
        named = {"sessionId": started["sessionId"]} if by_id else {}
        assert await client.command("mazu.cancel", named) == {"cancelled": True}
        ended = await client.until(lambda m: m.get("params", {}).get("value", {}).get("kind") == "end")
        assert ended["params"]["value"]["message"] == "stopped"
        assert await client.command("mazu.cancel") == {"cancelled": False}


@pytest.mark.parametrize("calls", [2, 3])
async def test_a_council_is_stopped_with_its_members_and_its_lead(
    env: dict[str, str], folder: Path, calls: int
):
    quick = {"text": "This one."}
    async with agent(env, folder, [SLOW] * 2 if calls == 2 else [quick, quick, SLOW]) as client:
        waiting = asyncio.ensure_future(client.command("mazu.council", COUNCIL | {"wait": True}, within=60))
        await asked(client, calls)
        assert await client.command("mazu.cancel") == {"cancelled": True}
        with pytest.raises(RpcFailure) as caught:
            await asyncio.wait_for(waiting, 60)
        assert caught.value.code == -32800
        assert len(client.model.requests) == calls


def started(client: Any, name: str, arguments: dict[str, Any]) -> asyncio.Future[Any]:
    """A command that nobody waits for yet."""
    return client.start("workspace/executeCommand", {"command": name, "arguments": [arguments]})[1]


@pytest.mark.parametrize("named", ["nothing", "the session", "in cancel alone"])
@pytest.mark.parametrize("command", ["mazu.chat", "mazu.run"])
async def test_a_turn_stops_whose_command_was_not_answered_yet(
    env: dict[str, str], folder: Path, command: str, named: str
):
    """Escape at once after Enter: `mazu.cancel` comes while the turn is being prepared."""
    async with agent(env, folder, [SLOW]) as client:
        session = (await client.command("mazu.session.new"))["id"]
        text = {"message" if command == "mazu.chat" else "task": "Count the words"}
        asked = started(client, command, text | ({"sessionId": session} if named == "the session" else {}))
        stop = {} if named == "nothing" else {"sessionId": session}
        assert await client.command("mazu.cancel", stop) == {"cancelled": True}
        turn = (await asyncio.wait_for(asked, 60))["turnId"]
        end = await client.until(lambda m: m.get("params", {}).get("update", {}).get("state") == "done")
        assert end["params"]["turnId"] == turn
        assert end["params"]["update"]["stopReason"] == "cancelled"
        assert client.model.requests == []
        told = await client.command("mazu.session.show", {"sessionId": session})
        assert [turn["message"] for turn in told["turns"]] == ["Count the words"], "what was said is not lost"


async def test_a_turn_of_another_session_is_not_stopped_as_it_begins(env: dict[str, str], folder: Path):
    async with agent(env, folder, [{"text": "I am here."}]) as client:
        first = (await client.command("mazu.session.new"))["id"]
        second = (await client.command("mazu.session.new"))["id"]
        asked = started(client, "mazu.chat", {"message": "Are you there?", "sessionId": second, "wait": True})
        assert await client.command("mazu.cancel", {"sessionId": first}) == {"cancelled": False}
        assert (await asyncio.wait_for(asked, 60))["stopReason"] == "end_turn"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("mazu.ask", {"question": "Why?", "wait": True}), ("mazu.council", COUNCIL | {"wait": True})],
)
async def test_what_belongs_to_no_session_stops_before_it_began(
    env: dict[str, str], folder: Path, command: str, arguments: dict[str, Any]
):
    async with agent(env, folder, [SLOW]) as client:
        await client.command("mazu.session.new")
        asked = started(client, command, arguments)
        assert await client.command("mazu.cancel") == {"cancelled": True}
        with pytest.raises(RpcFailure) as caught:
            await asyncio.wait_for(asked, 60)
        assert caught.value.code == -32800
        assert client.model.requests == []


async def test_the_progress_of_a_command_is_cancelled_before_it_began(env: dict[str, str], folder: Path):
    async with agent(env, folder, [SLOW]) as client:
        arguments = [{"message": "Count the words", "wait": True}]
        params = {"command": "mazu.chat", "arguments": arguments, "workDoneToken": "mine"}
        asked = client.start("workspace/executeCommand", params)[1]
        client.notify("window/workDoneProgress/cancel", {"token": "mine"})
        assert (await asyncio.wait_for(asked, 60))["stopReason"] == "cancelled"
        assert client.model.requests == []


async def test_two_messages_at_once_are_answered_one_after_the_other(env: dict[str, str], folder: Path):
    """The second Enter comes before the first turn is known to run: it waits, and is not refused."""
    async with agent(env, folder, [{"text": "One."}, {"text": "Two."}]) as client:
        session = (await client.command("mazu.session.new"))["id"]
        both = [
            started(client, "mazu.chat", {"message": text, "sessionId": session, "queue": True})
            for text in ("First", "Second")
        ]
        first, second = await asyncio.wait_for(asyncio.gather(*both), 60)
        assert first["turnId"] and second["queueId"]
        async with asyncio.timeout(60):
            while len(client.model.requests) < 2:  # noqa: ASYNC110 - the model server tells nobody
                await asyncio.sleep(0.02)


async def test_a_look_at_what_undo_does_stops_no_turn(env: dict[str, str], folder: Path):
    async with agent(env, folder, [SLOW]) as client:
        begun = await client.command("mazu.chat", {"message": "Say much"}, within=60)
        await asked(client, 1)
        with pytest.raises(RpcFailure, match="A turn is running"):
            await client.command("mazu.undo", {"preview": True, "sessionId": begun["sessionId"]})
        status = await client.command("mazu.status")
        assert [one["sessionId"] for one in status["running"]] == [begun["sessionId"]]
        assert await client.command("mazu.cancel") == {"cancelled": True}
