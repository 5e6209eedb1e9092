"""Tool arguments as models really send them, made into one object or a complaint the model can act on."""

from __future__ import annotations

from typing import Any

import msgspec

EXCERPT = 200


def parse_arguments(raw: Any) -> tuple[dict[str, Any], str | None]:
    """The arguments, and what is wrong with them.

    Nothing, `{}`, `""` and `null` are no arguments; an object is taken as it is; a string that holds an object in JSON is
    read once more, as some models encode twice.
    """
    if isinstance(raw, dict):
        return _encodable(raw)
    value = raw
    for _ in range(2):
        if not isinstance(value, str):
            break
        if not value.strip():
            return {}, None
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError) as error:
            return {}, f"the arguments are not valid JSON ({error}); they began with: {_excerpt(raw)}"
    if value is None:
        return {}, None
    if isinstance(value, dict):
        return value, None
    return {}, f"the arguments must be one JSON object, not {_kind(value)}: {_excerpt(raw)}"


def _encodable(arguments: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    try:
        msgspec.json.encode(arguments)
    except (UnicodeError, TypeError, msgspec.MsgspecError):
        return {}, "the arguments hold half of a character"
    return arguments, None


def _excerpt(raw: Any) -> str:
    text = raw if isinstance(raw, str) else repr(raw)
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "…"


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")
