"""What Chat Completions services refuse with status 400; where they differ, the strictest is taken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
ONLY_RESPONSES = re.compile(r"gpt-6-astra|gpt-6\.1-sol")
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


def complaint(body: dict[str, Any], reasoned: frozenset[str] = frozenset()) -> str | None:
    """Why the service would refuse this request, or None.

    `reasoned` holds the ids of calls that were made with reasoning: DeepSeek wants the reasoning back with them
    (https://api-docs.deepseek.com/guides/thinking_mode).
    """
    return next(_complaints(body, reasoned), None)


def _complaints(body: dict[str, Any], reasoned: frozenset[str]) -> Iterator[str]:
    messages = body.get("messages") or []
    if not messages:
        yield "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
    yield from _tools(body)
    if body.get("tools") and ONLY_RESPONSES.match(body.get("model", "")):
        yield "Function tools are not supported for this model in /v1/chat/completions. Use /v1/responses instead."
    if "max_tokens" in body and re.match(r"(o\d|gpt-5)", body.get("model", "")):
        yield "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    open_ids: list[str] = []
    seen: set[str] = set()
    for index, message in enumerate(messages):
        if message.get("role") == "tool":
            yield from _answer(index, message, open_ids)
            continue
        if open_ids:
            yield _unanswered(open_ids)
        yield from _shape(index, message)
        yield from _calls(index, message, seen)
        open_ids = [call.get("id") for call in message.get("tool_calls") or ()]
        if (
            "deepseek" in body.get("model", "")
            and reasoned & set(open_ids)
            and not message.get("reasoning_content")
        ):
            yield "The `reasoning_content` in the thinking mode must be passed back to the API."
    if open_ids:
        yield _unanswered(open_ids)


def _answer(index: int, message: dict[str, Any], open_ids: list[str]) -> Iterator[str]:
    given = message.get("tool_call_id")
    if given not in open_ids:
        yield (
            f"Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'. "
            f"(messages.[{index}], {given})"
        )
    else:
        open_ids.remove(given)
    if not isinstance(message.get("content"), str):
        yield f"Invalid type for 'messages[{index}].content': expected a string."


def _shape(index: int, message: dict[str, Any]) -> Iterator[str]:
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        yield f"Invalid value: {role!r}. Supported values are: 'system', 'assistant', 'user', 'tool', and 'developer'."
    if content is None and not message.get("tool_calls"):
        yield f"Invalid value for 'messages[{index}].content': expected a string, got null."
    if role in ("user", "system") and not content:
        yield f"Invalid 'messages[{index}].content': it is empty."
    if isinstance(content, list) and any(part["type"] == "text" and not part["text"] for part in content):
        yield f"Invalid 'messages[{index}].content': a text part is empty."


def _calls(index: int, message: dict[str, Any], seen: set[str]) -> Iterator[str]:
    place = f"messages[{index}].tool_calls"
    if message.get("tool_calls") == []:
        yield f"Invalid '{place}': empty array."
    for call in message.get("tool_calls") or ():
        given, arguments = call.get("id"), call["function"].get("arguments")
        if not given or given in seen:
            yield f"Invalid '{place}': ids are needed and must be unique ({given!r})."
        seen.add(given)
        if not isinstance(arguments, str) or not is_object(arguments):
            yield f"Invalid '{place}': `arguments` must be a string that holds a JSON object."
        if not NAME.match(call["function"].get("name") or ""):
            yield f"Invalid '{place}.function.name': does not match '^[a-zA-Z0-9_-]{{1,64}}$'."


def _tools(body: dict[str, Any]) -> Iterator[str]:
    if body.get("tools") == []:
        yield "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead."
    names = [tool["function"]["name"] for tool in body.get("tools") or ()]
    if len(set(names)) < len(names):
        yield "Invalid 'tools': names must be unique."
    for name in names:
        if not NAME.match(name):
            yield f"Invalid 'tools.function.name': {name!r} does not match '^[a-zA-Z0-9_-]{{1,64}}$'."


def _unanswered(open_ids: list[str]) -> str:
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(map(str, open_ids))}"
    )


def is_object(text: str) -> bool:
    """Whether `text` is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
