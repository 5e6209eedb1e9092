"""What comes back: text, thoughts, calls in every shape, usage and its price, the stop."""

from __future__ import annotations

import asyncio

import pytest

from mazu_ls.config.config import Config, ModelSettings
from mazu_ls.demo.model_server import ModelServer
from mazu_ls.errors import Kind
from mazu_ls.messages import Text, Thinking, ToolCall
from mazu_ls.models.model import TextDelta, ThinkingDelta, ToolCallDelta
from mazu_ls.models.openai.chat_request import refused_field, without
from mazu_ls.models.openai.chat_stream import ChatStream
from mazu_ls.models.pricing.model_prices import known
from mazu_ls.models.tool_arguments import parse_arguments
from tests.models.talk import READ, Talk

pytestmark = pytest.mark.portable


PROVIDERS = ("anthropic", "openai")
SDKS = (*PROVIDERS, "responses")


@pytest.mark.parametrize("sdk", SDKS)
async def test_an_answer_streams_and_ends_whole(sdk):
    call = {"name": "read_file", "arguments": {"path": "ä.py", "deep": {"n": [1, None, True]}}}
    reply = {"thinking": "First, think.", "text": "Then speak\u2028on, and act.", "calls": [call], "chunk": 5}
    async with ModelServer([reply]) as server:
        talk = Talk(server, sdk)
        last = await talk.say("Hello.")
        thought, *_, said, asked = last.message.parts
        assert isinstance(thought, Thinking) and thought.text == "First, think."
        assert said == Text("Then speak\u2028on, and act.")
        assert isinstance(asked, ToolCall) and asked.arguments == call["arguments"]
        assert "".join(c.text for c in talk.chunks if isinstance(c, ThinkingDelta)) == "First, think."
        assert sum(isinstance(c, TextDelta) for c in talk.chunks) == 5
        assert [c.id for c in talk.chunks if isinstance(c, ToolCallDelta)] == [asked.id]
        assert (last.stop, last.message.model) == ("tool_use", talk.model.name)


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_service_that_does_not_stream_is_understood(sdk):
    call = {"name": "read_file", "arguments": {"path": "a"}}
    replies = [
        {"text": "Reading both.", "calls": [call, call], "usage": {"input": 9, "output": 4}},
        {"text": "Done."},
    ]
    async with ModelServer(replies, streams=False) as server:
        talk = Talk(server, sdk)
        last = await talk.say("Read.")
        assert (last.stop, talk.shown, last.usage.input_tokens) == ("tool_use", "Reading both.", 9)
        assert [asked.arguments for asked in last.message.calls] == [{"path": "a"}] * 2
        assert (await talk.say(*talk.answer_calls())).message.text == "Done."


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_address_that_is_a_web_page_is_a_mistake_in_the_config(provider):
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<h1>Welcome</h1>"
        )
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as web:
        url = f"http://127.0.0.1:{web.sockets[0].getsockname()[1]}"
        config = Config(models={"mine": ModelSettings(provider=provider, model="m", base_url=url)})
        async with ModelServer() as server:
            error = await Talk(server, "mine", config).fails("Hello.")
    assert error.kind is Kind.CONFIG
    assert url in error.message and 'a web page, "Welcome"' in error.message


@pytest.mark.parametrize("sdk", SDKS)
async def test_half_of_a_character_breaks_neither_the_answer_nor_the_next_question(sdk):
    async with ModelServer([{"text": "Look: \ud83d!"}, {"text": "Fine."}]) as server:
        talk = Talk(server, sdk)
        assert (await talk.say("Smile.")).message.text == "Look: \ufffd!"
        assert (await talk.say("Again, \ud83d.", system=("Be \ud83d.",))).message.text == "Fine."
        assert len(server.requests) == 2


