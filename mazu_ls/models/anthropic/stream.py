"""Assembles one answer of the Messages API from raw events.

https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mazu_ls.journal.growing_text import GrowingText
from mazu_ls.messages import Message, Part, Text, Thinking, Usage
from mazu_ls.models.anthropic.request import block as as_block
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
    UsageReported,
)
from mazu_ls.models.pricing.call_cost import with_cost
from mazu_ls.models.pricing.missing_counts import with_missing_counts
from mazu_ls.models.provider_errors import ServiceError, StreamEnded
from mazu_ls.models.tool_call_builder import CallDraft, CallDrafts

STOPS: dict[str, Stop] = {
    "end_turn": "end_turn",
    "stop_sequence": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_length",
}


class _Words:
    """A block of text or thinking under construction."""

    __slots__ = ("kind", "pieces", "redacted", "signature")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.pieces = GrowingText()
        self.signature: list[str] = []
        self.redacted: str | None = None

    def part(self, provider: str) -> Part | None:
        text = str(self.pieces)
        if self.kind == "text":
            return Text(text) if text else None
        return Thinking(text, provider, "".join(self.signature) or None, self.redacted)


class AnthropicStream:
    """Assembles one answer from raw events; it may span several requests when the service pauses a turn."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._blocks: list[_Words | CallDraft] = []
        self._open: dict[int, _Words | CallDraft] = {}
        self._calls = CallDrafts()
        self._used: dict[str, int] = {}
        self._used_before: list[dict[str, int]] = []
        self._details: dict[str, Any] = {}
        self.stop: str | None = None

    def take(self, event: dict[str, Any]) -> Chunk | None:
        """Add one event. Raises ServiceError for an error event."""
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event.get("index", 0), event.get("delta") or {})
        if kind == "content_block_start":
            return self._start(event.get("index", 0), event.get("content_block") or {})
        if kind == "message_start":
            self._count(event.get("message") or {})
            return UsageReported(self._usage()) if self._used else None
        if kind == "message_delta":
            delta = event.get("delta") or {}
            self.stop = delta.get("stop_reason") or self.stop
            self._details = delta.get("stop_details") or self._details
            self._count(event)
        elif kind == "message":
            return self._whole(event)
        elif kind == "error" or event.get("error"):
            raise ServiceError(event)
        return None

    def _whole(self, message: dict[str, Any]) -> Chunk | None:
        """Convert the answer of a service that does not stream."""
        for index, block in enumerate(message.get("content") or ()):
            self._start(index, block)
        self.stop = message.get("stop_reason")
        self._details = message.get("stop_details") or {}
        self._count(message)
        text = "".join(
            str(block.pieces) for block in self._blocks if isinstance(block, _Words) and block.kind == "text"
        )
        return TextDelta(text) if text else None

    def _count(self, holder: dict[str, Any]) -> None:
        # Cumulative: later values replace earlier ones.
        usage = holder.get("usage") or {}
        self._used.update({key: value for key, value in usage.items() if isinstance(value, int)})

    def _start(self, index: int, block: dict[str, Any]) -> Chunk | None:
        kind = block.get("type", "")
        if kind == "tool_use":
            call = self._calls.start(block.get("id"), block.get("name"))
            call.value = block.get("input") or None
            self._blocks.append(call)
            self._open[index] = call
            return ToolCallDelta(call.id, call.name)
        if kind in ("text", "thinking", "redacted_thinking"):
            words = _Words("text" if kind == "text" else "thinking")
            words.redacted = block["data"] if isinstance(block.get("data"), str) else None
            words.signature = [block.get("signature") or ""]
            self._blocks.append(words)
            self._open[index] = words
            return self._say(words, block.get("text") or block.get("thinking") or "")
        return None

    def _delta(self, index: int, delta: dict[str, Any]) -> Chunk | None:
        block = self._open.get(index)
        kind = delta.get("type")
        if isinstance(block, CallDraft):
            piece = delta.get("partial_json")
            block.add(piece)
            return ArgumentsDelta(piece) if isinstance(piece, str) and piece else None
        if block is not None and kind == "signature_delta":
            block.signature.append(delta.get("signature") or "")
        elif block is not None and kind in ("text_delta", "thinking_delta"):
            return self._say(block, delta.get("text") or delta.get("thinking") or "")
        return None

    def _say(self, words: _Words, piece: str) -> Chunk | None:
        if not piece:
            return None
        piece = make_encodable(piece)
        words.pieces.append(piece)
        return TextDelta(piece) if words.kind == "text" else ThinkingDelta(piece)

    def paused(self) -> list[dict[str, Any]] | None:
        """Return the blocks to send back if the service paused the turn; None if the answer is complete.

        Raises StreamEnded if there was no last event.
        """
        if self.stop is None:
            raise StreamEnded("the stream ended before the answer did")
        if self.stop != "pause_turn":
            return None
        self._used_before.append(self._used)
        self._used, self._open, self.stop = {}, {}, None
        return [as_block(part) for part in self._parts(cut=False)]

    def _parts(self, cut: bool) -> tuple[Part, ...]:
        parts: list[Part | None] = []
        for block in self._blocks:
            is_last = block is self._blocks[-1]
            whole = (
                block.finished(cut and is_last)
                if isinstance(block, CallDraft)
                else block.part(self._spec.provider)
            )
            parts.append(whole)
        return tuple(part for part in parts if part is not None)

    def finished(self, prompt_tokens: Callable[[], int]) -> ModelAnswer:
        """Return the answer, once `paused` returned None; `prompt_tokens` counts if the service reports no usage."""
        given = self.stop or ""
        stop = STOPS.get(given, "end_turn")
        message = Message("assistant", self._parts(stop in ("max_tokens", "context_length")), self._spec.name)
        if stop in ("end_turn", "tool_use") and given in STOPS:
            stop = "tool_use" if message.calls else "end_turn"
        used = with_missing_counts(self._usage(), self._spec.prices, prompt_tokens, message)
        return ModelAnswer(message, stop, used, self._detail(given))

    def _detail(self, given: str) -> str:
        if given == "refusal":
            why = [self._details.get("category"), self._details.get("explanation")]
            return ": ".join(word for word in why if word) or "the model refused"
        return "" if given in STOPS else f"unknown stop reason {given!r}"

    def _usage(self) -> Usage:
        def total(key: str) -> int:
            return sum(used.get(key, 0) for used in (*self._used_before, self._used))

        usage = Usage(
            input_tokens=total("input_tokens"),
            output_tokens=total("output_tokens"),
            cache_read_tokens=total("cache_read_input_tokens"),
            cache_write_tokens=total("cache_creation_input_tokens"),
            model_calls=1 + len(self._used_before),
        )
        return with_cost(usage, self._spec.prices)
