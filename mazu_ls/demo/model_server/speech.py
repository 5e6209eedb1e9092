"""A reply turned into what the wire formats need: pieces, ids, argument strings, token counts."""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mazu_ls.demo.model_server.script import ScriptedReply

_ids = itertools.count(1)
_LETTERS = str.maketrans("0123456789abcdef", "ghjkmnpqrstvwxyz")
"""No id holds a number or a word that somebody looks for in what was sent."""
_of_this_process = secrets.token_hex(4)
CUT_FAULTS = frozenset({"truncated_json", "max_tokens_in_tool"})


@dataclass(frozen=True)
class SpokenCall:
    """A tool call as it goes out; `id` None is sent without one, `arguments` may be any JSON value."""

    id: str | None
    name: str
    arguments: Any


def spoken_calls(reply: ScriptedReply, prefix: str) -> list[SpokenCall]:
    """The reply's calls with their ids; the faults that damage calls are applied."""
    calls = []
    for call in reply.calls:
        made = f"{_of_this_process}{next(_ids):06x}".translate(_LETTERS)
        given = call.get("id", f"{prefix}{made}")
        arguments = call["raw"] if "raw" in call else json.dumps(call.get("arguments", {}))
        calls.append(SpokenCall(given, call["name"], arguments))
    if reply.fault == "duplicate_ids" and calls:
        calls = [SpokenCall(calls[0].id, call.name, call.arguments) for call in calls]
    if reply.fault in CUT_FAULTS and calls:
        *whole, last = calls
        text = last.arguments if isinstance(last.arguments, str) else json.dumps(last.arguments)
        calls = [*whole, SpokenCall(last.id, last.name, text[: max(1, len(text) // 2)])]
    return calls


def pieces(text: str, size: int) -> Iterator[str]:
    """`text` in deltas of `size` characters."""
    for start in range(0, len(text), max(1, size)):
        yield text[start : start + max(1, size)]


def signature(thinking: str) -> str:
    """What signs a thinking block, so that a changed one is noticed when it comes back."""
    return "sig_" + hashlib.sha256(thinking.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True)
class Tokens:
    """Token counts of one answer; `input` is without the cached ones."""

    input: int
    output: int
    cache_read: int
    cache_write: int


def tokens(reply: ScriptedReply, body: dict[str, Any]) -> Tokens | None:
    """The script's counts, or a rough count at four characters per token; None where the reply reports none."""
    if reply.usage is False:
        return None
    if isinstance(reply.usage, dict):
        get = reply.usage.get
        return Tokens(get("input", 0), get("output", 0), get("cacheRead", 0), get("cacheWrite", 0))
    said = len(reply.text) + len(reply.thinking) + sum(len(json.dumps(dict(call))) for call in reply.calls)
    return Tokens(count_tokens(body), said // 4 + 1, 0, 0)


def count_tokens(body: dict[str, Any]) -> int:
    """A rough count of a request's tokens."""
    return (
        sum(
            len(json.dumps(body.get(key, "")))
            for key in ("system", "messages", "instructions", "input", "tools")
        )
        // 4
    )
