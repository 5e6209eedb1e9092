"""Every fault of the providers, before and in mid-stream, through both real SDKs and all three wire formats."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from mazu_ls.config.config import Config, ModelSettings
from mazu_ls.demo.model_server import FAULTS, ModelServer
from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import Message, Text
from mazu_ls.models import catalog
from mazu_ls.models.model import (
    AnswerRestarted,
    ModelRequest,
    RetryScheduled,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from mazu_ls.models.provider_errors import Endpoint, ServiceError, classify_failure
from mazu_ls.models.retry import RetryPolicy, stream_with_retries
from tests.models.talk import QUICK, Talk, environment, until

pytestmark = pytest.mark.portable


PROVIDERS = ("anthropic", "openai")
SDKS = (*PROVIDERS, "responses")
GOOD = {"text": "All is well again, after all of that."}
SPEECH = {"text": "The beginning of an answer that is never to be finished.", "chunk": 6}
CALL = {"name": "read_file", "arguments": {"path": "app.py"}}


class Row(NamedTuple):
    """A fault, what the faulty reply would have said, the kind it ends in if it persists, and what happens on the way."""

    fault: str
    said: dict[str, Any]
    kind: Kind
    retried: bool
    shown: bool

    @property
    def patience(self) -> RetryPolicy:
        """Little only with what falls silent."""
        return replace(QUICK, idle=0.5) if self.fault == "stall" else QUICK


TABLE = [
    Row("401", {}, Kind.AUTH, False, False),
    Row("403", {}, Kind.AUTH, False, False),
    Row("404", {}, Kind.MODEL, False, False),
    Row("context_length", {}, Kind.CONTEXT_LENGTH, False, False),
    Row("429", {}, Kind.RATE_LIMIT, True, False),
    Row("500", {}, Kind.OVERLOADED, True, False),
    Row("529", {}, Kind.OVERLOADED, True, False),
    Row("reset", {}, Kind.NETWORK, True, False),
    Row("overloaded_midstream", SPEECH, Kind.OVERLOADED, True, True),
    Row("overloaded_midstream", {"calls": [CALL], "chunk": 4}, Kind.OVERLOADED, True, True),
    Row("reset_midstream", SPEECH, Kind.NETWORK, True, True),
    Row("reset_midstream", {"calls": [CALL], "chunk": 4}, Kind.NETWORK, True, True),
    Row("stall", SPEECH, Kind.NETWORK, True, True),
    Row("no_terminal_event", SPEECH, Kind.NETWORK, True, True),
    Row("no_terminal_event", {"calls": [CALL]}, Kind.NETWORK, True, True),
    Row("garbage_event", SPEECH, Kind.NETWORK, True, True),
]
ENDS = {"truncated_json", "max_tokens_in_tool", "duplicate_ids", "refusal"}


def test_the_table_and_the_ends_are_all_faults_there_are():
    assert {row.fault for row in TABLE} | ENDS == FAULTS


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fault)
async def test_a_fault_that_persists_ends_in_its_kind_and_the_talk_goes_on(sdk, row):
    async with ModelServer([{**row.said, "fault": row.fault, "repeat": True}, GOOD]) as server:
        talk = Talk(server, sdk, patience=row.patience)
        error = await talk.fails("Do it now.")
        assert error.kind is row.kind
        assert error.hint
        assert len(server.requests) == (1 + QUICK.retries if row.retried else 1)
        assert len(talk.retries) == (QUICK.retries if row.retried else 0)
        del server.script.replies[0]
        assert (await talk.say("Are you there?")).stop == "end_turn"
        assert talk.shown == GOOD["text"]


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("row", [row for row in TABLE if row.retried], ids=lambda row: row.fault)
async def test_a_fault_that_passes_is_retried_and_the_reader_told_to_start_anew(sdk, row):
    async with ModelServer([{**row.said, "fault": row.fault}, GOOD]) as server:
        talk = Talk(server, sdk, patience=row.patience)
        last = await talk.say("Do it now.")
        assert (last.stop, last.message.text, talk.shown) == ("end_turn", GOOD["text"], GOOD["text"])
        assert [retry.attempt for retry in talk.retries] == [1]
        assert any(isinstance(chunk, AnswerRestarted) for chunk in talk.chunks) is row.shown
        assert len(server.requests) == 2
        assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("answered", [True, False])
async def test_a_call_cut_by_the_output_limit_never_looks_valid(sdk, answered):
    reply = {"text": "I read.", "calls": [CALL, CALL], "fault": "max_tokens_in_tool"}
    async with ModelServer([reply, GOOD]) as server:
        talk = Talk(server, sdk)
        last = await talk.say("Read it.")
        assert last.stop == "max_tokens"
        whole, cut = last.message.calls
        assert (whole.arguments, whole.invalid) == ({"path": "app.py"}, None)
        assert (cut.arguments, cut.invalid is not None) == ({}, True)
        assert (await talk.say(*(talk.answer_calls() if answered else ["Go on."]))).stop == "end_turn"


@pytest.mark.parametrize("sdk", SDKS)
async def test_arguments_cut_off_are_told_to_the_model_not_guessed(sdk):
    async with ModelServer([{"calls": [CALL], "fault": "truncated_json"}, GOOD]) as server:
        talk = Talk(server, sdk)
        last = await talk.say("Read it.")
        assert last.stop == "tool_use"
        assert "not valid JSON" in (last.message.calls[0].invalid or "")
        assert (await talk.say(*talk.answer_calls())).stop == "end_turn"


@pytest.mark.parametrize("sdk", SDKS)
async def test_of_two_calls_with_one_id_the_second_is_refused_and_both_are_answered(sdk):
    async with ModelServer([{"calls": [CALL, CALL], "fault": "duplicate_ids"}, GOOD]) as server:
        talk = Talk(server, sdk)
        first, second = (await talk.say("Read it.")).message.calls
        assert first.id != second.id
        assert first.invalid is None
        assert "id" in (second.invalid or "")
        assert [chunk.id for chunk in talk.chunks if isinstance(chunk, ToolCallDelta)] == [
            first.id,
            second.id,
        ]
        assert (await talk.say(*talk.answer_calls())).stop == "end_turn"


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("said", [{}, {"text": "I must not"}])
async def test_a_refusal_is_a_stop_with_its_reason_and_the_talk_goes_on(sdk, said):
    async with ModelServer([{**said, "fault": "refusal"}, GOOD]) as server:
        talk = Talk(server, sdk)
        last = await talk.say("Do harm.")
        assert (last.stop, bool(last.detail)) == ("refusal", True)
        assert (await talk.say("Do good, then.")).stop == "end_turn"


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_service_that_asks_for_little_patience_gets_it(sdk):
    async with ModelServer([{"fault": "429", "retryAfter": 0.2}, GOOD]) as server:
        talk = Talk(server, sdk)
        assert (await talk.say("Hello.")).stop == "end_turn"
        assert 0.2 <= talk.retries[0].seconds < 0.3


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25, 0.25),
    ],
)
def test_every_way_to_ask_for_patience_is_read(headers, least, most):
    failed = classify_failure(Limited(headers), Endpoint("m", "http://127.0.0.1:1", "KEY"))
    assert failed is not None and failed.retry_after is not None
    assert least <= failed.retry_after <= most


def test_patience_until_a_date_is_read():
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90))
    failed = classify_failure(Limited({"retry-after": until}), Endpoint("m", "http://127.0.0.1:1", "KEY"))
    assert failed is not None and failed.retry_after is not None
    assert 60 <= failed.retry_after <= 90


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf", ""])
def test_nonsense_in_place_of_patience_is_not_waited_for(given):
    failed = classify_failure(Limited({"retry-after": given}), Endpoint("m", "http://127.0.0.1:1", "KEY"))
    assert failed is not None and failed.passing and failed.retry_after is None


class Limited(Exception):
    """What both SDKs raise for status 429, as far as it is looked at."""

    status_code = 429
    body = None

    def __init__(self, headers: dict[str, str]) -> None:
        self.response = SimpleNamespace(headers=headers)


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("fault", ["429", "529"])
async def test_a_service_that_asks_for_five_minutes_is_not_waited_for(sdk, fault):
    async with ModelServer([{"fault": fault, "retryAfter": 300}, GOOD]) as server:
        talk = Talk(server, sdk)
        began = time.monotonic()
        error = await talk.fails("Hello.")
        assert time.monotonic() - began < 200
        assert error.kind in (Kind.RATE_LIMIT, Kind.OVERLOADED)
        assert "300 s" in error.hint
        assert len(server.requests) == 1


@pytest.mark.parametrize("sdk", SDKS)
async def test_nobody_at_the_address_is_a_network_error_that_names_it(sdk):
    async with ModelServer() as server:
        talk = Talk(server, sdk)
        url = server.url
    error = await talk.fails("Hello.")
    assert error.kind is Kind.NETWORK
    assert url in error.message
    assert len(talk.retries) == QUICK.retries


@pytest.mark.parametrize(
    "base_url", ["ftp://models.example", "localhost:1234", "http://", "http://[::1", "not a url"]
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_address_that_cannot_be_called_is_a_config_error(provider, base_url):
    config = Config(models={"mine": ModelSettings(provider=provider, model="m", base_url=base_url)})
    with pytest.raises(MazuError) as caught:
        catalog.resolve("mine", config, {})
    assert caught.value.kind is Kind.CONFIG
    assert "[models.mine]" in caught.value.hint


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    "reply",
    [{"text": "Word by word by word by word.", "delay": 0.05, "chunk": 3}, {**SPEECH, "fault": "stall"}],
)
async def test_closing_the_stream_ends_the_request_at_once(sdk, reply):
    async with ModelServer([reply, GOOD]) as server:
        talk = Talk(server, sdk, patience=RetryPolicy())
        request = ModelRequest([Message("user", (Text("Hello."),))])
        async with aclosing(talk.model.stream(request)) as chunks:
            while isinstance(first := await anext(chunks), UsageReported):
                pass
            assert isinstance(first, TextDelta)
        async with asyncio.timeout(20):
            await server.requests[0].gone.wait()
        assert (await talk.say("Are you there?")).stop == "end_turn"


@pytest.mark.parametrize("sdk", SDKS)
async def test_cancelling_the_task_ends_a_silent_request_at_once(sdk):
    async with ModelServer([{"text": "soon", "delay": 30.0, "fault": "stall", "after": 0}]) as server:
        talk = Talk(server, sdk, patience=RetryPolicy())
        asking = asyncio.create_task(talk.say("Hello."))
        await until(lambda: server.requests)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(20):
                await asking
        async with asyncio.timeout(20):
            await server.requests[0].gone.wait()


@pytest.mark.parametrize("sdk", SDKS)
async def test_cancelling_the_wait_before_a_retry_is_immediate(sdk):
    async with ModelServer([{"fault": "429", "retryAfter": 50, "repeat": True}]) as server:
        talk = Talk(server, sdk, patience=RetryPolicy())
        asking = asyncio.create_task(talk.say("Hello."))
        await until(lambda: talk.retries)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(20):
                await asking
        assert len(server.requests) == 1


@pytest.mark.parametrize("sdk", SDKS)
async def test_the_key_is_in_no_error_no_repr_and_no_log(sdk, caplog):
    caplog.set_level("DEBUG")
    async with ModelServer([{"fault": "401", "repeat": True}, GOOD]) as server:
        env = environment(server.url)
        keys = [env["ANTHROPIC_API_KEY"], env["OPENAI_API_KEY"]]
        talk = Talk(server, sdk)
        error = await talk.fails("Hello.")
        told = repr(vars(talk.model)) + repr(error) + error.message + error.hint + caplog.text
        assert not any(key in told for key in keys)


def test_an_error_that_repeats_the_key_is_masked():
    endpoint = Endpoint("mine:m", "http://127.0.0.1:1", "MINE_KEY", "hush-hush-hush")
    failed = classify_failure(
        ServiceError({"error": {"message": "bad key hush-hush-hush", "type": "x"}}), endpoint
    )
    assert failed is not None
    assert "hush" not in failed.error.message


async def test_a_mistake_of_ours_is_not_taken_for_the_service_s():
    async def broken():
        yield TextDelta("a")
        raise KeyError("ours")

    endpoint = Endpoint("mine:m", "http://127.0.0.1:1", "MINE_KEY")
    with pytest.raises(KeyError):
        async for chunk in stream_with_retries(broken, endpoint, QUICK):
            assert not isinstance(chunk, RetryScheduled)
