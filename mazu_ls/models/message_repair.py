"""Repairs a conversation for sending: fixes what strict providers reject, in one place for all of them.

Everything here is a pure function of the messages before and at the repaired place, so the prefix that was sent once is
sent byte for byte again, and prompt caches hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from mazu_ls.messages import Image, Message, Part, Text, Thinking, ToolCall, ToolResult, escape_closing_tag

if TYPE_CHECKING:
    from mazu_ls.models.request_memo import RequestMemo

NOT_RUN = "This call was not run: the turn ended before it. Nothing was changed by it."
RESUMED = "(The earlier part of this conversation is not shown.)"
GO_ON = "Continue."
UNSEEN = "(A picture was here; this model does not see pictures.)"
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

_MAY_SAY = {"user": (Text, Image, ToolResult), "assistant": (Text, Thinking, ToolCall)}
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]+")


class MessageGroup(NamedTuple):
    """Consecutive messages of one role. Results come first among the parts of a user; `model` wrote the assistant's."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    model: str | None = None


Keeps = Callable[[Thinking, str | None], bool]
"""Returns whether a thinking part, written by this model, may be sent back to the model that is called."""


class RepairState:
    """A repaired beginning of a conversation: its turns, the ids in them, and the calls that are still without a result."""

    __slots__ = ("open_calls", "seen", "turns")

    def __init__(self) -> None:
        self.turns: list[MessageGroup] = []
        self.seen: set[str] = set()
        self.open_calls: list[tuple[str, ToolCall]] = []

    def copy(self) -> RepairState:
        """Return a state that can be continued without changing this one."""
        other = RepairState()
        other.turns, other.seen, other.open_calls = self.turns.copy(), self.seen.copy(), self.open_calls
        return other

    def take(self, turn: MessageGroup) -> None:
        """Add the next turn."""
        if turn.role == "assistant":
            if self.open_calls:  # nobody answered them before the model spoke again
                self._append(_answers(self.open_calls, ()))
            if not self.turns:
                self._append(MessageGroup("user", (Text(RESUMED),)))
            said, self.open_calls = _renamed(turn, self.seen)
            self._append(said)
        else:
            answered = _answers(self.open_calls, turn.parts)
            self.open_calls = []
            if answered.parts:
                self._append(answered)

    def finished(self) -> list[MessageGroup]:
        """Return all turns, ended by the user. The state must not be used after it."""
        if self.open_calls:
            self._append(_answers(self.open_calls, ()))
        if not self.turns or self.turns[-1].role == "assistant":
            self._append(MessageGroup("user", (Text(GO_ON),)))
        return self.turns

    def _append(self, turn: MessageGroup) -> None:
        """Merge two user turns in a row: the assistant's turn between them had nothing to send."""
        if self.turns and self.turns[-1].role == turn.role:
            turn = MessageGroup(turn.role, self.turns.pop().parts + turn.parts)
        self.turns.append(turn)


def repair_history(
    messages: Sequence[Message], keeps: Keeps, memo: RequestMemo | None = None, key: object = None
) -> list[MessageGroup]:
    """Return alternating turns, beginning and ending with the user; each tool call has one result in the next turn.

    Ids are unique and portable, empty text is removed, results without a call are dropped, missing results say so. With
    `memo`, only what is new since the turn's last call is repaired; `key` names what `keeps` depends on.
    """
    done, state = list[Message](), RepairState()
    if memo is not None and memo.repaired is not None and memo.repaired[0] == key:
        _, before, after = memo.repaired
        if list(messages[: len(before)]) == before:  # mostly the same objects
            done, state = before, after
    merged = _merged(messages[len(done) :], keeps)
    for turn, _ in merged[:-1]:  # the last one may continue with the next message
        state.take(turn)
    if memo is not None:
        whole = len(done) + (merged[-1][1] if merged else 0)
        memo.repaired = key, list(messages[:whole]), state
        state = state.copy()
    for turn, _ in merged[-1:]:
        state.take(turn)
    return state.finished()


