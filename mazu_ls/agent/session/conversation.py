"""A conversation as a fold over its events: the messages of the next model call, always in a form that strict providers
accept."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from mazu_ls.journal import journal
from mazu_ls.journal.journal import Event
from mazu_ls.messages import Image, Message, Part, Text, ToolCall, ToolResult, estimate_message

INTERRUPTED = "error: mazu-ls stopped before the result of this call was recorded. It may or may not have had an effect: look before you repeat it."
_MEMORY = re.compile(r"- \[([mg]_\d+)\] \(")
SUMMARY = "Summary of the conversation so far (older messages were compacted):\n\n"


class Conversation(Struct):
    """The messages up to the head, the calls without a result, and the user's last messages, newest first."""

    messages: list[Message] = field(default_factory=list)
    waiting: dict[str, ToolCall] = field(default_factory=dict)
    results: dict[str, ToolResult] = field(default_factory=dict)
    model: str | None = None
    turns: int = 0
    said: deque[str] = field(default_factory=lambda: deque(maxlen=3))
    summarised: tuple[str, ...] = ()
    """Ids of the memories that stand in the summary at the beginning."""

    def apply(self, event: Event) -> None:
        """Apply one more event of the chain."""
        match event.body:
            case journal.TurnStarted():
                self.turns += 1
            case journal.ModelChosen(model):
                self.model = model
            case journal.UserSaid(message, shown):
                self._close()
                if shown:
                    self.said.appendleft(shown)
                self._user(message.parts)
            case journal.ModelSaid(message):
                self._close()
                if message.parts:
                    self.messages.append(message)
                    self.waiting = {call.id: call for call in message.calls}
            case journal.CallEnded(call_id, ok, _, text, images):
                if call_id in self.waiting:
                    self.results[call_id] = ToolResult(call_id, text, ok, tuple(images))
                    if len(self.results) == len(self.waiting):
                        self._close()
            case journal.ContentWithheld(part, reason):
                self._close()
                self._withhold(part, reason)
            case journal.Compacted(summary, kept, _, told):
                self._close()
                self._compact(summary, kept)
                self.summarised = told

    @property
    def has_pictures(self) -> bool:
        """Whether a picture is among the messages."""
        return any(_has_pictures(message) for message in self.messages_to_send())

    def messages_to_send(self) -> list[Message]:
        """Return the messages of the next model call; a call without a recorded result gets one that says so."""
        if not self.waiting:
            return list(self.messages)
        open_end = Conversation(list(self.messages), dict(self.waiting), dict(self.results))
        open_end._close()
        return open_end.messages

    def pending_tool_calls(self) -> list[str]:
        """The ids of calls without a result."""
        return [id for id in self.waiting if id not in self.results]

    def _close(self) -> None:
        if not self.waiting:
            return
        self._user(
            tuple(self.results.get(id) or ToolResult(id, INTERRUPTED, ok=False) for id in self.waiting)
        )
        self.waiting, self.results = {}, {}

    def _user(self, parts: Iterable[Part]) -> None:
        """Append to the user's side; two user messages in a row become one."""
        if self.messages and self.messages[-1].role == "user":
            self.messages[-1] = Message("user", (*self.messages[-1].parts, *parts))
        else:
            self.messages.append(Message("user", tuple(parts)))

    def _withhold(self, part: str, reason: str) -> None:
        """Replace refused pictures, or the refused words of the newest message, by a note."""
        for index in range(len(self.messages) - 1, -1, -1):
            message = self.messages[index]
            if message.role == "user" and (part == "message" or _has_pictures(message)):
                without = _without_pictures if part == "pictures" else _without_words
                self.messages[index] = Message("user", without(message.parts, reason))
                return

    @property
    def told_memories(self) -> set[str]:
        """Ids of the memories that its messages hold."""
        return held_memories(self.messages) | set(self.summarised)

    @property
    def was_compacted(self) -> bool:
        """Whether the beginning of the conversation exists only as a summary."""
        return bool(self.messages) and self.messages[0].text.startswith(SUMMARY)

    def _compact(self, summary: str, kept: int) -> None:
        tail = self.messages[len(self.messages) - kept :] if kept else []
        self.messages = []
        self._user((Text(SUMMARY + summary),))
        for message in tail:
            if message.role == "user":
                self._user(message.parts)
            else:
                self.messages.append(message)


def _has_pictures(message: Message) -> bool:
    return any(
        isinstance(part, Image) or (isinstance(part, ToolResult) and bool(part.images))
        for part in message.parts
    )


def _without_pictures(parts: Sequence[Part], reason: str) -> tuple[Part, ...]:
    note = f"(A picture was here; the service did not take it: {reason})"
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, Image):
            kept.append(Text(note))
        elif isinstance(part, ToolResult) and part.images:
            kept.append(ToolResult(part.call_id, f"{part.text}\n{note}", part.ok))
        else:
            kept.append(part)
    return tuple(kept)


def _without_words(parts: Sequence[Part], reason: str) -> tuple[Part, ...]:
    note = f"(Removed because the provider refused the content: {reason})"
    results = [ToolResult(part.call_id, note, part.ok) for part in parts if isinstance(part, ToolResult)]
    said = [part for part in parts if not isinstance(part, ToolResult)]
    return (*results, Text(note)) if said else tuple(results)


def replay(events: Sequence[Event]) -> Conversation:
    """Rebuild the conversation from these events, in chain order."""
    conversation = Conversation()
    for event in events:
        conversation.apply(event)
    return conversation


def trim_to_window(messages: Sequence[Message], turns: int | None, tokens: int | None) -> list[Message]:
    """Return the newest messages that fit: whole exchanges only, at least the last one.

    An exchange starts at a user message that holds more than tool results. `tokens` is an estimate.
    """
    if turns is None and tokens is None:
        first = next((index for index, message in enumerate(messages) if is_user_turn_start(message)), 0)
        return list(messages[first:])
    starts = [index for index, message in enumerate(messages) if is_user_turn_start(message)]
    if not starts:
        return list(messages)
    first = starts[0]
    if turns is not None and len(starts) > turns:
        first = starts[-turns]
    if tokens is not None:
        for start in (s for s in starts if s >= first):
            first = start
            if sum(map(estimate_message, messages[start:])) <= tokens:
                break
    return list(messages[first:])


def is_user_turn_start(message: Message) -> bool:
    """Return whether the user speaks in this message, not only tools."""
    return message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts)


def held_memories(messages: Iterable[Message]) -> set[str]:
    """Return the ids of the memories that were given with these messages, in a block of the context or with a tool's result.

    An attached file, or the file or output in a tool's result, that looks like such a block is untrusted, and does not count.
    """
    held: set[str] = set()
    for message in messages:
        for part in message.parts if message.role == "user" else ():
            match part:
                case Text(text, None) if text.startswith("<memory>\n"):
                    held.update(_memory_ids(text))
                case ToolResult(_, text) if "\n</memory>" in text:
                    held.update(_memory_ids(text.rpartition("</untrusted>")[2]))
                case _:
                    pass
    return held


def _memory_ids(text: str) -> Iterator[str]:
    """Yield the ids in the blocks that have an end. Linear: a regular expression looks for each end from each beginning."""
    waiting: list[str] | None = None
    for line in text.split("\n"):
        if waiting is None:
            waiting = [] if line == "<memory>" else None
        elif line.startswith("</memory>"):
            yield from waiting
            waiting = None
        elif found := _MEMORY.match(line):
            waiting.append(found[1])
