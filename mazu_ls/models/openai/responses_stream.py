"""Assembles one answer of the Responses API from raw events.

https://platform.openai.com/docs/api-reference/responses-streaming; its last event is completed, incomplete or failed, and an error is
an event like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mazu_ls.journal.growing_text import GrowingText
from mazu_ls.messages import Message, Part, Text, Thinking, Usage
from mazu_ls.models.message_repair import make_encodable
from mazu_ls.models.model import (
    ArgumentsDelta,
    Chunk,
    ModelAnswer,
    ModelSpec,
    Stop,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from mazu_ls.models.openai.responses_request import opaque
from mazu_ls.models.pricing.missing_counts import with_missing_counts
from mazu_ls.models.provider_errors import ServiceError, StreamEnded
from mazu_ls.models.tool_call_builder import CallDraft, CallDrafts, word

ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "failed",
}
T = TypeVar("T", "_Speech", "_Thought")
CUTS: dict[str, Stop] = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}
KEPT = ("type", "id", "summary", "content", "encrypted_content")


class _Speech:
    """A message under construction: text, or the words of a refusal."""

    __slots__ = ("phase", "refusal", "text")

    def __init__(self) -> None:
        self.text = GrowingText()
        self.refusal = GrowingText()
        self.phase: str | None = None


class _Thought:
    """Reasoning under construction: its visible summary, and the item to send back."""

    __slots__ = ("item", "part", "text")

    def __init__(self) -> None:
        self.text = GrowingText()
        self.part = 0
        self.item: dict[str, Any] | None = None


class ResponsesStream:
    """Accepts events as they are."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._items: dict[tuple[type, Any], Any] = {}
        self._calls = CallDrafts()
        self._last: dict[str, Any] | None = None
        self._status = ""

    def take(self, event: dict[str, Any]) -> list[Chunk]:
        """Add one event. Raises ServiceError for an error event and for a response that failed."""
        kind = str(event.get("type") or "")
        if kind.endswith(".delta"):
            return self._delta(kind, event)
        if kind in ("response.output_item.added", "response.output_item.done"):
            is_done = kind.endswith("done")
            return self._item(event.get("output_index"), event.get("item") or {}, is_done)
        if kind in ENDS:
            return self._ended(event.get("response") or {}, ENDS[kind])
        if event.get("object") == "response":  # from a service that does not stream
            return self._ended(event, str(event.get("status") or "completed"))
        if kind == "error" or event.get("error"):
            raise ServiceError(event)
        return []

    def _delta(self, kind: str, event: dict[str, Any]) -> list[Chunk]:
        index, delta = event.get("output_index"), event.get("delta")
        if kind == "response.function_call_arguments.delta":
            if call := self._items.get((CallDraft, index)):
                call.add(delta)
            return [ArgumentsDelta(delta)] if isinstance(delta, str) and delta else []
        if not isinstance(delta, str):
            return []
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            return _say(self._draft(_Speech, index), delta, kind == "response.refusal.delta")
        if kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            part = event.get("summary_index") or event.get("content_index") or 0
            return _think(self._draft(_Thought, index), delta, part)
        return []

    def _draft(self, kind: type[T], index: Any) -> T:
        """Return the item of this kind at this index. Some services give every item the same index."""
        return self._items.setdefault((kind, index), kind())

    def _item(self, index: Any, given: dict[str, Any], is_done: bool) -> list[Chunk]:
        kind = given.get("type")
        if kind == "function_call":
            return self._call(index, given, is_done)
        if kind == "message":
            speech = self._draft(_Speech, index)
            return _whole_speech(speech, given) if is_done else []
        if kind == "reasoning":
            thought = self._draft(_Thought, index)
            return _whole_thought(thought, given) if is_done else []
        return []

    def _call(self, index: Any, given: dict[str, Any], is_done: bool) -> list[Chunk]:
        known = call = self._items.get((CallDraft, index))
        if call is None:
            call = self._calls.start(given.get("call_id"), given.get("name"))
            self._items[CallDraft, index] = call
        call.name = call.name or word(given.get("name"))
        if is_done and not call.pieces:
            call.add(given.get("arguments"))
        return [] if known else [ToolCallDelta(call.id, call.name)]

    def _ended(self, response: dict[str, Any], status: str) -> list[Chunk]:
        if status in ("failed", "cancelled"):
            why = response.get("error") or {"code": "server_error", "message": f"the response {status}"}
            raise ServiceError({"error": why})
        self._last, self._status = response, status
        if self._items:
            return []
        shown: list[Chunk] = []
        for index, item in enumerate(response.get("output") or ()):
            shown.extend(self._item(index, item, True))
        return shown

    def finished(self, prompt_tokens: Callable[[], int]) -> ModelAnswer:
        """Return the whole answer; `prompt_tokens` counts if the service reports no usage. Raises StreamEnded without a last event."""
        if self._last is None or self._status not in ("completed", "incomplete"):
            raise StreamEnded("the stream ended before the answer did")
        reason = (self._last.get("incomplete_details") or {}).get("reason") or ""
        refusal = "".join(str(s.refusal) for s in self._items.values() if isinstance(s, _Speech))
        if self._status == "incomplete":
            stop: Stop = CUTS.get(reason, "max_tokens")
        else:
            stop = "refusal" if refusal else "tool_use" if self._calls.drafts else "end_turn"
        message = Message("assistant", tuple(self._parts(stop == "max_tokens")), self._spec.name)
        detail = "" if reason in ("", "max_output_tokens") else f"the service stopped the answer ({reason})"
        if stop == "refusal":
            detail = refusal or "the service's content filter stopped the answer"
        return ModelAnswer(
            message, stop, self._counted(self._last.get("usage"), prompt_tokens, message), detail
        )

    def _parts(self, cut: bool) -> list[Part]:
        parts: list[Part] = []
        items = list(self._items.values())
        for item in items:
            if isinstance(item, CallDraft):
                parts.append(item.finished(cut and item is items[-1]))
                continue
            text = str(item.text)
            if isinstance(item, _Thought):
                if text or item.item:
                    kept = opaque(item.item) if item.item else None
                    parts.append(Thinking(text, self._spec.provider, redacted=kept))
            elif text := text or str(item.refusal):
                if item.phase:
                    parts.append(Thinking("", self._spec.provider, redacted=opaque({"phase": item.phase})))
                parts.append(Text(text))
        return parts

    def _counted(
        self, used: dict[str, Any] | None, prompt_tokens: Callable[[], int], message: Message
    ) -> Usage:
        used = used or {}
        details = used.get("input_tokens_details") or {}
        read, write = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
        usage = Usage(
            input_tokens=max(0, (used.get("input_tokens") or 0) - read - write),
            output_tokens=used.get("output_tokens") or 0,
            cache_read_tokens=read,
            cache_write_tokens=write,
            model_calls=1,
        )
        return with_missing_counts(usage, self._spec.prices, prompt_tokens, message)


