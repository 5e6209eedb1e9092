"""What the Responses service refuses with status 400 for requests that it is not to store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mazu_ls.demo.model_server.speech import signature
from mazu_ls.demo.model_server.strict_openai import is_object

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
KNOWN = frozenset(
    {
        *(
            "model",
            "input",
            "instructions",
            "store",
            "stream",
            "include",
            "reasoning",
            "tools",
            "tool_choice",
        ),
        *("max_output_tokens", "metadata", "user", "text", "temperature", "top_p", "top_k", "truncation"),
        *("parallel_tool_calls", "prompt_cache_key", "service_tier", "stream_options"),
    }
)
INPUT = {"input_text": "text", "input_image": "image_url"}
DOES_NOT_REASON = re.compile(r"gpt-4")


def complaint(body: dict[str, Any]) -> str | None:
    """Why the service would refuse this request, or None."""
    return next(_complaints(body), None)


def _complaints(body: dict[str, Any]) -> Iterator[str]:
    for name in body:
        if name not in KNOWN:
            yield f"Unknown parameter: '{name}'."
    if body.get("store") is not False:
        yield "Zero data retention is on: 'store' must be false."
    if (limit := body.get("max_output_tokens")) is not None and limit < 16:
        yield f"Invalid 'max_output_tokens': expected a value >= 16, but got {limit} instead."
    if DOES_NOT_REASON.match(body.get("model", "")):
        if body.get("reasoning"):
            yield "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        if "reasoning.encrypted_content" in body.get("include", ()):
            yield "Encrypted content is not supported with this model."
    yield from _tools(body)
    items = body.get("input") or []
    if not items:
        yield "Invalid 'input': empty array. Expected an array with minimum length 1."
    for index, item in enumerate(items):
        yield from _item(f"input[{index}]", item)
    yield from _order(items)


def _item(place: str, item: dict[str, Any]) -> Iterator[str]:
    kind = item.get("type", "message")
    if kind == "message":
        yield from _message(place, item)
    elif kind == "function_call":
        if not item.get("call_id") or not NAME.match(item.get("name") or ""):
            yield f"Invalid '{place}': call_id and a name that matches '^[a-zA-Z0-9_-]{{1,64}}$' are needed."
        if not isinstance(item.get("arguments"), str) or not is_object(item["arguments"]):
            yield f"Invalid '{place}.arguments': expected a string that holds a JSON object."
    elif kind == "function_call_output":
        output = item.get("output")
        if isinstance(output, list):
            yield from _content(f"{place}.output", output)
        elif not isinstance(output, str):
            yield f"Invalid type for '{place}.output': expected a string or an array."
    elif kind == "reasoning":
        told = "".join(part["text"] for part in item.get("summary", ()))
        if item.get("encrypted_content") != signature(told):
            yield f"The encrypted content for item {item.get('id')} could not be verified."
    else:
        yield f"Invalid value: '{kind}'. Supported values are: 'message', 'function_call', ..."


def _message(place: str, item: dict[str, Any]) -> Iterator[str]:
    role, content = item.get("role"), item.get("content")
    if role not in ("user", "assistant", "system", "developer"):
        yield f"Invalid value: {role!r} for '{place}.role'."
    if not content:
        yield f"Invalid '{place}.content': it is empty."
    elif isinstance(content, list):
        if role == "assistant":
            yield f"Invalid value for '{place}.content': input content of an assistant."
        yield from _content(f"{place}.content", content)
    if "phase" in item and role != "assistant":
        yield f"Unknown parameter: '{place}.phase'."


def _content(place: str, parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if part.get("type") not in INPUT or not part.get(INPUT[part["type"]]):
            yield f"Invalid '{place}': a part is of another type, or empty."


def _order(items: list[dict[str, Any]]) -> Iterator[str]:
    """Each call has one output, after it and before anybody else speaks; a thought stands before what it led to."""
    open_calls: list[str] = []
    seen: set[str] = set()
    thought: str | None = None
    for item in items:
        kind = item.get("type", "message")
        is_user = kind == "function_call_output" or item.get("role") in ("user", "system", "developer")
        if thought and is_user:
            yield f"Item '{thought}' of type 'reasoning' was provided without its required following item."
        if kind == "reasoning":
            thought = item.get("id", "")
        elif not is_user:
            thought = None
        given = item.get("call_id") if kind == "function_call" else item.get("id")
        if kind in ("function_call", "reasoning") and given:
            if given in seen:
                yield f"Duplicate item found with id {given}. Remove duplicate items from your input and try again."
            seen.add(given)
        if kind == "function_call":
            open_calls.append(item.get("call_id", ""))
        elif kind == "function_call_output":
            if item.get("call_id") not in open_calls:
                yield f"No tool call found for function call output with call_id {item.get('call_id')}."
            else:
                open_calls.remove(item["call_id"])
        elif is_user and open_calls:
            break
    if open_calls:
        yield f"No tool output found for function call {open_calls[0]}."


def _tools(body: dict[str, Any]) -> Iterator[str]:
    if body.get("tools") == []:
        yield "Invalid 'tools': empty array. Expected an array with minimum length 1."
    names = [tool.get("name") or "" for tool in body.get("tools") or ()]
    if len(set(names)) < len(names):
        yield "Invalid 'tools': names must be unique."
    for index, tool in enumerate(body.get("tools") or ()):
        if tool.get("type") != "function" or not NAME.match(tool.get("name") or ""):
            yield f"Missing required parameter: 'tools[{index}].name'."
        if tool.get("strict") is not False and "additionalProperties" not in tool.get("parameters", {}):
            yield f"Invalid schema for function {tool.get('name')!r}: 'additionalProperties' is required to be false."