@pytest.mark.parametrize("sdk", SDKS)
async def test_an_empty_answer_is_an_end_and_the_talk_goes_on(sdk):
    async with ModelServer([{}, {"text": "Sorry, I was away."}]) as server:
        talk = Talk(server, sdk)
        last = await talk.say("Hello?")
        assert (last.stop, last.message.parts) == ("end_turn", ())
        assert (await talk.say("Hello??")).message.text == "Sorry, I was away."


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        ("", {}),
        ("{}", {}),
        ('""', {}),
        ("null", {}),
        ('{"path": "a"}', {"path": "a"}),
        ('"{\\"path\\": \\"a\\"}"', {"path": "a"}),
        ({"path": "a"}, {"path": "a"}),
        ({"path": "\ud83d"}, None),
        ('{"path": "\\ud83d"}', None),
        ("[1]", None),
        ("path: a", None),
        ('{"path": "a"} and more', None),
    ],
)
async def test_arguments_in_every_shape_that_models_send(sdk, raw, arguments):
    async with ModelServer([{"calls": [{"name": "read_file", "raw": raw}]}, {"text": "Thanks."}]) as server:
        talk = Talk(server, sdk)
        (call,) = (await talk.say("Read it.")).message.calls
        assert call.arguments == (arguments or {})
        assert (call.invalid is None) is (arguments is not None)
        assert (await talk.say(*talk.answer_calls())).stop == "end_turn"


def test_what_is_wrong_with_arguments_is_said_with_how_they_began():
    assert "an array: [1]" in str(parse_arguments("[1]"))
    assert len(str(parse_arguments("x" * 10_000)[1])) < 400


@pytest.mark.parametrize("sdk", SDKS)
async def test_calls_without_ids_get_one(sdk):
    call = {"name": "read_file", "arguments": {}, "id": None}
    async with ModelServer([{"calls": [call, call]}, {"text": "Thanks."}]) as server:
        talk = Talk(server, sdk)
        first, second = (await talk.say("Read both.")).message.calls
        assert first.id and second.id and first.id != second.id
        assert (first.invalid, second.invalid) == (None, None)
        assert (await talk.say(*talk.answer_calls())).stop == "end_turn"


@pytest.mark.parametrize(
    ("sdk", "stop", "expected"),
    [
        ("anthropic", "max_tokens", "max_tokens"),
        ("anthropic", "stop_sequence", "end_turn"),
        ("anthropic", "model_context_window_exceeded", "context_length"),
        ("anthropic", "something_new", "end_turn"),
        ("openai", "length", "max_tokens"),
        ("openai", "content_filter", "refusal"),
        ("openai", "something_new", "end_turn"),
        ("responses", "max_output_tokens", "max_tokens"),
        ("responses", "content_filter", "refusal"),
    ],
)
async def test_every_stop_has_a_name_of_ours(sdk, stop, expected):
    async with ModelServer([{"text": "Well", "stop": stop}]) as server:
        last = await Talk(server, sdk).say("Hello.")
        assert last.stop == expected
        assert bool(last.detail) is (stop in ("something_new", "content_filter"))


@pytest.mark.parametrize(("sdk", "stop"), [("openai", "stop"), ("anthropic", "end_turn")])
async def test_calls_that_come_with_an_ordinary_end_are_calls(sdk, stop):
    async with ModelServer([{"calls": [{"name": "read_file"}], "stop": stop}]) as server:
        assert (await Talk(server, sdk).say("Read it.")).stop == "tool_use"


async def test_a_paused_turn_goes_on_by_itself_as_one_answer():
    pause = {"text": "Searching, ", "stop": "pause_turn", "usage": {"input": 10, "output": 1}}
    async with ModelServer([pause, {"text": "found.", "usage": {"input": 20, "output": 2}}]) as server:
        last = await Talk(server, "anthropic").say("Find it.")
        assert (last.stop, last.message.text) == ("end_turn", "Searching, found.")
        assert (last.usage.input_tokens, last.usage.output_tokens, last.usage.model_calls) == (30, 3, 2)
        assert server.bodies[1]["messages"][-1] == {
            "role": "assistant",
            "content": [{"type": "text", "text": "Searching, "}],
        }


@pytest.mark.parametrize("sdk", SDKS)
async def test_cached_tokens_are_counted_apart_and_priced_apart(sdk):
    usage = {"input": 1000, "output": 100, "cacheRead": 10_000, "cacheWrite": 0}
    async with ModelServer([{"text": "Hi.", "usage": usage}]) as server:
        used = (await Talk(server, sdk).say("Hello.")).usage
        assert (used.input_tokens, used.output_tokens, used.cache_read_tokens) == (1000, 100, 10_000)
        prices = {
            "anthropic": (1000 * 1 + 100 * 5 + 10_000 * 0.1),
            "openai": (1000 * 2 + 100 * 8 + 10_000 * 0.5),
            "responses": (1000 * 2 + 100 * 10 + 10_000 * 0.1),
        }
        assert used.cost_usd == pytest.approx(prices[sdk] / 1e6)