def _say(speech: _Speech, piece: str, is_refusal: bool) -> list[Chunk]:
    if not piece:
        return []
    piece = make_encodable(piece)
    (speech.refusal if is_refusal else speech.text).append(piece)
    return [TextDelta(piece)]


def _think(thought: _Thought, piece: str, part: int) -> list[Chunk]:
    if not piece:
        return []
    gap = "\n\n" if thought.text and part != thought.part else ""
    thought.part = part
    piece = gap + make_encodable(piece)
    thought.text.append(piece)
    return [ThinkingDelta(piece)]


def _whole_speech(speech: _Speech, given: dict[str, Any]) -> list[Chunk]:
    """Return the finished message: its phase, and its text if it did not come in pieces."""
    speech.phase = given.get("phase") or speech.phase
    if speech.text or speech.refusal:
        return []
    shown: list[Chunk] = []
    for content in given.get("content") or ():
        shown.extend(_say(speech, content.get("text") or "", False))
        shown.extend(_say(speech, content.get("refusal") or "", True))
    return shown


def _whole_thought(thought: _Thought, given: dict[str, Any]) -> list[Chunk]:
    """Return the finished reasoning; only now its encrypted content is complete."""
    if given.get("encrypted_content") or given.get("content"):
        thought.item = {name: given[name] for name in KEPT if given.get(name) is not None}
        thought.item.setdefault("summary", [])
    if thought.text:
        return []
    shown: list[Chunk] = []
    for part, content in enumerate([*(given.get("summary") or ()), *(given.get("content") or ())]):
        shown.extend(_think(thought, content.get("text") or "", part))
    return shown
