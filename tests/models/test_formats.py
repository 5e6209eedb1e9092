"""Laws over the wire formats: nothing that was said is lost between them, and nothing that comes in breaks the reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mazu_ls.messages import Message, Text, Thinking, ToolCall, ToolResult
from mazu_ls.models.anthropic import request as messages_format
from mazu_ls.models.anthropic import stream
from mazu_ls.models.model import ModelAnswer, ModelRequest, ModelSpec
from mazu_ls.models.openai import chat_request, chat_stream, responses_request, responses_stream
from mazu_ls.models.pricing import model_prices
from mazu_ls.models.provider_errors import ServiceError, StreamEnded, read_by_its_format

pytestmark = pytest.mark.portable


CLAUDE = model_prices.known("anthropic", "claude-haiku-4-5")
GPT = model_prices.known("openai", "gpt-4o")
SOL = model_prices.known("openai", "gpt-6.1-sol")
assert CLAUDE and GPT and SOL

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
arguments = st.dictionaries(st.text("abc", min_size=1), st.one_of(words, st.integers(-9, 9), st.none()))
thoughts = st.builds(Thinking, words, st.just("deepseek"))


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """A conversation in order: words, thoughts, calls with their results, words."""
    said: list[Message] = []
    for number in range(draw(st.integers(1, 3))):
        said.append(Message("user", (Text(draw(words)),)))
        calls = [
            ToolCall(f"c{number}_{n}", "read_file", draw(arguments)) for n in range(draw(st.integers(0, 3)))
        ]
        said.append(Message("assistant", (draw(thoughts), Text(draw(words)), *calls)))
        if calls:
            said.append(Message("user", tuple(ToolResult(call.id, draw(words)) for call in calls)))
            said.append(Message("assistant", (Text(draw(words)),)))
    return [*said, Message("user", (Text(draw(words)),))]


def of_messages(body: dict[str, Any]) -> list[Any]:
    said: list[Any] = []
    for message in body["messages"]:
        for block in message["content"]:
            kind = block["type"]
            said.append(
                (message["role"], block["text"]) if kind == "text"
                else ("call", block["id"], block["input"]) if kind == "tool_use"
                else ("result", block["tool_use_id"], block["content"])
            )  # fmt: skip
    return said


def of_chat(body: dict[str, Any]) -> list[Any]:
    said: list[Any] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            said.append(("result", message["tool_call_id"], message["content"]))
            continue
        if message["content"]:
            said.append((message["role"], message["content"]))
        for call in message.get("tool_calls", ()):
            said.append(("call", call["id"], json.loads(call["function"]["arguments"])))
    return said


def of_responses(body: dict[str, Any]) -> list[Any]:
    said: list[Any] = []
    for item in body["input"]:
        if item.get("type") == "function_call":
            said.append(("call", item["call_id"], json.loads(item["arguments"])))
        elif item.get("type") == "function_call_output":
            said.append(("result", item["call_id"], item["output"]))
        else:
            content = item["content"]
            told = content if isinstance(content, str) else "".join(part["text"] for part in content)
            said.append((item["role"], told))
    return said


@given(exchanges())
def test_the_three_formats_say_the_same(said: list[Message]):
    request = ModelRequest(said)
    dialect = chat_request.Dialect()
    assert CLAUDE and GPT and SOL
    told = of_messages(messages_format.build_payload(request, CLAUDE))
    assert of_chat(chat_request.build_payload(request, GPT, dialect, None)) == told
    assert of_responses(responses_request.build_payload(request, SOL)) == told
    texts = [part.text for message in said for part in message.parts if isinstance(part, Text | ToolResult)]
    assert [entry[-1] for entry in told if entry[0] != "call"] == texts


FIELDS = st.sampled_from(
    [
        *(
            "type",
            "text",
            "id",
            "call_id",
            "name",
            "arguments",
            "function",
            "input",
            "content",
            "summary",
            "index",
        ),
        *(
            "phase",
            "signature",
            "data",
            "stop_reason",
            "finish_reason",
            "usage",
            "output",
            "tool_calls",
            "delta",
        ),
    ]
)
junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from(["", "x", "{", "message", "tool_use", "function_call", "stop"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(FIELDS, inner)),
    max_leaves=6,
)
KEYS = {
    "anthropic": (
        "index",
        "delta",
        "content_block",
        "message",
        "usage",
        "content",
        "stop_reason",
        "text",
        "error",
    ),
    "openai": ("choices", "delta", "usage", "error", "finish_reason", "tool_calls", "content"),
    "responses": ("output_index", "delta", "item", "response", "error", "usage", "output", "summary_index"),
}
KINDS = {
    "anthropic": ("message_start", "content_block_start", "content_block_delta", "message_delta", "message"),
    "openai": ("chat.completion.chunk",),
    "responses": (
        *("response.output_item.added", "response.output_item.done", "response.output_text.delta"),
        *("response.function_call_arguments.delta", "response.reasoning_summary_text.delta"),
        *("response.completed", "response.incomplete", "response.failed"),
    ),
}
ANSWERS: dict[str, tuple[Callable[[ModelSpec], Any], ModelSpec]] = {
    "anthropic": (stream.AnthropicStream, CLAUDE),
    "openai": (chat_stream.ChatStream, GPT),
    "responses": (responses_stream.ResponsesStream, SOL),
}


@pytest.mark.parametrize("form", ANSWERS)
@settings(max_examples=300)
@given(data=st.data())
def test_events_of_any_shape_are_read_or_end_the_stream(form: str, data: st.DataObject):
    shapes = st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS[form])}, optional=dict.fromkeys(KEYS[form], junk)
    )
    make, spec = ANSWERS[form]
    answer = make(spec)
    try:
        with read_by_its_format():
            for event in data.draw(st.lists(shapes, max_size=5)):
                answer.take(event)
            if form == "anthropic":
                answer.paused()
            last = answer.finished(lambda: 0)
    except (StreamEnded, ServiceError):
        return
    assert isinstance(last, ModelAnswer)
    stored = msgspec.json.encode(last.message)
    assert msgspec.json.decode(stored, type=Message) == last.message


def a_call(form: str, given: Any) -> list[dict[str, Any]]:
    """The events of a call whose id and name are `given`."""
    if form == "anthropic":
        start = {"type": "tool_use", "id": given, "name": given, "input": {}}
        end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}
        return [{"type": "content_block_start", "index": 0, "content_block": start}, end]
    if form == "openai":
        call = {"index": 0, "id": given, "function": {"name": given, "arguments": "{}"}}
        return [{"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}]
    item = {"type": "function_call", "call_id": given, "name": given, "arguments": "{}"}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    return [done, {"type": "response.completed", "response": {}}]


@pytest.mark.parametrize("form", ANSWERS)
@pytest.mark.parametrize("given", [3, 1.5, True, [1], {"x": 1}, None, "half \ud83d"])
def test_an_id_or_a_name_that_is_no_text_can_still_be_stored(form: str, given: Any):
    make, spec = ANSWERS[form]
    answer = make(spec)
    for event in a_call(form, given):
        answer.take(event)
    if form == "anthropic":
        assert answer.paused() is None
    last = answer.finished(lambda: 0)
    assert msgspec.json.decode(msgspec.json.encode(last.message), type=Message) == last.message
    (call,) = last.message.calls
    assert call.id and (call.name, call.invalid) == (("3", None) if given == 3 else (call.name, call.invalid))
