"""Builds requests for Anthropic's Messages API: https://docs.anthropic.com/en/api/messages"""

from __future__ import annotations

from typing import Any

import msgspec

from mazu_ls.messages import Image, Part, Text, Thinking, ToolCall, ToolResult
from mazu_ls.models.message_repair import UNSEEN, make_encodable, repair_history, wrap_untrusted
from mazu_ls.models.model import ModelRequest, ModelSpec
from mazu_ls.models.request_memo import RequestMemo

DEFAULT_OUTPUT = 32_000
SMALLEST_BUDGET = 1024
CACHE = {"type": "ephemeral"}


def build_payload(request: ModelRequest, spec: ModelSpec, *, thoughts: bool = True) -> dict[str, Any]:
    """Return the body of the request, except `stream`. Without `thoughts`, no thinking is sent and none requested."""
    forced = request.force_tool if spec.thinks != "always" else None
    thinking = _thinking(request, spec) if thoughts and not forced else {}
    body: dict[str, Any] = {"model": spec.model, "max_tokens": _max_output(request, spec), **thinking}
    if forced:
        body["tool_choice"] = {"type": "tool", "name": forced}
        if spec.thinks == "adaptive":
            body["thinking"] = {"type": "disabled"}

    def keeps(part: Thinking, model: str | None) -> bool:
        # Newer models bind a thought to the model that produced it, so the provider alone is not enough.
        return thoughts and not forced and part.provider == spec.provider and model in (None, spec.name)

    memo = request.memo or RequestMemo()
    key = thoughts and not forced, spec.provider, spec.name
    turns = repair_history(request.messages, keeps, memo, key)
    sees = spec.sees_images
    body["messages"] = memo.render(
        turns,
        ("anthropic", sees),
        lambda turn: {"role": turn.role, "content": [block(part, sees) for part in turn.parts]},
    )
    _mark_messages(body["messages"])
    _add_prefix(body, request, spec)
    return body


def _max_output(request: ModelRequest, spec: ModelSpec) -> int:
    return min(request.max_output or DEFAULT_OUTPUT, spec.max_output)


def _thinking(request: ModelRequest, spec: ModelSpec) -> dict[str, Any]:
    if spec.thinks == "always" or (spec.thinks == "adaptive" and request.effort):
        asked: dict[str, Any] = {"thinking": {"type": "adaptive", "display": "summarized"}}
        return asked | {"output_config": {"effort": request.effort_word}} if request.effort else asked
    if spec.thinks == "budget" and request.effort:
        budget = min(request.effort, _max_output(request, spec) - 1)
        if budget >= SMALLEST_BUDGET:
            return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return {}


def _add_prefix(body: dict[str, Any], request: ModelRequest, spec: ModelSpec) -> None:
    """Add tools and system with their cache breakpoints; four are allowed, two of them belong to the messages."""
    system: list[dict[str, Any]] = [
        {"type": "text", "text": make_encodable(text)} for text in request.system if text.strip()
    ]
    if system:
        for edge in (system[0], system[-1]):
            edge["cache_control"] = CACHE
    if request.force_tool and spec.thinks == "always":
        asked = f"Answer with one call of the tool `{request.force_tool}` and nothing else."
        system.append({"type": "text", "text": asked})
    if system:
        body["system"] = system
    if request.tools:
        body["tools"] = [
            {"name": t.name, "description": t.description, "input_schema": t.schema} for t in request.tools
        ]
        if not system:
            body["tools"][-1]["cache_control"] = CACHE


def _mark_messages(messages: list[dict[str, Any]]) -> None:
    """Mark the end of the two newest user turns: the cache is read up to the older one and written up to the newer."""
    newest = [
        at for at, message in enumerate(messages) if at >= len(messages) - 3 and message["role"] == "user"
    ]
    for at in newest[-2:]:
        *earlier, last = messages[at]["content"]
        messages[at] = {**messages[at], "content": [*earlier, {**last, "cache_control": CACHE}]}


def block(part: Part, sees_images: bool = True) -> dict[str, Any]:
    """Return one part of a message as a content block; a note for a picture that the model cannot see."""
    match part:
        case Text():
            return {"type": "text", "text": wrap_untrusted(part)}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}
        case ToolResult():
            result: dict[str, Any] = {
                "type": "tool_result",
                "tool_use_id": part.call_id,
                "content": part.text,
            }
            if part.images:
                pictures = [block(image, sees_images) for image in part.images]
                result["content"] = [{"type": "text", "text": part.text}, *pictures]
            return result if part.ok else {**result, "is_error": True}
        case Thinking():
            if part.redacted is not None:
                return {"type": "redacted_thinking", "data": part.redacted}
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case Image():
            if not sees_images:
                return {"type": "text", "text": UNSEEN}
            source = {"type": "base64", "media_type": part.media_type, "data": part.data}
            return {"type": "image", "source": source}


def amend_payload(error: Exception, request: ModelRequest, spec: ModelSpec) -> dict[str, Any] | None:
    """Return the request without what the service has just rejected; None if it rejected something else.

    Thoughts: their prefix changed, or another model or key had them. A forced tool: a model that always thinks.
    """
    if getattr(error, "status_code", 0) != 400:
        return None
    text = str(error).lower()
    if "tool_choice" in text and request.force_tool and spec.thinks != "always":
        return build_payload(request, msgspec.structs.replace(spec, thinks="always"))
    return build_payload(request, spec, thoughts=False) if "thinking" in text else None


def continue_payload(body: dict[str, Any], blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the request that continues a paused turn; the same one if nothing was said before the pause, since no message may be
    empty."""
    if not blocks:
        return body
    return {**body, "messages": [*body["messages"], {"role": "assistant", "content": blocks}]}
