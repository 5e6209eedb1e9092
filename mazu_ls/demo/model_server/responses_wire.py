"""OpenAI Responses: a reply as server-sent events, as one JSON answer, as an error.

Format: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mazu_ls.demo.model_server.openai_wire import FAILURES, error_body, failure
from mazu_ls.demo.model_server.script import ScriptedReply
from mazu_ls.demo.model_server.speech import CUT_FAULTS, pieces, signature, spoken_calls, tokens

__all__ = ["FAILURES", "GARBAGE", "OVERLOADED", "error_body", "events", "failure", "message"]

GARBAGE = b'event: response.output_text.delta\ndata: {"type": "response.output_te\n\n'
ENDS = {"max_output_tokens": "incomplete", "content_filter": "incomplete", "failed": "failed"}
"""What a script's `stop` may be here besides an ordinary end, and the event that says it."""


def sse(data: dict[str, Any]) -> bytes:
    """One event."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


OVERLOADED = sse(
    {"type": "error", "code": "server_is_overloaded", "message": "The engine is currently overloaded."}
    | {"param": None, "sequence_number": 9}
)


def usage_of(reply: ScriptedReply, body: dict[str, Any]) -> dict[str, Any] | None:
    """The `usage` object: `input_tokens` include the cached ones."""
    if (count := tokens(reply, body)) is None:
        return None
    given = count.input + count.cache_read + count.cache_write
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": count.cache_read, "cache_write_tokens": count.cache_write},
        "output_tokens": count.output,
        "output_tokens_details": {"reasoning_tokens": len(reply.thinking) // 4},
        "total_tokens": given + count.output,
    }


def reason_of(reply: ScriptedReply) -> str | None:
    """Why the answer is not an ordinary one: a key of ENDS, or a word that is none. A refusal without words is a filter's."""
    if reply.fault == "max_tokens_in_tool":
        return "max_output_tokens"
    return "content_filter" if reply.fault == "refusal" and not reply.text else reply.stop


def events(reply: ScriptedReply, body: dict[str, Any]) -> Iterator[tuple[bytes, bool]]:
    """Each event, and whether it is a delta (deltas are paced and counted)."""
    for number, (event, is_delta) in enumerate(_events(reply, body)):
        yield sse({"type": event.pop("type"), "sequence_number": number, **event}), is_delta


def _events(reply: ScriptedReply, body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    shell = _shell(body, "in_progress")
    yield {"type": "response.created", "response": shell}, False
    yield {"type": "response.in_progress", "response": shell}, False
    items = _items(reply)
    for index, item in enumerate(items):
        cut = reply.fault in CUT_FAULTS and index == len(items) - 1
        yield from _item_events(index, item, reply, cut and reply.fault == "max_tokens_in_tool")
    if reply.fault == "no_terminal_event":
        return
    whole = _whole(reply, body, items)
    yield {"type": f"response.{whole['status']}", "response": whole}, False


def _item_events(
    index: int, item: dict[str, Any], reply: ScriptedReply, is_cut: bool
) -> Iterator[tuple[dict[str, Any], bool]]:
    place = {"output_index": index, "item_id": item.get("id", "")}
    yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}, False
    if item["type"] == "reasoning":
        part = {**place, "summary_index": 0}
        yield {"type": "response.reasoning_summary_part.added", **part, "part": _summary("")}, False
        for piece in pieces(reply.thinking, reply.chunk):
            yield {"type": "response.reasoning_summary_text.delta", **part, "delta": piece}, True
        yield {"type": "response.reasoning_summary_text.done", **part, "text": reply.thinking}, False
    elif item["type"] == "message":
        (content,) = item["content"]
        part, kind = {**place, "content_index": 0}, content["type"]
        field = "refusal" if kind == "refusal" else "text"
        text = content[field]
        yield {"type": "response.content_part.added", **part, "part": {**content, field: ""}}, False
        for piece in pieces(text, reply.chunk):
            yield {"type": f"response.{kind}.delta", **part, "delta": piece, "logprobs": []}, True
        yield {"type": f"response.{kind}.done", **part, field: text, "logprobs": []}, False
    elif isinstance(item["arguments"], str):
        for piece in pieces(item["arguments"], reply.chunk):
            yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}, True
    if not is_cut:
        yield {"type": "response.output_item.done", "output_index": index, "item": item}, False


def message(reply: ScriptedReply, body: dict[str, Any]) -> dict[str, Any]:
    """The whole response, as a request without `stream` gets it."""
    return _whole(reply, body, _items(reply))


def _whole(reply: ScriptedReply, body: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    reason = reason_of(reply)
    status = ENDS.get(reason or "", "completed")
    whole = _shell(body, status) | {"output": items, "usage": usage_of(reply, body)}
    if status == "incomplete":
        whole["incomplete_details"] = {"reason": reason}
    elif status == "failed":
        whole["error"] = {"code": "server_error", "message": "The model failed to generate a response."}
    return whole


def _shell(body: dict[str, Any], status: str) -> dict[str, Any]:
    shell = {"id": "resp_scripted", "object": "response", "created_at": 1_760_000_000, "status": status}
    shell |= {"model": body.get("model", "scripted"), "output": [], "usage": None, "error": None}
    shell |= {"incomplete_details": None, "instructions": None, "metadata": {}, "tools": []}
    return shell | {"parallel_tool_calls": True, "tool_choice": "auto", "temperature": 1.0, "top_p": 1.0}


def _items(reply: ScriptedReply) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.thinking:
        sealed = signature(reply.thinking)
        items.append({"type": "reasoning", "id": f"rs_{sealed}", "summary": [_summary(reply.thinking)]})
        items[-1]["encrypted_content"] = sealed
    if reply.text:
        phase = {"phase": "commentary" if reply.calls else "final_answer"}
        said = {"type": "message", "id": "msg_scripted", "role": "assistant", "status": "completed"}
        items.append({**said, "content": [_content(reply)], **phase})
    for number, call in enumerate(spoken_calls(reply, "call_")):
        shaped = {"type": "function_call", "id": f"fc_{number}", "status": "completed", "name": call.name}
        given = {} if call.id is None else {"call_id": call.id}
        items.append({**shaped, **given, "arguments": call.arguments})
    return items


def _content(reply: ScriptedReply) -> dict[str, Any]:
    if reply.fault == "refusal":
        return {"type": "refusal", "refusal": reply.text}
    return {"type": "output_text", "text": reply.text, "annotations": []}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    if item["type"] == "message":
        return {**item, "status": "in_progress", "content": []}
    if item["type"] == "reasoning":
        return {**item, "summary": [], "encrypted_content": item["encrypted_content"][:8]}
    empty = "" if isinstance(item["arguments"], str) else item["arguments"]
    return {**item, "status": "in_progress", "arguments": empty}


def _summary(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}
