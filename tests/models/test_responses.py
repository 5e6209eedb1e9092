"""The Responses API: what goes out, what comes back, and what a service may do otherwise."""

from __future__ import annotations

import pytest

from mazu_ls.config.config import Config, ModelSettings
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind, MazuError
from mazu_ls.messages import Message, Text, Thinking, ToolCall
from mazu_ls.models import catalog
from mazu_ls.models.model import ModelRequest, ModelSpec, TextDelta, ThinkingDelta, ToolCallDelta
from mazu_ls.models.openai.responses_request import THOUGHTS, build_payload, refused_field, without
from mazu_ls.models.openai.responses_stream import ResponsesStream
from mazu_ls.models.pricing.model_prices import known
from mazu_ls.models.provider_errors import Endpoint, ServiceError, StreamEnded, classify_failure
from tests.models.talk import READ, Talk

pytestmark = pytest.mark.portable


def _sol() -> ModelSpec:
    found = known("openai", "gpt-6.1-sol")
    assert found
    return found


SOL = _sol()
CALL = {"name": "read_file", "arguments": {"path": "app.py"}}
REPLIES = [{"thinking": "Hm, hm.", "text": "Reading.", "calls": [CALL, CALL]}, {"text": "Done."}]
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
    "encrypted_content": "gAAAAsealed",
}


async def test_the_models_that_call_tools_there_only_are_asked_there():
    async with ModelServer(REPLIES) as server:
        talk = Talk(server, "openai:gpt-6-astra")
        assert (await talk.say("Read it.", effort=4000, max_output=500)).stop == "tool_use"
        assert server.requests[0].path == "/v1/responses"
        body = server.bodies[0]
        assert (body["store"], body["max_output_tokens"]) == (False, 500)
        assert body["reasoning"] == {"effort": "medium", "summary": "auto"}
        assert body["include"] == ["reasoning.encrypted_content"]
        assert body["instructions"] == "You are a test."
        assert [(tool["name"], tool["strict"]) for tool in body["tools"]] == [("read_file", False)]


async def test_reasoning_goes_back_sealed_as_it_came_and_to_nobody_else():
    async with ModelServer([*REPLIES, {"text": "a"}, {"text": "b"}]) as server:
        talk = Talk(server, "responses")
        await talk.say("Read it.")
        await talk.say(*talk.answer_calls())
        back = server.bodies[1]["input"]
        assert [item.get("type", item.get("role")) for item in back] == [
            *("user", "reasoning", "assistant", "function_call", "function_call"),
            *("function_call_output", "function_call_output"),
        ]
        assert back[1]["encrypted_content"].startswith("sig_") and back[1]["summary"][0]["text"] == "Hm, hm."
        assert back[2] == {"role": "assistant", "content": "Reading.", "phase": "commentary"}
        for other in ("openai", "anthropic"):
            talk.switch(other)
            await talk.say("And you?")
            assert "sig_" not in str(server.bodies[-1]) and "Hm, hm." not in str(server.bodies[-1])


async def test_reasoning_that_the_service_cannot_read_any_more_is_left_out():
    async with ModelServer([REPLIES[0], {"text": "Still here."}]) as server:
        talk = Talk(server, "responses")
        await talk.say("Read it.")
        spoilt = [
            Thinking(part.text, part.provider, redacted=part.redacted.replace('"sig_', '"of another key '))
            if isinstance(part, Thinking) and part.redacted
            else part
            for part in talk.messages[-1].parts
        ]
        talk.messages[-1] = Message("assistant", tuple(spoilt), talk.messages[-1].model)
        assert (await talk.say(*talk.answer_calls())).message.text == "Still here."
        assert [item.get("type") for item in server.bodies[-1]["input"]].count("reasoning") == 0
        assert len(server.requests) == 3


async def test_a_forced_tool_and_a_small_limit():
    async with ModelServer([{"calls": [CALL]}]) as server:
        await Talk(server, "responses").say("Go.", force_tool="read_file", max_output=3)
        body = server.bodies[0]
        assert body["tool_choice"] == {"type": "function", "name": "read_file"}
        assert body["max_output_tokens"] == 16


async def test_any_endpoint_can_be_asked_this_way_by_its_entry_in_the_config():
    async with ModelServer([{"text": "a"}, {"text": "b"}]) as server:
        url = f"{server.url}/v1"
        mine = ModelSettings(model="gpt-4-local", base_url=url, api="responses", extra_body={"top_k": 3})
        plain = ModelSettings(provider="openai", model="gpt-6.1-sol", base_url=url)
        config = Config(models={"mine": mine, "plain": plain})
        await Talk(server, "mine", config).say("Go.", effort=4000)
        assert server.requests[0].path == "/v1/responses"
        assert (server.bodies[0]["top_k"], "reasoning" in server.bodies[0]) == (3, False)
        await Talk(server, "plain", config).say("Go.", tools=())
        assert server.requests[1].path == "/v1/chat/completions"