def wrap_untrusted(part: Text) -> str:
    """Return the text as the model reads it; untrusted text is wrapped in marks that name its origin."""
    if part.untrusted is None:
        return part.text
    origin = " ".join(
        escape_closing_tag(part.untrusted, "untrusted").replace('"', "'").replace(">", "&gt;").split()
    )
    return f'<untrusted origin="{origin}">\n{escape_closing_tag(part.text, "untrusted")}\n</untrusted>'


def make_encodable(text: str) -> str:
    """Return `text` without lone surrogates, which cannot be sent to any service."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _merged(messages: Iterable[Message], keeps: Keeps) -> list[tuple[MessageGroup, int]]:
    """Return consecutive messages of one role as one turn, with the place of its first message."""
    turns: list[tuple[MessageGroup, int]] = []
    for place, message in enumerate(messages):
        parts = tuple(_clean(message, keeps))
        if not parts:
            continue
        last, began = turns[-1] if turns else (None, place)
        if last is not None and last.role == message.role and not _has_calls(last):
            turns[-1] = MessageGroup(last.role, last.parts + parts, last.model), began
        else:
            turns.append((MessageGroup(message.role, parts, message.model), place))
    return turns


def _has_calls(turn: MessageGroup) -> bool:
    return any(isinstance(part, ToolCall) for part in turn.parts)


def _clean(message: Message, keeps: Keeps) -> list[Part]:
    parts: list[Part] = []
    for part in message.parts:
        if not isinstance(part, _MAY_SAY[message.role]):
            continue
        if isinstance(part, Text):
            if part.text.strip():
                parts.append(Text(make_encodable(part.text), part.untrusted))
        elif isinstance(part, ToolResult):
            images = tuple(image for image in part.images if image.data and image.media_type in PICTURES)
            parts.append(ToolResult(part.call_id, make_encodable(part.text), part.ok, images))
        elif isinstance(part, Thinking):
            if keeps(part, message.model):
                parts.append(
                    Thinking(make_encodable(part.text), part.provider, part.signature, part.redacted)
                )
        elif not isinstance(part, Image) or (part.data and part.media_type in PICTURES):
            parts.append(part)
        else:
            parts.append(Text(f"(An image of type {part.media_type} was removed: models do not accept it.)"))
    while parts and isinstance(parts[-1], Thinking):  # no message may end with a thought
        parts.pop()
    return parts


def _renamed(turn: MessageGroup, seen: set[str]) -> tuple[MessageGroup, list[tuple[str, ToolCall]]]:
    """Return the turn with portable, unique ids, and its calls with the ids under which their results are stored."""
    parts: list[Part] = []
    calls: list[tuple[str, ToolCall]] = []
    for part in turn.parts:
        if not isinstance(part, ToolCall):
            parts.append(part)
            continue
        name = _NOT_IN_NAME.sub("_", part.name)[:64] or "unknown"
        call = ToolCall(_fresh(part.id, seen), name, part.arguments, part.invalid)
        seen.add(call.id)
        parts.append(call)
        calls.append((part.id, call))
    return MessageGroup(turn.role, tuple(parts), turn.model), calls


def _fresh(given: str, seen: set[str]) -> str:
    portable = (
        given
        if _ID.match(given)
        else "call_" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:24]
    )
    if portable not in seen:
        return portable
    stem = portable[:32]
    return next(name for n in range(2, len(seen) + 3) if (name := f"{stem}_{n}") not in seen)


def _answers(calls: list[tuple[str, ToolCall]], parts: Iterable[Part]) -> MessageGroup:
    """Return a user's turn: one result for each call, in the order of the calls, then everything else."""
    given: dict[str, list[ToolResult]] = {}
    rest: list[Part] = []
    for part in parts:
        if isinstance(part, ToolResult):
            given.setdefault(part.call_id, []).append(part)
        else:
            rest.append(part)
    results: list[Part] = []
    for kept_under, call in calls:
        found = given.get(kept_under)
        result = found.pop(0) if found else ToolResult(kept_under, NOT_RUN, ok=False)
        results.append(
            ToolResult(
                call.id, result.text if result.text.strip() else "(no output)", result.ok, result.images
            )
        )
    return MessageGroup("user", (*results, *rest))
