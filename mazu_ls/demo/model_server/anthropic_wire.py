"""Anthropic Messages: a reply as server-sent events, as one JSON answer, as an error.

Format: https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mazu_ls.demo.model_server.script import ScriptedReply
from mazu_ls.demo.model_server.speech import (
    CUT_FAULTS,
    SpokenCall,
    Tokens,
    pieces,
    signature,
    spoken_calls,
    tokens,
)

FAILURES = {
    "401": (401, "authentication_error", "invalid x-api-key"),
    "403": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "404": (404, "not_found_error", "model: unknown"),
    "429": (
        429,
        "rate_limit_error",
        "This request would exceed your account's rate limit. Please try again later.",
    ),
    "500": (500, "api_error", "Internal server error"),
    "529": (529, "overloaded_error", "Overloaded"),
    "context_length": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
}


def error_body(kind: str, message: str) -> dict[str, Any]:
    """The body of a failed request."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"}


def failure(fault: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a fault that answers with an error."""
    status, kind, message = FAILURES[fault]
    return status, error_body(kind, message)


def sse(data: dict[str, Any]) -> bytes:
    """One event."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


OVERLOADED = sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
GARBAGE = b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'


def usage_of(count: Tokens | None) -> dict[str, int]:
    """The `usage` object. Anthropic always sends one; a reply without usage sends zeros."""
    count = count or Tokens(0, 0, 0, 0)
    return {
        "input_tokens": count.input,
        "cache_creation_input_tokens": count.cache_write,
        "cache_read_input_tokens": count.cache_read,
        "output_tokens": count.output,
    }


def stop_of(reply: ScriptedReply) -> dict[str, Any]:
    """`stop_reason` and its details."""
    details = None
    if reply.fault == "refusal" or reply.stop == "refusal":
        details = {"type": "refusal", "category": "cyber", "explanation": "This request was declined."}
    reason = reply.stop or ("tool_use" if reply.calls else "end_turn")
    if reply.fault in ("refusal", "max_tokens_in_tool"):
        reason = "refusal" if reply.fault == "refusal" else "max_tokens"
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": details}


def events(reply: ScriptedReply, body: dict[str, Any]) -> Iterator[tuple[bytes, bool]]:
    """Each event, and whether it is a delta (deltas are paced and counted)."""
    usage = usage_of(tokens(reply, body))
    shell = message(reply, body) | {
        "content": [],
        "stop_reason": None,
        "usage": {**usage, "output_tokens": 1},
    }
    yield sse({"type": "message_start", "message": shell}), False
    yield sse({"type": "ping"}), False
    blocks = list(_blocks(reply))
    for index, (start, deltas) in enumerate(blocks):
        yield sse({"type": "content_block_start", "index": index, "content_block": start}), False
        for delta in deltas:
            yield sse({"type": "content_block_delta", "index": index, "delta": delta}), True
        cut = reply.fault in CUT_FAULTS and index == len(blocks) - 1
        if not (cut and reply.fault == "max_tokens_in_tool"):
            yield sse({"type": "content_block_stop", "index": index}), False
    if reply.fault == "no_terminal_event":
        return
    yield sse({"type": "message_delta", "delta": stop_of(reply), "usage": usage}), False
    yield sse({"type": "message_stop"}), False


def message(reply: ScriptedReply, body: dict[str, Any]) -> dict[str, Any]:
    """The whole message, as a request without `stream` gets it."""
    content: list[dict[str, Any]] = []
    if reply.thinking:
        content.append(
            {"type": "thinking", "thinking": reply.thinking, "signature": signature(reply.thinking)}
        )
    if reply.text:
        content.append({"type": "text", "text": reply.text, "citations": None})
    for call in spoken_calls(reply, "toolu_"):
        given = call.arguments
        try:
            decoded = json.loads(given) if isinstance(given, str) else given
        except (ValueError, RecursionError):
            decoded = {}
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": decoded})
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "scripted"),
        "content": content,
        **stop_of(reply),
        "usage": usage_of(tokens(reply, body)),
    }


def _blocks(reply: ScriptedReply) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    if reply.thinking:
        deltas = [
            {"type": "thinking_delta", "thinking": piece} for piece in pieces(reply.thinking, reply.chunk)
        ]
        signed = {"type": "signature_delta", "signature": signature(reply.thinking)}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
    if reply.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(reply.text, reply.chunk)]
        yield {"type": "text", "text": ""}, deltas
    for call in spoken_calls(reply, "toolu_"):
        yield _call_start(call), [_json_delta(piece) for piece in _argument_pieces(call, reply.chunk)]


def _call_start(call: SpokenCall) -> dict[str, Any]:
    start = {"type": "tool_use", "name": call.name, "input": {}}
    return start if call.id is None else {**start, "id": call.id}


def _argument_pieces(call: SpokenCall, size: int) -> Iterator[str]:
    text = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
    yield ""
    yield from pieces(text, size)


def _json_delta(piece: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": piece}
