"""Assembles one answer of Chat Completions from raw chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mazu_ls.journal.growing_text import GrowingText
from mazu_ls.messages import Message, Usage
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
from mazu_ls.models.openai.chat_request import assistant_message, signatures_of
from mazu_ls.models.pricing.missing_counts import with_missing_counts
from mazu_ls.models.provider_errors import ServiceError, StreamEnded, UnusableAnswer
from mazu_ls.models.sse import DONE_EVENT
from mazu_ls.models.tool_call_builder import CallDraft, CallDrafts, word

STOPS: dict[str, Stop] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
TROUBLE = frozenset({"insufficient_system_resource", "error"})


class ChatStream:
    """Accepts chunks of every dialect."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._text, self._thoughts, self._refusal = GrowingText(), GrowingText(), GrowingText()
        self._calls = CallDrafts()
        self._slots: dict[int, CallDraft] = {}
        self._usage: dict[str, Any] | None = None
        self._finish: str | None = None
        self._done = False

    def take(self, event: dict[str, Any]) -> list[Chunk]:
        """Add one chunk. Raises ServiceError for an error in its place."""
        if event.get("error"):
            raise ServiceError(event)
        self._done = self._done or event is DONE_EVENT
        self._usage = event.get("usage") or self._usage
        choices = event.get("choices")
        if not choices:
            return []
        self._finish = choices[0].get("finish_reason") or self._finish
        self._done = self._done or choices[0].get("message") is not None
        if self._finish in TROUBLE:
            raise ServiceError({"error": {"code": "overloaded", "message": f"stopped with {self._finish}"}})
        return self._delta(choices[0].get("delta") or choices[0].get("message") or {})

    def _delta(self, delta: dict[str, Any]) -> list[Chunk]:
        shown: list[Chunk] = []
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            thought = make_encodable(str(thought))
            self._thoughts.append(thought)
            shown.append(ThinkingDelta(thought))
        if text := _plain(delta.get("content")):
            self._text.append(text)
            shown.append(TextDelta(text))
        if refusal := _plain(delta.get("refusal")):
            self._refusal.append(refusal)
            shown.append(TextDelta(refusal))
        for given in delta.get("tool_calls") or ():
            shown.extend(self._call(given))
        return shown

    def _call(self, given: dict[str, Any]) -> list[Chunk]:
        function = given.get("function") or {}
        call, is_new = self._slot(given, function)
        if not call.name and function.get("name"):
            call.name = word(function["name"])
        call.add(function.get("arguments"))
        google = (given.get("extra_content") or {}).get("google") or {}
        call.signature = google.get("thought_signature") or call.signature
        written = function.get("arguments")
        more: list[Chunk] = [ArgumentsDelta(written)] if isinstance(written, str) and written else []
        return [ToolCallDelta(call.id, call.name), *more] if is_new else more

    def _slot(self, given: dict[str, Any], function: dict[str, Any]) -> tuple[CallDraft, bool]:
        """Return the call that a delta belongs to. Some services send no index, or the same one for every call."""
        given_id, index = word(given.get("id")), given.get("index")
        newest = self._calls.drafts[-1] if self._calls.drafts else None
        known = self._slots.get(index) if index is not None else newest
        is_other = known is not None and bool(given_id) and given_id != known.given_id
        begins_anew = index is None and bool(function.get("name")) and not given_id
        if known is not None and not is_other and not begins_anew:
            return known, False
        call = self._calls.start(given_id, function.get("name"))
        if index is not None:
            self._slots[index] = call
        return call, True

    def finished(self, prompt_tokens: Callable[[], int]) -> ModelAnswer:
        """Return the whole answer; `prompt_tokens` counts if the service reports no usage. Raises StreamEnded without a
        finish reason."""
        if self._finish is None:
            self._finish = self._unsaid_finish()
        text, refusal = str(self._text), str(self._refusal)
        stop = STOPS.get(self._finish, "end_turn")
        drafts = self._calls.drafts
        cut = stop == "max_tokens"
        calls = [draft.finished(cut and draft is drafts[-1]) for draft in drafts]
        signatures = signatures_of([draft.signature for draft in drafts], self._spec.provider)
        message = assistant_message(self._spec, str(self._thoughts), signatures, text or refusal, calls)
        if stop in ("end_turn", "tool_use") and self._finish in STOPS:
            stop = "refusal" if refusal else "tool_use" if calls else "end_turn"
        return ModelAnswer(message, stop, self._counted(prompt_tokens, message), self._detail(stop, refusal))

    def _unsaid_finish(self) -> str:
        """Return the finish reason of an answer that its service called complete without one: it is paid for, so not
        requested again.

        Raises StreamEnded if nothing says that the answer is complete, UnusableAnswer if it is, and is empty.
        """
        if not self._done:
            raise StreamEnded("the stream ended before the answer did")
        if not (self._text or self._refusal or self._calls.drafts):
            raise UnusableAnswer("it returned an empty answer")
        return "tool_calls" if self._calls.drafts else "stop"

    def _detail(self, stop: Stop, refusal: str) -> str:
        if stop == "refusal":
            return refusal or "the service's content filter stopped the answer"
        return "" if self._finish in STOPS else f"unknown finish reason {self._finish!r}"

    def _counted(self, prompt_tokens: Callable[[], int], message: Message) -> Usage:
        used = self._usage or {}
        details = used.get("prompt_tokens_details") or {}
        read = details.get("cached_tokens") or used.get("prompt_cache_hit_tokens") or 0
        written = details.get("cache_write_tokens") or 0
        usage = Usage(
            input_tokens=max(0, (used.get("prompt_tokens") or 0) - read - written),
            output_tokens=used.get("completion_tokens") or 0,
            cache_read_tokens=read,
            cache_write_tokens=written,
            model_calls=1,
        )
        return with_missing_counts(usage, self._spec.prices, prompt_tokens, message)


def _plain(content: Any) -> str:
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return make_encodable(content) if isinstance(content, str) else ""
