"""Builds tool calls piece by piece, until the answer is complete."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

import msgspec

from mazu_ls.messages import Message, Part, ToolCall
from mazu_ls.models.message_repair import make_encodable
from mazu_ls.models.model import ModelAnswer
from mazu_ls.models.tool_arguments import parse_arguments

CUT = "the call was cut off by the output limit; make it again, shorter or in several steps"
TWICE = "the id of this call was that of an earlier one; make the call again"
UNNAMED = "the call names no tool"
_used_ids: set[str] = set()
"""Ids of all calls that this process received: a question, and the answer to it, identify their call by its id alone."""


def word(given: Any) -> str:
    """Return an id or a name as text, whatever a service sends in its place; numbers are accepted, since some count
    their calls."""
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return make_encodable(given) if isinstance(given, str) else str(given) if is_number else ""


class CallDraft:
    """One call under construction. Its id is final from the start, so that readers can follow it."""

    __slots__ = ("given_id", "id", "name", "pieces", "signature", "twice", "value")

    def __init__(self, given_id: str, call_id: str, name: str, twice: bool) -> None:
        self.given_id = given_id
        self.id = call_id
        self.name = name
        self.twice = twice
        self.pieces: list[str] = []
        self.value: Any = None
        self.signature: str | None = None

    def add(self, arguments: Any) -> None:
        """Add to the arguments: a piece of JSON, or, from some servers, the object itself."""
        if isinstance(arguments, str):
            self.pieces.append(arguments)
        elif arguments is not None:
            self.value = arguments

    def finished(self, cut: bool) -> ToolCall:
        """Return the call; `cut`: the output limit ended it, so that it is not taken for complete even if it looks so."""
        raw = "".join(self.pieces)
        arguments, invalid = parse_arguments(raw if raw or self.value is None else self.value)
        if cut:
            arguments, invalid = {}, CUT
        elif not self.name:
            invalid = UNNAMED
        elif self.twice:
            invalid = TWICE
        return ToolCall(self.id, self.name, arguments, invalid)


class CallDrafts:
    """The calls of one answer, each with a unique id."""

    def __init__(self) -> None:
        self.drafts: list[CallDraft] = []

    def start(self, given_id: Any, name: Any) -> CallDraft:
        """Start a call; a missing id is generated, one that was used before is replaced and the call marked."""
        given = word(given_id)
        twice = bool(given) and any(draft.given_id == given for draft in self.drafts)
        call_id = _new_id() if twice or not given else given
        draft = CallDraft(given, call_id, word(name), twice)
        self.drafts.append(draft)
        return draft


def with_unused_ids(answer: ModelAnswer, earlier: Iterable[Message]) -> ModelAnswer:
    """Return the answer; a call whose id was used before, in `earlier` messages or by this process, gets a random one.

    Some services count the calls of each answer ("call_0"). A late answer to one question would then decide the next.
    """
    given = {call.id for call in answer.message.calls}
    if not given:
        return answer
    taken = given & _used_ids
    taken.update(
        part.id
        for message in earlier
        if message.role == "assistant"
        for part in message.parts
        if isinstance(part, ToolCall) and part.id in given
    )
    message = answer.message
    if taken:
        parts: list[Part] = []
        for part in message.parts:
            is_reused = isinstance(part, ToolCall) and part.id in taken
            parts.append(msgspec.structs.replace(part, id=_new_id()) if is_reused else part)
        message = msgspec.structs.replace(message, parts=tuple(parts))
        answer = msgspec.structs.replace(answer, message=message)
    _used_ids.update(call.id for call in message.calls)
    return answer


def _new_id() -> str:
    return f"call_{secrets.token_hex(8)}"
