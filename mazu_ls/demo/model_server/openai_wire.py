"""OpenAI Chat Completions: a reply as server-sent chunks, as one JSON answer, as an error.

Format: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mazu_ls.demo.model_server.script import ScriptedReply
from mazu_ls.demo.model_server.speech import SpokenCall, pieces, spoken_calls, tokens

FAILURES = {
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: test-*****-key."),
    "403": (403, "invalid_request_error", "unsupported_country_region_territory", "Not allowed."),
    "404": (
        404,
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access.",
    ),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    "500": (500, "server_error", None, "The server had an error while processing your request."),
    "529": (529, "server_error", "overloaded", "The engine is currently overloaded, please try again later."),
    "context_length": (
        *(400, "invalid_request_error", "context_length_exceeded"),
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.",
    ),
}
DONE = b"data: [DONE]\n\n"
GARBAGE = b'data: {"id": "chatcmpl-scripted", "choi\n\n'


def error_body(kind: str, code: str | None, text: str) -> dict[str, Any]:
    """The body of a failed request."""
    return {"error": {"message": text, "type": kind, "param": None, "code": code}}


def failure(fault: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a fault that answers with an error."""
    status, kind, code, text = FAILURES[fault]
    return status, error_body(kind, code, text)


def sse(data: dict[str, Any]) -> bytes:
    """One chunk."""
    return f"data: {json.dumps(data)}\n\n".encode()


OVERLOADED = sse(error_body("server_error", "overloaded", "The engine is currently overloaded."))


def usage_of(reply: ScriptedReply, body: dict[str, Any]) -> dict[str, Any] | None:
    """The `usage` object: `prompt_tokens` include the cached ones."""
    if (count := tokens(reply, body)) is None:
        return None
    prompt = count.input + count.cache_read + count.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": count.output,
        "total_tokens": prompt + count.output,
        "prompt_tokens_details": {"cached_tokens": count.cache_read},
    }


def finish_of(reply: ScriptedReply) -> str:
    """`finish_reason`."""
    if reply.fault == "refusal":
        return "content_filter"
    if reply.fault == "max_tokens_in_tool":
        return "length"
    return reply.stop or ("tool_calls" if reply.calls else "stop")


def events(reply: ScriptedReply, body: dict[str, Any]) -> Iterator[tuple[bytes, bool]]:
    """Each chunk, and whether it is a delta (deltas are paced and counted)."""
    shell = _shell(body, "chat.completion.chunk")
    for delta in _deltas(reply):
        yield sse(shell | {"choices": [_choice(delta, None)]}), delta.get("role") is None
    if reply.fault == "no_terminal_event":
        return
    yield sse(shell | {"choices": [_choice({}, finish_of(reply))]}), False
    if (body.get("stream_options") or {}).get("include_usage") and (usage := usage_of(reply, body)):
        yield sse(shell | {"choices": [], "usage": usage}), False
    yield DONE, False


def message(reply: ScriptedReply, body: dict[str, Any]) -> dict[str, Any]:
    """The whole completion, as a request without `stream` gets it."""
    said: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.thinking:
        said["reasoning_content"] = reply.thinking
    if calls := spoken_calls(reply, "call_"):
        said["tool_calls"] = [_call(call) for call in calls]
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": finish_of(reply)}
    whole = _shell(body, "chat.completion") | {"choices": [choice]}
    usage = usage_of(reply, body)
    return whole | {"usage": usage} if usage else whole


def _shell(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-scripted",
        "object": kind,
        "created": 1_760_000_000,
        "model": body.get("model", "scripted"),
    }


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _deltas(reply: ScriptedReply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "", "refusal": None}
    for piece in pieces(reply.thinking, reply.chunk):
        yield {"reasoning_content": piece}
    for piece in pieces(reply.text, reply.chunk):
        yield {"content": piece}
    for index, call in enumerate(spoken_calls(reply, "call_")):
        if not isinstance(call.arguments, str):
            yield {"tool_calls": [{"index": index, **_call(call)}]}
            continue
        empty = SpokenCall(call.id, call.name, "")
        yield {"tool_calls": [{"index": index, **_call(empty)}]}
        for piece in pieces(call.arguments, reply.chunk):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _call(call: SpokenCall) -> dict[str, Any]:
    shaped = {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    return shaped if call.id is None else {"id": call.id, **shaped}
