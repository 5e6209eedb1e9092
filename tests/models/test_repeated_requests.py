"""After the first, a request repeats what the SDK built: the same headers, the same errors, and nothing built again."""

from __future__ import annotations

import asyncio
import re
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import MazuError
from mazu_ls.models.sdk.sdk_clients import preload
from tests.models.talk import MODELS, Talk
from tests.models.test_faults import GOOD, SDKS, TABLE, Row

pytestmark = pytest.mark.portable
CLASSES = {"anthropic": "AsyncAnthropic", "openai": "AsyncOpenAI"}


def counted(monkeypatch: pytest.MonkeyPatch, sdk: str) -> list[str]:
    """The paths to which the SDK itself posts from now on."""
    name = MODELS[sdk].partition(":")[0]
    preload("anthropic" if name == "anthropic" else "openai")
    client: Any = getattr(sys.modules[name], CLASSES[name])
    known, posted = client.post, []

    async def post(self: Any, path: str, **options: Any) -> Any:
        posted.append(path)
        return await known(self, path, **options)

    monkeypatch.setattr(client, "post", post)
    return posted


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_later_request_is_the_first_with_another_body(sdk: str, monkeypatch: pytest.MonkeyPatch):
    posted = counted(monkeypatch, sdk)
    async with ModelServer([GOOD, GOOD, GOOD]) as server:
        talk = Talk(server, sdk)
        for words in ("One.", "Two.", "Three."):
            await talk.say(words)
        heads = [dict(request.headers) for request in server.requests]
        assert len(posted) == 1
        lengths = [int(head.pop("content-length")) for head in heads]
        assert lengths == sorted(lengths) and lengths[0] < lengths[2]
        assert heads[0] == heads[1] == heads[2] and heads[0]["content-type"] == "application/json"
        assert len(server.bodies[2]["input" if sdk == "responses" else "messages"]) > 3
        assert {request.path for request in server.requests} == {server.requests[0].path}


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_log_of_the_sdk_shows_each_request(sdk: str, monkeypatch: pytest.MonkeyPatch):
    posted = counted(monkeypatch, sdk)
    monkeypatch.setenv(f"{MODELS[sdk].partition(':')[0].upper()}_LOG", "info")
    async with ModelServer([GOOD, GOOD]) as server:
        talk = Talk(server, sdk)
        await talk.say("One.")
        await talk.say("Two.")
        assert len(posted) == 2


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("row", [row for row in TABLE if not row.said], ids=lambda row: row.fault)
async def test_a_later_request_fails_as_the_first_one_does(sdk: str, row: Row):
    async def failure(good_before: int) -> MazuError:
        async with ModelServer(
            [*[GOOD] * good_before, {**row.said, "fault": row.fault, "repeat": True}]
        ) as server:
            talk = Talk(server, sdk)
            for _ in range(good_before):
                await talk.say("Begin.")
            error = await talk.fails("Do it now.")
            error.message = error.message.replace(str(server.port), "PORT")
            return error

    first, later = await failure(0), await failure(1)
    assert (later.kind, later.message, later.hint) == (first.kind, first.message, first.hint)
    assert first.kind is row.kind


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b"[1, 2]", b"\xff\xfe", b"", b"1" * 5000],
    ids=["deep", "list", "bytes", "empty", "digits"],
)
async def test_any_error_body_gives_a_later_request_the_same_error(sdk: str, body: bytes):
    async def failure(good_before: int) -> tuple[str, str]:
        left = [True] * good_before

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None
            sent = await reader.readexactly(int(length[1]))
            if left:
                left.pop()
                behind, forward = await asyncio.open_connection("127.0.0.1", good.port)
                forward.write(head.replace(b"keep-alive", b"close") + sent)
                writer.write(await behind.read())
                forward.close()
            else:
                said = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: "
                writer.write(said + b"%d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()

        async with ModelServer([GOOD]) as good, await asyncio.start_server(answer, "127.0.0.1", 0) as front:
            port = front.sockets[0].getsockname()[1]
            talk = Talk(cast(ModelServer, SimpleNamespace(url=f"http://127.0.0.1:{port}")), sdk)
            for _ in range(good_before):
                await talk.say("Begin.")
            error = await talk.fails("Do it.")
            return error.message.replace(str(port), "PORT"), error.hint

    assert await failure(1) == await failure(0)
