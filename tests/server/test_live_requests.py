"""Requests on one connection of the live socket: each gets exactly one answer, and what takes long holds no stop up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from mazu_ls.server.rpc.client_requests import encode_message
from mazu_ls.server.rpc.framing import FrameReader
from mazu_ls.server.rpc.live import following
from mazu_ls.server.rpc.live.session import FIRST_BYTES, LiveOptions, LiveSession
from mazu_ls.server.state import ServerState
from tests.server.client import connected

PATIENCE = 60.0


class HeldRequests(LiveSession):
    """A connection whose commands are done when the test says so."""

    held: frozenset[str] = frozenset()

    async def _result_of(self, method: str, params: Any) -> Any:
        if method != "workspace/executeCommand":
            return await super()._result_of(method, params)
        if params["command"] in self.held:
            await asyncio.Event().wait()
        return params["command"]


class Peer:
    """The other end. `feed` puts bytes where the server reads in its next step, so that each order of steps can be had."""

    def __init__(self, reader: asyncio.StreamReader, answers: asyncio.StreamReader) -> None:
        self._reader, self._answers = reader, answers
        self._frames, self._read = FrameReader(), list[Any]()

    def feed(self, **message: Any) -> None:
        self._reader.feed_data(encode_message({"jsonrpc": "2.0", **message}))

    def command(self, id: int, name: str) -> None:
        self.feed(id=id, method="workspace/executeCommand", params={"command": name, "arguments": []})

    async def answer(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while not self._read:
                self._read += self._frames.feed(await self._answers.read(65536))
        return msgspec.json.decode(self._read.pop(0))


@contextlib.asynccontextmanager
async def connection(*held: str) -> AsyncIterator[tuple[Peer, HeldRequests]]:
    here, there = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=here)
    answers, other = await asyncio.open_connection(sock=there)
    reader = asyncio.StreamReader()
    nothing = cast(Any, None)
    session = HeldRequests(ServerState(nothing), nothing, reader, writer, 0)
    session.held = frozenset(held)
    session._options = LiveOptions("", "", ())  # pyright: ignore[reportPrivateUsage]
    task = asyncio.create_task(session.run())
    try:
        yield Peer(reader, answers), session
    finally:
        reader.feed_eof()
        async with asyncio.timeout(PATIENCE):
            await task
        writer.close()
        other.close()


async def test_a_request_that_is_cancelled_at_any_step_has_one_answer():
    async with connection("mazu.status", "mazu.chat") as (peer, session):
        number = 0
        for command in ("mazu.status", "mazu.chat"):
            for steps in range(8):
                number += 1
                peer.command(number, command)
                for _ in range(steps):
                    await asyncio.sleep(0)
                peer.feed(method="$/cancelRequest", params={"id": number})
                answer = await peer.answer()
                assert (answer["id"], "error" in answer) == (number, True)
                assert not session._open  # pyright: ignore[reportPrivateUsage]
        peer.feed(id=99, method="shutdown")
        assert (await peer.answer())["id"] == 99


@pytest.mark.parametrize("steps", range(8))
async def test_a_peer_that_leaves_has_an_answer_to_all_that_it_asked(steps: int):
    async with connection("mazu.status", "mazu.chat") as (peer, session):
        for number, command in enumerate(("mazu.chat", "mazu.status", "mazu.recall")):
            peer.command(number, command)
        for _ in range(steps):
            await asyncio.sleep(0)
        peer.feed(method="exit")
        answers = [await peer.answer() for _ in range(3)]
        assert sorted(one["id"] for one in answers) == [0, 1, 2]
        assert all("error" in one for one in answers)
        assert not session._running  # pyright: ignore[reportPrivateUsage]


async def test_an_id_that_is_used_again_names_the_new_request():
    async with connection("mazu.chat") as (peer, _):
        for _ in range(3):
            peer.command(1, "mazu.recall")
            assert (await peer.answer())["result"] == "mazu.recall"
            peer.command(1, "mazu.chat")
            for _ in range(4):
                await asyncio.sleep(0)
            peer.feed(method="$/cancelRequest", params={"id": 1})
            assert "error" in await peer.answer()


async def test_what_waits_for_a_model_or_the_user_holds_nothing_up():
    long = [f"mazu.{name}" for name in ("session.compact", "undo", "redo", "rollback", "turn.revert", "chat")]
    async with connection(*long) as (peer, _):
        for number, command in enumerate(long):
            peer.command(number, command)
        peer.command(20, "mazu.status")
        peer.command(21, "mazu.cancel")
        assert [(await peer.answer())["id"] for _ in range(2)] == [20, 21]


async def test_a_stop_waits_for_no_request_but_one_that_may_begin_a_turn():
    async with connection("mazu.status") as (peer, _):
        peer.command(1, "mazu.status")
        peer.command(2, "mazu.recall")
        peer.command(3, "mazu.cancel")
        assert (await peer.answer())["id"] == 3
        peer.command(4, "mazu.chat")
        peer.command(5, "mazu.cancel")
        peer.feed(method="$/cancelRequest", params={"id": 1})
        assert [(await peer.answer())["id"] for _ in range(4)] == [1, 2, 4, 5]


async def test_whoever_is_cancelled_while_it_connects_leaves_no_connection(monkeypatch: pytest.MonkeyPatch):
    ours, theirs = socket.socketpair()
    begun, go_on = threading.Event(), threading.Event()

    def connect(*given: Any) -> socket.socket:
        begun.set()
        go_on.wait(PATIENCE)
        return ours

    monkeypatch.setattr(following, "connect_to_server", connect)
    nothing = cast(Any, None)
    following_task = asyncio.create_task(following.follow_other_server(nothing, nothing, Path("live"), print))
    await asyncio.to_thread(begun.wait, PATIENCE)
    following_task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following_task
    go_on.set()
    theirs.settimeout(PATIENCE)
    assert await asyncio.to_thread(theirs.recv, 1) == b"", "it is closed"
    theirs.close()


async def test_what_comes_right_behind_the_greeting_of_another_server_is_answered(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """A question of its turn, in one piece with its answer to `initialize`."""
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(following, "connect_to_server", lambda *given: ours)
    hello: dict[str, Any] = {
        "capabilities": {
            "executeCommandProvider": {"commands": []},
            "experimental": {"mazu": {"editor": {"name": "Vim"}}},
        }
    }
    question = {
        "sessionId": "s_1", "callId": "c_1", "tool": "run_shell", "title": "Run `make`?", "detail": "",
        "options": [{"id": "allow_once", "label": "Allow once", "kind": "allow_once"}, {"id": "no", "label": "Deny", "kind": "deny"}],
    }  # fmt: skip
    async with connected(env) as client:
        client.answers["mazu/permission/request"] = lambda params: {"optionId": "allow_once"}
        await client.initialize(folder, experimental={"mazu": {"permissions": True, "updates": True}})
        server = client.connection.mazu
        assert server is not None
        project = await server.wait_opened()
        sharing = asyncio.create_task(following.follow_other_server(server, project, folder, print))
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        frames, received = FrameReader(), list[dict[str, Any]]()

        async def next_message() -> dict[str, Any]:
            while not received:
                data = await reader.read(65536)
                assert data, "the connection ended"
                received.extend(msgspec.json.decode(item) for item in cast("list[bytes]", frames.feed(data)))
            return received.pop(0)

        async with asyncio.timeout(PATIENCE):
            greeting = await next_message()
            asked = {"jsonrpc": "2.0", "id": "q1", "method": "mazu/permission/request", "params": question}
            answer = {"jsonrpc": "2.0", "id": greeting["id"], "result": hello}
            writer.write(encode_message(answer) + encode_message(asked))
            while (message := await next_message()).get("id") != "q1":
                pass
            assert message["result"]["optionId"] == "allow_once"
            running = {"kind": "state", "state": "running"}
            update = {"sessionId": "s_1", "turnId": "t_1", "seq": 4, "update": running}
            notice = {"jsonrpc": "2.0", "method": "mazu/session/update", "params": update}
            writer.write(encode_message(notice))
            writer.close()
            await sharing
        updates = [one["params"] for one in client.received if one.get("method") == "mazu/session/update"]
        assert updates[0] == update, "as it came"
        assert [updates[1][key] for key in ("sessionId", "turnId", "seq")] == ["s_1", "t_1", 5]
        ended = updates[1]["update"]
        assert (ended["state"], ended["stopReason"]) == ("done", "interrupted"), "it ended with its editor"


async def test_what_waits_is_weighed_and_who_has_not_said_hello_says_little():
    async with connection("mazu.chat") as (peer, session):
        session._link.most_unread = 2_000_000  # pyright: ignore[reportPrivateUsage]
        for id in range(20):
            params = {"command": "mazu.chat", "arguments": ["x" * 1_000_000]}
            peer.feed(id=id, method="workspace/executeCommand", params=params)
        refused = [await peer.answer() for _ in range(4)]
        assert {one["id"] for one in refused} == {16, 17, 18, 19}
        assert all("too many requests wait" in one["error"]["message"] for one in refused)
        peer.command(21, "mazu.status")
        assert (await peer.answer())["id"] == 21
    with pytest.raises(ValueError, match="too long"):
        async with connection() as (peer, _):
            peer.feed(id=1, method="initialize", params={"initializationOptions": "x" * FIRST_BYTES})
