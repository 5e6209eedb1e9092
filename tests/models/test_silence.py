"""How long an answer may be silent, which does not count the time that its reader takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import pytest

from mazu_ls.models.provider_errors import StreamEnded
from mazu_ls.models.retry import RetryPolicy
from mazu_ls.models.sse import read_events

pytestmark = pytest.mark.portable
PATIENCE = RetryPolicy(first=40.0, idle=0.2)


def answer(*pauses: float) -> Any:
    """A response as the SDKs give it: one event after each pause."""

    async def pieces() -> AsyncGenerator[bytes]:
        for number, pause in enumerate(pauses):
            await asyncio.sleep(pause)
            yield b'data: {"number": %d}\n\n' % number

    async def aclose() -> None:
        pass

    headers = {"content-type": "text/event-stream"}
    return SimpleNamespace(headers=headers, aiter_bytes=pieces, aclose=aclose)


async def read(response: Any, pause: float = 0.0) -> list[int]:
    found: list[int] = []
    async for event in read_events(response, PATIENCE):
        found.append(event["number"])
        await asyncio.sleep(pause)
    return found


async def test_an_answer_that_falls_silent_ends_soon_though_its_first_piece_had_long():
    async with asyncio.timeout(10):
        with pytest.raises(StreamEnded, match=r"nothing came for 0\.2 s"):
            await read(answer(0.0, 0.0, 30.0))


async def test_the_first_piece_may_take_longer_than_those_after_it():
    assert await read(answer(0.5, 0.0)) == [0, 1]


async def test_a_slow_reader_is_no_silence():
    assert await read(answer(0.0, 0.0, 0.0), pause=0.3) == [0, 1, 2]


async def test_pieces_that_come_one_by_one_may_take_longer_together():
    assert await read(answer(*[0.05] * 8)) == [*range(8)]
