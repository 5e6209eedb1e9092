"""What the Messages service refuses with status 400, in its own words where it matters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mazu_ls.demo.model_server.speech import signature

ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}\Z")
ALWAYS_THINKS = re.compile(r"claude-(?:opus-5-5|fable-5-1|mythos-5-1)")
"""https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5"""
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def complaint(body: dict[str, Any]) -> str | None:
    """Why the service would refuse this request, or None."""
    return next(_complaints(body), None)


def _complaints(body: dict[str, Any]) -> Iterator[str]:
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens: Field required"
    yield from _tools(body)
    yield from _thinking(body)
    system = body.get("system", ())
    if isinstance(system, list) and any(not block["text"].strip() for block in system):
        yield "system: text content blocks must contain non-whitespace text"
    messages = body.get("messages") or []
    if not messages:
        yield "messages: at least one message is required"
    elif messages[0]["role"] != "user":
        yield 'messages: first message must use the "user" role'
    blocks = [_blocks(message) for message in messages]
    marked = [
        *_of_lists(system),
        *_of_lists(body.get("tools", ())),
        *(block for row in blocks for block in row),
    ]
    if (marks := sum("cache_control" in block for block in marked)) > 4:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."
    seen: set[str] = set()
    for index, message in enumerate(messages):
        yield from _message(index, messages, blocks, seen)
        if message["role"] not in ("user", "assistant"):
            yield f"messages.{index}.role: unexpected role {message['role']!r}"


def _message(index: int, messages: list[Any], blocks: list[list[Any]], seen: set[str]) -> Iterator[str]:
    place, role = f"messages.{index}", messages[index]["role"]
    if index and messages[index - 1]["role"] == role:
        yield f'messages: roles must alternate between "user" and "assistant", but found multiple "{role}" roles in a row'
    if not blocks[index]:
        yield f"{place}: all messages must have non-empty content except for the optional final assistant message"
    for at, block in enumerate(blocks[index]):
        yield from _block(f"{place}.content.{at}", block, role)
    asked = [block["id"] for block in blocks[index] if block["type"] == "tool_use"]
    for given in asked:
        if given in seen:
            yield f"{place}: `tool_use` ids must be unique"
        seen.add(given)
    answers = _leading_results(blocks[index + 1]) if index + 1 < len(blocks) else []
    if missing := [given for given in asked if given not in answers]:
        yield (
            f"{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    before = {block.get("id") for block in blocks[index - 1]} if index else set()
    yield from _results(place, blocks[index], before)


def _results(place: str, blocks: list[Any], before: set[Any]) -> Iterator[str]:
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    for given in results:
        if given not in before:
            yield (
                f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {given}. Each `tool_result` block "
                "must have a corresponding `tool_use` block in the previous message."
            )
        if results.count(given) > 1:
            yield f"{place}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {given}"


def _block(place: str, block: dict[str, Any], role: str) -> Iterator[str]:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        yield f"{place}: text content blocks must contain non-whitespace text"
    elif kind == "tool_use":
        if not ID.match(block.get("id") or "") or not NAME.match(block["name"]):
            yield f"{place}.tool_use: id and name should match pattern '^[a-zA-Z0-9_-]+$'"
        if not isinstance(block.get("input"), dict):
            yield f"{place}.tool_use.input: Input should be a valid dictionary"
    elif kind == "thinking" and block.get("signature") != signature(block["thinking"]):
        yield f"{place}: Invalid `signature` in `thinking` block"
    elif kind == "image" and block["source"].get("media_type") not in IMAGES:
        yield f"{place}.image.source.media_type: unexpected value"
    elif kind == "tool_result":
        inner = _blocks(block)
        for at, part in enumerate(inner):
            yield from _block(f"{place}.content.{at}", part, role)
    if (kind in ("tool_use", "thinking")) != (role == "assistant") and kind not in (
        "text",
        "redacted_thinking",
    ):
        yield f"{place}: `{kind}` blocks are not allowed in a message of the {role}"
    if kind in ("thinking", "redacted_thinking") and "cache_control" in block:
        yield f"{place}: cache_control cannot be set on thinking blocks"


def _tools(body: dict[str, Any]) -> Iterator[str]:
    names = [tool["name"] for tool in body.get("tools", ())]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    for index, tool in enumerate(body.get("tools", ())):
        if not NAME.match(tool["name"]):
            yield f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if tool.get("input_schema", {}).get("type") != "object":
            yield f"tools.{index}.custom.input_schema.type: Field required"


def _thinking(body: dict[str, Any]) -> Iterator[str]:
    thinking = body.get("thinking") or {}
    kind, forced = thinking.get("type"), (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if kind == "enabled":
        if thinking["budget_tokens"] < 1024:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        if thinking["budget_tokens"] >= body.get("max_tokens", 0):
            yield "`max_tokens` must be greater than `thinking.budget_tokens`."
    if ALWAYS_THINKS.match(body.get("model", "")):
        if kind in ("enabled", "disabled"):
            yield f'"thinking.type.{kind}" is not supported for this model. Use "thinking.type.adaptive".'
        if forced:
            yield "tool_choice: forced tool use is not supported for this model."
    elif kind in ("enabled", "adaptive") and forced:
        yield "Thinking may not be enabled when tool_choice forces tool use."


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _of_lists(blocks: Any) -> list[Any]:
    return blocks if isinstance(blocks, list) else []


def _leading_results(blocks: list[dict[str, Any]]) -> list[str]:
    results = []
    for block in blocks:
        if block["type"] != "tool_result":
            break
        results.append(block["tool_use_id"])
    return results
