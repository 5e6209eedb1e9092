"""Two editors on one project see each other's sessions, questions and changes, and carry out what concerns the other's.

Both servers are in this process, which would be refused as the server's own descendant (test_live_server.py); that alone is put aside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.platform import peer_credentials
from mazu_ls.server.rpc.live import listener, peers
from mazu_ls.state import live_socket
from tests.server.client import Client, RpcFailure, connected
from tests.server.test_live_turns import typed
from tests.server.test_turns import ALL, agent, edit_call

PATIENCE = 90.0
pytestmark = pytest.mark.skipif(not peer_credentials.is_supported(), reason="needs SO_PEERCRED")


def edit(old: str, new: str) -> list[dict[str, Any]]:
    return [{"calls": [edit_call("app.py", old, new)]}, {"text": f"{new} it is."}]


@contextlib.asynccontextmanager
async def second_editor(env: dict[str, str], folder: Path, model: Any) -> AsyncIterator[Client]:
    keys = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test-key"}
    async with connected({**env, **keys}) as client:
        client.answers["workspace/applyEdit"] = client.apply_edit
        client.answers["window/workDoneProgress/create"] = lambda params: None
        await client.initialize(folder, **ALL)
        yield client


async def until(met: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def connected_to(client: Client, count: int) -> None:
    """Wait until so many editors are connected, as `mazu.status` says."""
    async with asyncio.timeout(PATIENCE):
        while True:
            clients = (await client.command("mazu.status"))["clients"]
            if [one["kind"] for one in clients] == ["editor"] * count:
                return
            await asyncio.sleep(0.05)


def undecided(client: Client) -> tuple[Callable[[Any], Any], asyncio.Future[Any]]:
    """An answer to questions that is given later."""
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def decide(params: Any) -> Any:
        return await answer

    client.answers["mazu/permission/request"] = decide
    return decide, answer


def updates(client: Client, session: str) -> list[dict[str, Any]]:
    return [one for one in client.notes("mazu/session/update") if one["sessionId"] == session]


def is_question(message: dict[str, Any]) -> bool:
    return message.get("method") == "mazu/permission/request"


async def states_when_asked(client: Client, params: Any) -> list[str]:
    """What is listed of the session in which the other editor asks; the question says whose it is, and is of this call alone."""
    assert params["title"].startswith("Another editor: ")
    assert {one["kind"] for one in params["options"]} == {"allow_once", "deny"}
    listed = (await client.command("mazu.session.list"))["sessions"]
    return [one["state"] for one in listed if one["id"] == params["sessionId"]]


async def answered_in(client: Client, session: str) -> str:
    """Where the newest call that a user decided was answered, as the audit says."""
    audited = (await client.command("mazu.audit", {"sessionId": session}))["entries"]
    return next(one["answeredIn"] for one in audited if one["decidedBy"] == "user")


async def take_over(first: Client, second: Client, session: str, place: Path) -> None:
    """The first ends: the second listens, and takes its session over."""
    counted = updates(second, session)[-1]["seq"]
    first.answers.clear()
    await first.ask("shutdown")
    first.notify("exit")
    await connected_to(second, 1)
    await until(place.exists)
    more = await second.command("mazu.chat", {"message": "still there?", "sessionId": session, "wait": True})
    assert more["reply"] == "Taken over."
    await until(lambda: updates(second, session)[-1]["update"].get("state") == "done")
    assert [one["seq"] for one in updates(second, session)] == [*range(1, len(updates(second, session)) + 1)]
    assert updates(second, session)[-1]["seq"] > counted


async def test_two_editors_share_sessions_questions_and_undo(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(peers, "refusal_reason", lambda pid, uid: "")
    monkeypatch.setattr(listener, "TAKE_OVER_SECONDS", 0.1)
    (folder / "app.py").write_text("x = 1\n")
    replies = [
        *edit("x = 1", "x = 2"),
        {"text": "Said by the first."},
        *edit("x = 1", "x = 3"),
        {"text": "From the terminal."},
        {"text": "Taken over."},
    ]
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(agent(env, folder, replies, **ALL))
        await connected_to(first, 1)
        await until(live_socket.socket_path(folder, env).exists)
        leaving = contextlib.AsyncExitStack()
        second = await leaving.enter_async_context(second_editor(env, folder, first.model))
        await connected_to(second, 2)
        await connected_to(first, 2)

        # A turn of the first: both see it, both are asked, the second answers.
        _, never = undecided(first)
        states: list[str] = []

        async def allow(params: Any) -> Any:
            states.extend(await states_when_asked(second, params))
            return {"optionId": "allow_once"}

        second.answers["mazu/permission/request"] = allow
        done = await first.command("mazu.chat", {"message": "two", "wait": True})
        session = done["sessionId"]
        assert done["stopReason"] == "end_turn" and (folder / "app.py").read_text() == "x = 2\n"
        assert states == ["waiting"]
        assert f"(pid {os.getpid()})" in await answered_in(first, session)
        await first.until(
            lambda one: (
                one.get("method") == "mazu/permission/resolved" and one["params"]["verdict"] == "allow"
            )
        )
        await until(lambda: len(updates(second, session)) == len(updates(first, session)))
        assert updates(second, session) == updates(first, session)

        # The second goes on with that session, and undoes in it, where it is open.
        seen = await second.command("mazu.session.events", {"sessionId": session})
        assert seen["updates"] == updates(first, session)[-1]["seq"]
        more = await second.command("mazu.chat", {"message": "go on", "sessionId": session, "wait": True})
        assert more["reply"] == "Said by the first."
        shown = await first.command("mazu.session.show", {"sessionId": session})
        assert [turn["message"] for turn in shown["turns"]] == ["two", "go on"]
        for _ in range(2):
            undone = await second.command("mazu.undo", {"sessionId": session})
            assert undone["applied"]
        assert (folder / "app.py").read_text() == "x = 1\n"

        # A turn of the second: the first is asked too, and what it says of that session is done there.
        never.set_result({"optionId": "allow_once"})
        _, waiting = undecided(second)
        mine = (await second.command("mazu.session.new"))["id"]
        done = await second.command("mazu.chat", {"message": "three", "sessionId": mine, "wait": True})
        assert (folder / "app.py").read_text() == "x = 3\n"
        waiting.set_result({"optionId": "deny"})
        await until(lambda: len(updates(second, mine)) == len(updates(first, mine)))
        await first.command("mazu.session.rename", {"sessionId": mine, "name": "Three"})
        assert (await second.command("mazu.session.show", {"sessionId": mine}))["name"] == "Three"
        await until(lambda: updates(first, mine)[-1]["update"] == {"kind": "named", "name": "Three"})
        assert (await typed(env, folder, "chat", "hello", "--session", mine, "--json"))[0] == 0
        with pytest.raises(RpcFailure, match=r"There is no session s_none"):
            await second.command("mazu.session.rename", {"sessionId": "s_none", "name": "x"})

        await take_over(first, second, session, live_socket.socket_path(folder, env))
        await leaving.aclose()