async def test_an_unknown_price_is_none_and_a_price_of_zero_is_zero():
    free = ModelSettings(model="m", price_in=0, price_out=0)
    async with ModelServer([{"text": "Hi."}, {"text": "Hi.", "usage": False}] * 2) as server:
        url = f"{server.url}/v1"
        config = Config(
            models={
                "mine": ModelSettings(model="m", base_url=url),
                "free": ModelSettings(**{**_fields(free), "base_url": url}),
            }
        )
        costs = [
            (await Talk(server, name, config).say("Hello.")).usage.cost_usd
            for name in ("mine", "mine", "free", "free")
        ]
        assert costs == [None, None, 0.0, 0.0]


def _fields(settings: ModelSettings) -> dict:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


@pytest.mark.parametrize("sdk", ["anthropic", "openai", "responses"])
@pytest.mark.parametrize("usage", [False, {"input": 0, "output": 0}])
async def test_tokens_that_a_service_does_not_report_are_estimated_and_so_is_the_price(sdk, usage):
    async with ModelServer([{"text": "word " * 40, "usage": usage}]) as server:
        used = (await Talk(server, sdk).say("Hello. " * 40)).usage
        assert used.estimated and used.model_calls == 1
        assert 30 < used.output_tokens < 90
        assert used.input_tokens > 50
        assert used.cost_usd is not None and used.cost_usd > 0


async def test_the_prefix_carries_the_cache_marks_and_the_newest_turns_do():
    async with ModelServer([{"calls": [{"name": "read_file"}]}, {"text": "Done."}]) as server:
        talk = Talk(server, "anthropic")
        await talk.say("Read it.", system=("Always.", "Often.", "Now."))
        await talk.say(*talk.answer_calls(), system=("Always.", "Often.", "Now."))
        first, second = server.bodies
        assert ["cache_control" in block for block in second["system"]] == [True, False, True]
        assert [sum("cache_control" in b for b in m["content"]) for m in second["messages"]] == [1, 0, 1]
        assert first["tools"] == second["tools"] and first["system"] == second["system"]
        assert first["messages"] == second["messages"][:1]


@pytest.mark.parametrize(
    ("model", "effort", "forced", "thinking", "choice"),
    [
        ("claude-haiku-4-5", None, None, None, None),
        ("claude-haiku-4-5", 4000, None, {"type": "enabled", "budget_tokens": 4000}, None),
        ("claude-haiku-4-5", 4000, "read_file", None, {"type": "tool", "name": "read_file"}),
        ("claude-sonnet-5-5", 4000, None, {"type": "adaptive", "display": "summarized"}, None),
        ("claude-sonnet-5-5", None, "read_file", {"type": "disabled"}, {"type": "tool", "name": "read_file"}),
        ("claude-opus-5-5", None, None, {"type": "adaptive", "display": "summarized"}, None),
        ("claude-opus-5-5", None, "read_file", {"type": "adaptive", "display": "summarized"}, None),
    ],
)
async def test_each_claude_is_asked_to_think_in_the_way_it_takes(model, effort, forced, thinking, choice):
    async with ModelServer([{"text": "Done."}]) as server:
        assert (await Talk(server, model).say("Go.", effort=effort, force_tool=forced)).stop == "end_turn"
        assert server.bodies[0].get("thinking") == thinking
        assert server.bodies[0].get("tool_choice") == choice
        if forced and choice is None:
            assert "read_file" in server.bodies[0]["system"][-1]["text"]


async def test_thoughts_that_the_service_no_longer_takes_are_left_out_once():
    async with ModelServer([{"thinking": "Mine.", "text": "Yes."}, {"text": "Still here."}]) as server:
        talk = Talk(server, "anthropic")
        await talk.say("Think.")
        tampered = [Thinking("Altered.", part.provider, part.signature) if isinstance(part, Thinking) else part
                    for part in talk.messages[-1].parts]  # fmt: skip
        talk.messages[-1] = type(talk.messages[-1])("assistant", tuple(tampered), talk.messages[-1].model)
        assert (await talk.say("Again.")).message.text == "Still here."
        assert len(server.requests) == 3


