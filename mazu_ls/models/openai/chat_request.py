"""Builds requests for Chat Completions, and the answer's messages; includes the services' dialects.

https://platform.openai.com/docs/api-reference/chat, https://api-docs.deepseek.com/guides/thinking_mode,
https://ai.google.dev/gemini-api/docs/openai, https://docs.ollama.com/api/openai-compatibility
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from mazu_ls.messages import Image, Message, Part, Text, Thinking, ToolCall, ToolResult, estimate_encoded
from mazu_ls.models.message_repair import (
    UNSEEN,
    MessageGroup,
    make_encodable,
    repair_history,
    wrap_untrusted,
)
from mazu_ls.models.model import ModelRequest, ModelSpec

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""What Gemini accepts in place of a signature it never gave: https://ai.google.dev/gemini-api/docs/thought-signatures"""


class Dialect(NamedTuple):
    """How one Chat Completions service differs from the others.

    `max_tokens` is the name of the output limit, `reasoning_back` requires the reasoning of turns with calls to be sent
    back, `signatures` the signatures of calls, `forced_needs_no_thinking` accepts a forced tool only with thinking
    switched off.
    """

    max_tokens: str = "max_tokens"
    reasoning_back: bool = False
    signatures: bool = False
    forced_needs_no_thinking: bool = False


def build_payload(
    request: ModelRequest, spec: ModelSpec, dialect: Dialect, configured_output: int | None
) -> dict[str, Any]:
    """Return the body of the request, except `stream`."""
    body: dict[str, Any] = {"model": spec.model, "messages": _messages(request, spec, dialect)}
    body["stream_options"] = {"include_usage": True}
    if limit := request.max_output or configured_output:
        body[dialect.max_tokens] = min(limit, spec.max_output)
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": t.schema},
            }
            for t in request.tools
        ]
        if request.force_tool:
            body["tool_choice"] = {"type": "function", "function": {"name": request.force_tool}}
            if dialect.forced_needs_no_thinking:
                body["thinking"] = {"type": "disabled"}
    if spec.thinks == "effort_or_tools" and request.tools:
        body["reasoning_effort"] = "none"
    elif spec.thinks in ("effort", "effort_or_tools") and request.effort:
        body["reasoning_effort"] = request.effort_word
    return body


REFUSABLE = {
    "stream_options": "stream_options",
    "reasoning_effort": "reasoning_effort",
    "tool_choice": "tool_choice",
    "max_tokens": "max_completion_tokens",
}
"""Fields that some service rejects, each with the word in its error that identifies it."""


def refused_field(error: Exception, body: dict[str, Any]) -> str | None:
    """Return the field that a service has just rejected, by its own words; None if it rejected something else."""
    if getattr(error, "status_code", 0) not in (400, 422):
        return None
    said = str(error)
    return next(
        (name for name, word in REFUSABLE.items() if word in said and without(body, name) != body), None
    )


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    """Return the request in the form for a service that rejected `field`."""
    kept = {name: value for name, value in body.items() if name != field}
    if field == "reasoning_effort" and "tools" in body:
        kept[field] = "none"
    elif field == "max_tokens" and field in body:
        kept["max_completion_tokens"] = body[field]
    return kept


def _messages(request: ModelRequest, spec: ModelSpec, dialect: Dialect) -> list[dict[str, Any]]:
    def keeps(part: Thinking, model: str | None) -> bool:
        return part.provider == spec.provider and (dialect.reasoning_back or dialect.signatures)

    said: list[dict[str, Any]] = []
    system = make_encodable("\n\n".join(text for text in request.system if text.strip()))
    if system:
        said.append({"role": "system", "content": system})
    for turn in repair_history(request.messages, keeps):
        if turn.role == "assistant":
            said.append(_assistant(turn, dialect))
        else:
            said.extend(_user(turn.parts, spec))
    return said


def _assistant(turn: MessageGroup, dialect: Dialect) -> dict[str, Any]:
    text = "".join(wrap_untrusted(part) for part in turn.parts if isinstance(part, Text))
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    thoughts = [part for part in turn.parts if isinstance(part, Thinking)]
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
        if dialect.reasoning_back:
            message["reasoning_content"] = "".join(part.text for part in thoughts)
        if dialect.signatures:
            _sign(message["tool_calls"], thoughts)
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = msgspec.json.encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def signatures_of(drafts: Sequence[str | None], provider: str) -> list[Thinking]:
    """Return the signatures that came with calls, in the order of the calls, as an opaque thought; empty if there are
    none."""
    if not any(drafts):
        return []
    return [Thinking("", provider, redacted=msgspec.json.encode(drafts).decode())]


def _sign(calls: list[dict[str, Any]], thoughts: list[Thinking]) -> None:
    kept = [
        msgspec.json.decode(part.redacted) for part in thoughts if part.redacted and part.redacted[0] == "["
    ]
    given: list[str | None] = kept[0] if kept else [SKIP_SIGNATURE]
    for call, signature in zip(calls, given, strict=False):
        if signature:
            call["extra_content"] = {"google": {"thought_signature": signature}}


def _user(parts: tuple[Part, ...], spec: ModelSpec) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, ToolResult):
            said.append({"role": "tool", "tool_call_id": part.call_id, "content": render_tool_result(part)})
            content.extend(_picture(image, spec) for image in part.images)
        elif isinstance(part, Image):
            content.append(_picture(part, spec))
        elif isinstance(part, Text):
            content.append({"type": "text", "text": wrap_untrusted(part)})
    if content:
        plain = all(block["type"] == "text" for block in content)
        text = "\n\n".join(block["text"] for block in content) if plain else content
        said.append({"role": "user", "content": text})
    return said


def render_tool_result(result: ToolResult) -> str:
    """Return a result's text, saying that the call failed, since no field does; most texts already do."""
    return result.text if result.ok or result.text.startswith("error") else f"error: {result.text}"


def _picture(image: Image, spec: ModelSpec) -> dict[str, Any]:
    if not spec.sees_images:
        return {"type": "text", "text": UNSEEN}
    return {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{image.data}"}}


def estimated_prompt(body: dict[str, Any]) -> int:
    """Estimate the tokens of a request whose service reports none."""
    sent = (body.get(name, "") for name in ("messages", "instructions", "input", "tools"))
    return sum(map(estimate_encoded, sent))


def assistant_message(
    spec: ModelSpec, thoughts: str, signatures: list[Thinking], text: str, calls: Sequence[ToolCall]
) -> Message:
    """Return the message with its parts in order: thought, signatures, text, calls."""
    parts: list[Part] = [Thinking(thoughts, spec.provider)] if thoughts else []
    parts += signatures
    if text:
        parts.append(Text(text))
    return Message("assistant", (*parts, *calls), spec.name)
