"""Builds requests for OpenAI's Responses API; nothing is stored there, so the whole conversation is sent each time.

https://platform.openai.com/docs/api-reference/responses/create, https://platform.openai.com/docs/guides/reasoning
"""

from __future__ import annotations

from typing import Any

import msgspec

from mazu_ls.messages import Image, Part, Text, Thinking, ToolCall, ToolResult
from mazu_ls.models.message_repair import (
    UNSEEN,
    MessageGroup,
    make_encodable,
    repair_history,
    wrap_untrusted,
)
from mazu_ls.models.model import ModelRequest, ModelSpec
from mazu_ls.models.openai.chat_request import render_tool_result

SMALLEST_OUTPUT = 16
THOUGHTS = "thoughts"
"""Represents all reasoning items of a request, if a service rejects them."""

REFUSALS = (
    (THOUGHTS, ("could not be verified", "invalid_encrypted_content", "not persisted")),
    ("include", ("encrypted content is not supported", "'include'", "include[")),
    ("summary", ("reasoning.summary", "reasoning summaries")),
    ("reasoning", ("'reasoning", "reasoning.effort", "reasoning_effort")),
    ("tool_choice", ("tool_choice",)),
    ("store", ("'store'",)),
)
"""Fields that some model or service rejects, each with words of its error that identify it."""


def build_payload(
    request: ModelRequest, spec: ModelSpec, configured_output: int | None = None
) -> dict[str, Any]:
    """Return the body of the request, except `stream`."""
    body: dict[str, Any] = {"model": spec.model, "input": _input(request, spec), "store": False}
    if system := make_encodable("\n\n".join(text for text in request.system if text.strip())):
        body["instructions"] = system
    if limit := request.max_output or configured_output:
        body["max_output_tokens"] = max(SMALLEST_OUTPUT, min(limit, spec.max_output))
    if spec.thinks != "no":
        effort = {"effort": request.effort_word} if request.effort else {}
        body["reasoning"] = {**effort, "summary": "auto"}
        body["include"] = ["reasoning.encrypted_content"]
    if request.tools:
        body["tools"] = [
            {"type": "function", "strict": False, "name": tool.name}
            | {"description": tool.description, "parameters": tool.schema}
            for tool in request.tools
        ]
        if request.force_tool:
            body["tool_choice"] = {"type": "function", "name": request.force_tool}
    return body


def refused_field(error: Exception, body: dict[str, Any]) -> str | None:
    """Return what a service has just rejected, by its own words; None if it rejected something else."""
    if getattr(error, "status_code", 0) not in (400, 404, 422):
        return None
    said = str(error).lower()
    named = (name for name, words in REFUSALS if any(word in said for word in words))
    return next((name for name in named if without(body, name) != body), None)


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    """Return the request in the form for a service that rejected `field`, one of REFUSALS."""
    if field == THOUGHTS:
        return body | {"input": [item for item in body["input"] if item.get("type") != "reasoning"]}
    if field == "summary":
        asked = {name: value for name, value in body.get("reasoning", {}).items() if name != "summary"}
        kept = {name: value for name, value in body.items() if name != "reasoning"}
        return kept | {"reasoning": asked} if asked else kept
    return {name: value for name, value in body.items() if name != field}


def opaque(item: dict[str, Any]) -> str:
    """Return an item of the service, or the part of it that is kept, as stored in `Thinking.redacted`."""
    return msgspec.json.encode(_clean(item)).decode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return make_encodable(value)
    if isinstance(value, dict):
        return {name: _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def item_of(part: Thinking) -> dict[str, Any] | None:
    """Return what `opaque` stored; None if the part holds nothing of this API."""
    try:
        item = msgspec.json.decode(part.redacted or "null")
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) else None


def _input(request: ModelRequest, spec: ModelSpec) -> list[dict[str, Any]]:
    def keeps(part: Thinking, model: str | None) -> bool:
        return part.provider == spec.provider and item_of(part) is not None

    items: list[dict[str, Any]] = []
    sent: set[str] = set()
    for turn in repair_history(request.messages, keeps):
        items.extend(_assistant(turn, sent) if turn.role == "assistant" else _user(turn.parts, spec))
    return items


def _assistant(turn: MessageGroup, sent: set[str]) -> list[dict[str, Any]]:
    """Return the model's items in their order; `sent` holds the ids of reasoning items, which may occur only once."""
    items: list[dict[str, Any]] = []
    phase: dict[str, Any] = {}
    for part in turn.parts:
        if isinstance(part, Thinking):
            item = item_of(part) or {}
            if "phase" in item:
                phase = {"phase": item["phase"]}
            elif item.get("id") not in sent:
                sent.add(item.get("id", ""))
                items.append(item)
        elif isinstance(part, Text):
            items.append({"role": "assistant", "content": wrap_untrusted(part), **phase})
            phase = {}
        elif isinstance(part, ToolCall):
            arguments = msgspec.json.encode(part.arguments).decode()
            call = {"type": "function_call", "call_id": part.id, "name": part.name}
            items.append({**call, "arguments": arguments})
    return items


def _user(parts: tuple[Part, ...], spec: ModelSpec) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, ToolResult):
            output: Any = render_tool_result(part)
            if part.images:
                output = [_words(output), *(_picture(image, spec) for image in part.images)]
            items.append({"type": "function_call_output", "call_id": part.call_id, "output": output})
        elif isinstance(part, Image):
            content.append(_picture(part, spec))
        elif isinstance(part, Text):
            content.append(_words(wrap_untrusted(part)))
    return [*items, {"role": "user", "content": content}] if content else items


def _words(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def _picture(image: Image, spec: ModelSpec) -> dict[str, Any]:
    if not spec.sees_images:
        return _words(UNSEEN)
    url = f"data:{image.media_type};base64,{image.data}"
    return {"type": "input_image", "image_url": url, "detail": "auto"}