def test_anthropic_is_not_asked_this_way():
    config = Config(models={"mine": ModelSettings(provider="anthropic", model="m", api="responses")})
    with pytest.raises(MazuError) as caught:
        catalog.resolve("mine", config, {"ANTHROPIC_API_KEY": "k"})
    assert caught.value.kind is Kind.CONFIG and "[models.mine]" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "kind", "passes"),
    [
        ("server_error", Kind.OVERLOADED, True),
        ("server_is_overloaded", Kind.OVERLOADED, True),
        ("slow_down", Kind.OVERLOADED, True),
        ("rate_limit_exceeded", Kind.RATE_LIMIT, True),
        ("context_length_exceeded", Kind.CONTEXT_LENGTH, False),
        ("insufficient_quota", Kind.BUDGET, False),
        ("invalid_prompt", Kind.REFUSAL, False),
        ("bio_policy", Kind.REFUSAL, False),
        ("image_content_policy_violation", Kind.REFUSAL, False),
        ("invalid_base64_image", Kind.MODEL, False),
        ("image_too_large", Kind.MODEL, False),
    ],
)
@pytest.mark.parametrize("shape", ["error", "failed"])
def test_an_error_in_the_stream_is_told_by_its_code(shape, code, kind, passes):
    said = {"code": code, "message": "It did not work."}
    failed = {"type": "response.failed", "response": {"status": "failed", "error": said}}
    with pytest.raises(ServiceError) as caught:
        ResponsesStream(SOL).take({"type": "error", **said} if shape == "error" else failed)
    failure = classify_failure(caught.value, Endpoint("openai:m", "http://127.0.0.1:1", "KEY"))
    assert failure is not None
    assert (failure.error.kind, failure.passing) == (kind, passes)
    assert "It did not work." in failure.error.message


@pytest.mark.parametrize(("words", "seconds"), [("in 11.054s", 11.054), ("in 250ms", 0.25), ("later", None)])
def test_the_patience_that_is_asked_for_in_words_is_read(words, seconds):
    said = {
        "code": "rate_limit_exceeded",
        "message": f"Rate limit reached. Please try again {words}. Visit us.",
    }
    failure = classify_failure(
        ServiceError({"error": said}), Endpoint("openai:m", "http://127.0.0.1:1", "KEY")
    )
    assert failure is not None and failure.retry_after == seconds


async def test_a_response_that_failed_is_tried_again():
    async with ModelServer([{"text": "Half", "stop": "failed"}, {"text": "Whole."}]) as server:
        talk = Talk(server, "responses")
        assert (await talk.say("Go.")).message.text == "Whole."
        assert (len(talk.retries), talk.shown) == (1, "Whole.")


def test_what_did_not_come_in_pieces_is_taken_from_the_finished_items():
    answer = ResponsesStream(SOL)
    done = [
        REASONING,
        {"type": "message", "content": [{"type": "output_text", "text": "Hello."}], "phase": None},
        {"type": "function_call", "call_id": "c1", "name": "read_file", "arguments": '{"path":"a"}'},
        {"type": "web_search_call", "id": "ws_1"},
    ]
    shown = []
    for item in done:  # all in one place, as some services have it
        shown += answer.take({"type": "response.output_item.done", "output_index": 0, "item": item})
    shown += answer.take({"type": "response.completed", "response": {"output": done}})
    last = answer.finished(lambda: 7)
    thought, said, call = last.message.parts
    assert isinstance(thought, Thinking) and thought.text == "One.\n\nTwo."
    assert said == Text("Hello.") and isinstance(call, ToolCall) and call.arguments == {"path": "a"}
    assert [type(chunk) for chunk in shown] == [ThinkingDelta, ThinkingDelta, TextDelta, ToolCallDelta]
    assert (last.stop, last.usage.input_tokens, last.usage.estimated) == ("tool_use", 7, True)
    back = build_payload(ModelRequest([last.message]), SOL)["input"]
    assert back[1] == REASONING


def test_open_reasoning_without_a_seal_goes_back_and_half_sealed_does_not():
    def sent(item):
        answer = ResponsesStream(SOL)
        answer.take({"type": "response.output_item.added", "output_index": 0, "item": {**item, "id": "rs_1"}})
        answer.take({"type": "response.reasoning_text.delta", "output_index": 0, "delta": "So: "})
        if item.get("content"):
            answer.take({"type": "response.output_item.done", "output_index": 0, "item": item})
        answer.take({"type": "response.output_text.delta", "output_index": 1, "delta": "Well."})
        answer.take({"type": "response.completed", "response": {}})
        items = build_payload(ModelRequest([answer.finished(lambda: 0).message]), SOL)["input"]
        return [given.get("type", "message") for given in items if given.get("role") != "user"]

    content = [{"type": "reasoning_text", "text": "So: "}]
    assert sent({"type": "reasoning", "content": content}) == ["reasoning", "message"]
    assert sent({"type": "reasoning", "encrypted_content": "gAAA"}) == ["message"]


@pytest.mark.parametrize("status", [None, "in_progress", "queued"])
def test_an_answer_without_its_last_event_is_no_answer(status):
    answer = ResponsesStream(SOL)
    answer.take({"type": "response.output_text.delta", "output_index": 0, "delta": "Well"})
    if status:
        answer.take({"object": "response", "status": status})
    with pytest.raises(StreamEnded):
        answer.finished(lambda: 0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("The encrypted content gAAA could not be verified.", THOUGHTS),
        ("Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.", THOUGHTS),
        ("Encrypted content is not supported with this model.", "include"),
        ("Your organization must be verified to generate reasoning summaries.", "summary"),
        ("Unsupported parameter: 'reasoning.effort' is not supported with this model.", "reasoning"),
        ("Tool choice 'function' is not supported; set tool_choice to 'auto'", "tool_choice"),
        ("Unknown parameter: 'store'.", "store"),
        ("Something else entirely.", None),
    ],
)
def test_what_a_service_refuses_is_left_out_and_not_asked_for_twice(said, field):
    class Refused(Exception):
        status_code = 400

    thought = Thinking("One.", "openai", redacted='{"type":"reasoning","id":"rs_1","summary":[]}')
    messages = [Message("assistant", (thought, Text("Well.")))]
    body = build_payload(ModelRequest(messages, tools=(READ,), force_tool="read_file", effort=4000), SOL)
    assert refused_field(Refused(said), body) == field
    if field:
        assert refused_field(Refused(said), without(body, field)) is None
