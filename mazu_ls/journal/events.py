"""The kinds of events in a session's journal. Fields are only ever added, with defaults: old journals stay readable."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from mazu_ls.messages import Image, Message, StopReason, Usage


class SessionStarted(Struct, tag="session_started", frozen=True):
    """The first event of every session. `aside`: for one job beside the conversation, never gone on with by itself."""

    name: str = ""
    aside: bool = False


class SessionNamed(Struct, tag="session_named", frozen=True):
    """The session got a name, by the user or from its first message."""

    name: str


class SessionEnded(Struct, tag="session_ended", frozen=True):
    """The user ended the session; it can still be read and gone on with."""


class ModelChosen(Struct, tag="model_chosen", frozen=True):
    """From here on the session talks to this `provider:model`."""

    model: str


class TurnLimits(Struct, frozen=True):
    """How far a turn may go, None for no limit: steps, US dollars, tokens, seconds, failed rounds in a row."""

    steps: int | None = None
    cost: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    failures: int = 5


class TurnStarted(Struct, tag="turn_started", frozen=True):
    """A turn begins: what kind, with which model, and which memories were put before the model.

    `titles` are those of the memories in `injected`, in the same order. `mode`: the permission mode that the turn has;
    `context_window`: of the model, in tokens.
    """

    kind: Literal["chat", "run", "edit"]
    model: str
    injected: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    limits: TurnLimits | None = None
    allow_shell: bool = True
    checkpoint_every: int | None = None
    mode: str = ""
    context_window: int | None = None


class ResumeAnswered(Struct, tag="resume_answered", frozen=True):
    """The user was offered to go on with a turn that was broken off, and decided: it is not offered again."""

    choice: Literal["leave", "continue", "rollback"]


class Attached(Struct, frozen=True):
    """What the user put beside a message; lines count from 0, `last` excluded, None for a whole file."""

    path: str
    first: int | None = None
    last: int | None = None
    text: str | None = None
    """Of a text that is no file, such as a terminal's output, which is called `path`; "" where the message has it."""


class UserSaid(Struct, tag="user_said", frozen=True):
    """What goes to the model on the user's side. `shown` is what the user typed, empty for words of the program."""

    message: Message
    shown: str = ""
    attached: tuple[Attached, ...] = ()


class Delta(Struct, tag="delta", frozen=True):
    """A piece of text as it streams. Transient: `ModelSaid` holds the whole."""

    kind: Literal["message", "thought"]
    text: str


class MessageRestarted(Struct, tag="restarted", frozen=True):
    """What streamed of this reply is void; it starts again. Transient."""


class Retrying(Struct, tag="retrying", frozen=True):
    """The provider failed; the call is made again after `seconds`. Transient."""

    attempt: int
    seconds: float
    reason: str


class ModelSaid(Struct, tag="model_said", frozen=True):
    """One finished model call."""

    message: Message
    stop: str
    usage: Usage


class CallStarted(Struct, tag="call_started", frozen=True):
    """A tool call is about to be decided on and run."""

    call_id: str
    tool: str
    title: str
    arguments: dict[str, Any]


class CallDecided(Struct, tag="call_decided", frozen=True):
    """May it run? `decided_by` is "policy", "user", "rule <pattern>", "timeout" or "nobody" (who could be asked).

    `arguments`: what it runs with where the user changed them. `answered_in`: the client in which the user decided, as it names
    itself, with the process id that the kernel gives where it is another process.
    """

    call_id: str
    verdict: Literal["allow", "deny"]
    reason: str
    decided_by: str
    arguments: dict[str, Any] | None = None
    answered_in: str | None = None


class QuestionAsked(Struct, tag="question_asked", frozen=True):
    """The user is asked whether a tool call may run. `options` are `{id, label, kind}`, `hunks` `{id, diff}`.

    `rule` is what a standing answer would allow; `document` the file that would change; `editable` the arguments that
    the answer may replace.
    """

    call_id: str
    tool: str
    title: str
    detail: str
    options: tuple[dict[str, str], ...]
    diff: str | None = None
    hunks: tuple[dict[str, str], ...] = ()
    rule: str | None = None
    document: str | None = None
    editable: tuple[str, ...] = ()


class QuestionClosed(Struct, tag="question_closed", frozen=True):
    """A question is open no more. `by`: "user", "timeout", or what made it void, such as "cancelled" or "restart"."""

    call_id: str
    verdict: Literal["allow", "deny", "void"]
    by: str


class MessageQueued(Struct, tag="message_queued", frozen=True):
    """A message that is sent when the running turn has ended."""

    id: str
    text: str
    attached: tuple[Attached, ...] = ()
    model: str | None = None


class MessageDequeued(Struct, tag="message_dequeued", frozen=True):
    """A queued message was sent, or removed by the user."""

    id: str


class CallOutput(Struct, tag="call_output", frozen=True):
    """Output of a running tool as it comes. Transient: `CallEnded` holds what the model is told."""

    call_id: str
    text: str


class CallEnded(Struct, tag="call_ended", frozen=True):
    """The one result of a tool call: the text for the model, a line for the user, a unified diff if it edited."""

    call_id: str
    ok: bool
    summary: str
    text: str
    images: tuple[Image, ...] = ()
    diff: str | None = None


class CheckpointTaken(Struct, tag="checkpoint_taken", frozen=True):
    """A checkpoint holds everything up to here."""

    id: str
    kind: str
    label: str


class MemoryTouched(Struct, tag="memory_touched", frozen=True):
    """A memory was written: "created", "superseded", "forgotten", "updated"."""

    id: str
    outcome: str
    title: str


class Compacted(Struct, tag="compacted", frozen=True):
    """What stood before is replaced by `summary`; the last `kept` messages before this event stay."""

    summary: str
    kept: int
    usage: Usage


class ContentWithheld(Struct, tag="content_withheld", frozen=True):
    """The service refused a part of the conversation, which is not sent again: a note stands in its place.

    "pictures": those of the newest message that has some. "message": the newest words of the user's side.
    """

    part: Literal["pictures", "message"]
    reason: str


class UsageRecorded(Struct, tag="spent", frozen=True):
    """Model calls outside a conversation: one-shot questions, councils, extraction, deleted sessions."""

    model: str
    usage: Usage
    purpose: str


class Changes(Struct, frozen=True):
    """How many files a turn changed, and lines in them. `uncounted`: what its commands changed is not known, so not among them."""

    files: int = 0
    added: int = 0
    removed: int = 0
    uncounted: bool | UnsetType = UNSET


class TurnEnded(Struct, tag="turn_ended", frozen=True):
    """Why the turn stopped, in the wire's word and in a sentence; what it cost, changed and checkpointed."""

    stop_reason: StopReason
    reply: str
    usage: Usage
    detail: str = ""
    error: dict[str, str] | None = None
    changes: Changes = Changes()
    checkpoints: tuple[str, ...] = ()


Body = (
    SessionStarted | SessionNamed | SessionEnded | ModelChosen | TurnStarted | UserSaid | Delta | MessageRestarted | Retrying
    | ModelSaid | CallStarted | CallDecided | CallOutput | CallEnded | CheckpointTaken | MemoryTouched | Compacted
    | ContentWithheld | UsageRecorded | TurnEnded | QuestionAsked | QuestionClosed | MessageQueued | MessageDequeued | ResumeAnswered
)  # fmt: skip
OPAQUE = ("data", "signature", "redacted")
"""Fields that go back to a provider byte for byte, or are pictures."""
TRANSIENT = (Delta, MessageRestarted, Retrying, CallOutput)