async def test_models_that_reason_or_call_but_not_both_are_told_not_to_reason():
    async with ModelServer([{"text": "a"}, {"text": "b"}]) as server:
        talk = Talk(server, "openai:gpt-6-sol")
        await talk.say("Go.", effort=4000)
        await talk.say("Go.", effort=4000, tools=())
        assert [body["reasoning_effort"] for body in server.bodies] == ["none", "medium"]


async def test_the_output_limit_has_the_name_that_each_service_knows():
    async with ModelServer([{"text": "a"}] * 3) as server:
        for name in ("openai:gpt-5", "deepseek", "anthropic"):
            await Talk(server, name).say("Go.", max_output=500)
        gpt, deepseek, claude = server.bodies
        assert (gpt["max_completion_tokens"], deepseek["max_tokens"], claude["max_tokens"]) == (500, 500, 500)


def test_deltas_of_calls_without_an_index_or_with_the_same_one_are_told_apart():
    spec = known("gemini", "gemini-4-argon")
    assert spec
    answer = ChatStream(spec)
    signed = {"google": {"thought_signature": "s1"}}
    for delta in (
        {
            "id": "a",
            "index": 0,
            "function": {"name": "read_file", "arguments": '{"n":1}'},
            "extra_content": signed,
        },
        {"id": "b", "index": 0, "function": {"name": "read_file", "arguments": '{"n":2}'}},
        {"function": {"name": "read_file", "arguments": '{"n":'}},
        {"function": {"arguments": "3}"}},
    ):
        answer.take({"choices": [{"delta": {"tool_calls": [delta]}}]})
    answer.take({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    last = answer.finished(lambda: 0)
    assert [call.arguments for call in last.message.calls] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert last.message.parts[0] == Thinking("", "gemini", redacted='["s1",null,null]')


async def test_extra_body_of_an_endpoint_goes_with_every_request():
    async with ModelServer([{"text": "a"}]) as server:
        settings = ModelSettings(
            model="m", base_url=f"{server.url}/v1", extra_body={"top_k": 3, "user": "me"}, max_output=77
        )
        await Talk(server, "mine", Config(models={"mine": settings})).say("Go.", tools=(READ,))
        body = server.bodies[0]
        assert (body["top_k"], body["user"], body["max_tokens"], body["model"]) == (3, "me", 77, "m")
        assert server.requests[0].headers["authorization"] == "Bearer none"


async def test_a_field_that_a_service_refuses_is_left_out_from_then_on():
    async with ModelServer([{"text": "a"}, {"text": "b"}]) as server:
        settings = ModelSettings(model="gpt-5-proxied", base_url=f"{server.url}/v1", max_output=99)
        talk = Talk(server, "mine", Config(models={"mine": settings}))
        assert (await talk.say("Go.")).message.text == "a"
        assert (await talk.say("Go.")).message.text == "b"
        refused, *taken = server.bodies
        assert refused["max_tokens"] == 99
        assert [body["max_completion_tokens"] for body in taken] == [99, 99]


async def test_a_new_claude_that_takes_no_forced_tool_is_asked_in_words():
    async with ModelServer([{"text": "a"}]) as server:
        await Talk(server, "claude-opus-5-5-of-tomorrow").say("Go.", force_tool="read_file")
        first, second = server.bodies
        assert first["tool_choice"]["name"] == "read_file"
        assert "tool_choice" not in second and "read_file" in second["system"][-1]["text"]


def test_a_new_gpt_that_does_not_reason_with_tools_is_told_not_to_reason():
    class Refused(Exception):
        status_code = 400

    body = {"tools": [1], "messages": []}
    refused = Refused(
        "Function tools with reasoning_effort are not supported for gpt-7; set reasoning_effort to 'none'"
    )
    field = refused_field(refused, body)
    assert field == "reasoning_effort"
    assert without(body, field)["reasoning_effort"] == "none"
    assert refused_field(refused, without(body, field)) is None
