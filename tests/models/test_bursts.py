"""An answer that is there already is read in one go; other tasks get a turn in a long one, and an endless one is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind
from mazu_ls.models.retry import MOST_CHARACTERS, RetryPolicy
from mazu_ls.models.sse import read_events
from tests.models.talk import Talk


@pytest.mark.parametrize(("pieces", "others_ran"), [(20, False), (200, True)])
async def test_others_get_a_turn_in_a_long_burst_alone(pieces: int, others_ran: bool):
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(pieces):
            yield b'data: {"type": "delta"}\n\n'

    async def close() -> None:
        pass

    headers = {"content-type": "text/event-stream"}
    response = SimpleNamespace(headers=headers, aiter_bytes=chunks, aclose=close)
    ran: list[int] = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    count = 0
    async for event in read_events(response, RetryPolicy()):
        assert event == {"type": "delta"}
        count += 1
    assert count == pieces
    assert bool(ran) is others_ran


@pytest.mark.parametrize("sdk", ["anthropic", "openai", "responses"])
async def test_an_answer_that_does_not_stop_is_refused_once_and_the_next_is_read(sdk: str):
    endless = {"text": "some words of it. " * (MOST_CHARACTERS // 18 + 1), "chunk": 500_000}
    async with ModelServer([endless, {"text": "Here."}]) as server:
        talk = Talk(server, sdk)
        error = await talk.fails("Hello.")
        assert (error.kind, len(server.bodies)) == (Kind.MODEL, 1)
        assert "more than 8,388,608 characters" in error.message
        assert (await talk.say()).message.text == "Here."
