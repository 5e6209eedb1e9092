"""A call that was stopped, or failed in its middle, counts what is known: what the service said, the rest an estimate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import MazuError
from mazu_ls.messages import Message, Text, Usage, estimate_tokens
from mazu_ls.models.model import ModelRequest, RetryScheduled, TextDelta
from mazu_ls.models.pricing.tokens import estimate_request
from mazu_ls.models.pricing.unfinished_call import UnfinishedCall, await_answer
from tests.models.talk import READ, Talk, until

pytestmark = pytest.mark.portable


REQUEST = ModelRequest([Message("user", (Text("Tell me a long story."),))], ("You are a test.",), (READ,))
USED = {"input": 1234, "output": 999, "cacheRead": 11, "cacheWrite": 7}
STORY = "Once upon a time there was a call. " * 200


async def cancelled(reply: dict[str, Any], sdk: str) -> Usage:
    """What is booked of a call that is cancelled while it streams."""
    booked: list[Usage] = []
    async with ModelServer([reply]) as server:
        talk = Talk(server, sdk)
        call = asyncio.create_task(await_answer(talk.model, REQUEST, booked.append))
        await until(lambda: server.requests)
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    (usage,) = booked
    assert usage.estimated and usage.model_calls == 1
    return usage


async def test_what_anthropic_said_at_the_start_is_kept_and_the_rest_is_estimated():
    usage = await cancelled({"text": STORY, "delay": 0.5, "usage": USED}, "anthropic")
    assert usage.cost_usd is None or usage.cost_usd > 0
    known = (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    assert known in ((1234, 11, 7), (estimate_request(REQUEST), 0, 0))
    assert usage.output_tokens < estimate_tokens(STORY)


@pytest.mark.parametrize("sdk", ["openai", "responses"])
async def test_where_the_service_said_nothing_yet_tokens_and_cost_are_estimated(sdk: str):
    usage = await cancelled({"text": STORY, "delay": 0.5, "usage": USED}, sdk)
    assert usage.input_tokens == estimate_request(REQUEST)
    assert usage.cost_usd


@pytest.mark.parametrize("sdk", ["anthropic", "openai", "responses"])
async def test_a_service_that_never_counts_has_its_prompt_estimated(sdk: str):
    usage = await cancelled({"text": STORY, "delay": 0.5, "usage": False}, sdk)
    assert usage.input_tokens == estimate_request(REQUEST)


@pytest.mark.parametrize("sdk", ["anthropic", "openai", "responses"])
@pytest.mark.parametrize("what", ["text", "thinking", "calls"])
async def test_every_kind_of_piece_counts(sdk: str, what: str):
    said: dict[str, Any] = {
        "text": {"text": STORY},
        "thinking": {"thinking": STORY},
        "calls": {"calls": [{"name": "read_file", "arguments": {"path": STORY}}]},
    }[what]
    async with ModelServer([{**said, "usage": USED}]) as server:
        talk = Talk(server, sdk)
        call = UnfinishedCall(REQUEST, talk.model.spec, lambda used: None)
        async for chunk in talk.model.stream(REQUEST):
            call.take(chunk)
    usage = call.usage(failed=False)
    assert usage and usage.output_tokens >= estimate_tokens(STORY)
    assert usage.input_tokens == (1234 if sdk == "anthropic" else estimate_request(REQUEST))


@pytest.mark.parametrize("sdk", ["anthropic", "openai", "responses"])
async def test_a_call_that_never_began_has_used_nothing(sdk: str):
    booked: list[Usage] = []
    async with ModelServer([{"fault": "401"}]) as server:
        with pytest.raises(MazuError):
            await await_answer(Talk(server, sdk).model, REQUEST, booked.append)
    assert booked == []


async def test_each_attempt_that_broke_in_its_middle_has_used_what_came():
    booked: list[Usage] = []
    broken = {"text": STORY, "fault": "garbage_event", "after": 3, "usage": USED, "repeat": True}
    async with ModelServer([broken]) as server:
        with pytest.raises(MazuError):
            await await_answer(Talk(server, "anthropic").model, REQUEST, booked.append)
        assert len(booked) == len(server.requests) > 1
    assert all(
        usage.input_tokens == 1234 and 0 < usage.output_tokens < estimate_tokens(STORY) for usage in booked
    )


async def test_while_it_waits_for_a_retry_nothing_is_used_but_what_broke_off():
    booked: list[Usage] = []
    async with ModelServer([]) as server:
        call = UnfinishedCall(REQUEST, Talk(server, "anthropic").model.spec, booked.append)
    call.take(TextDelta("Once upon"))
    call.take(RetryScheduled(1, 3600.0, "overloaded"))
    assert call.usage(failed=False) is None
    assert [(used.model_calls, used.estimated) for used in booked] == [(1, True)]
