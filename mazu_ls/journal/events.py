"""The kinds of events in a session's journal. Fields are only ever added, with defaults: old journals stay readable."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from mazu_ls.messages import Image, Message, StopReason, Usage


class SessionStarted(Struct, tag="session_started", frozen=True):
    """The first event of every session. `aside`: for one background job, never continued by itself."""

    name: str = ""
    aside: bool = False


class SessionNamed(Struct, tag="session_named", frozen=True):
    """The session got a name, by the user or from its first message."""

    name: str


class SessionEnded(Struct, tag="session_ended", frozen=True):
    """The user ended the session; it can still be read and continued."""


class ModelChosen(Struct, tag="model_chosen", frozen=True):
    """The session uses this `provider:model` from here on."""

    model: str


class TurnLimits(Struct, frozen=True):
    """How far a turn may go, None for no limit: steps, US dollars, tokens, seconds, failed rounds in a row."""

    steps: int | None = None
    cost: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    failures: int = 5


class TurnStarted(Struct, tag="turn_started", frozen=True):
    """A turn begins: its kind, its model, and the memories in its context.

    `titles` are those of the memories in `injected`, in the same order. `mode`: the turn's permission mode; `context_window`: of the
    model, in tokens.
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
    """The user decided on the offer to continue an interrupted turn: it is not offered again."""

    choice: Literal["leave", "continue", "rollback"]


class Attached(Struct, frozen=True):
    """What the user attached to a message; lines are 0-based, `last` excluded, None for a whole file."""

    path: str
    first: int | None = None
    last: int | None = None
    text: str | None = None
    """Of a text that is no file, such as a terminal's output, which is called `path`; "" where the message has it."""


class UserSaid(Struct, tag="user_said", frozen=True):
    """The user's side of the conversation. `shown` is what the user typed, empty for words of the program."""

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
    """Whether a call may run. `decided_by` is "policy", "user", "rule <pattern>", "timeout" or "nobody" (who could be asked).

    `arguments`: the ones it runs with if the user changed them. `answered_in`: the client in which the user decided, by its own name,
    with the process id from the kernel if it is another process.
    """

    call_id: str
    verdict: Literal["allow", "deny"]
    reason: str
    decided_by: str
    arguments: dict[str, Any] | None = None
    answered_in: str | None = None


class QuestionAsked(Struct, tag="question_asked", frozen=True):
    """The user is asked whether a tool call may run. `options` are `{id, label, kind}`, `hunks` `{id, diff}`.

    `rule` is what a lasting answer would allow; `document` the file that would change; `editable` the arguments that the answer may
    replace. `reason`: why it is asked, with which `detail` ends.
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
    reason: str = ""


class QuestionClosed(Struct, tag="question_closed", frozen=True):
    """A question is no longer open. `by`: "user", "timeout", or what made it void, such as "cancelled" or "restart"."""

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
    """Output of a running tool as it streams. Transient: `CallEnded` holds what the model reads."""

    call_id: str
    text: str


class CallEnded(Struct, tag="call_ended", frozen=True):
    """The one result of a tool call: the text for the model, a line for the user, a unified diff if it edited; `proposed`: if it would
    edit, and waits for the user."""

    call_id: str
    ok: bool
    summary: str
    text: str
    images: tuple[Image, ...] = ()
    diff: str | None = None
    proposed: bool = False


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
    """The messages so far are replaced by `summary`; the last `kept` messages before this event stay.

    `told` are the ids of the memories that the summary was given with; what it imitates is not among them.
    """

    summary: str
    kept: int
    usage: Usage
    told: tuple[str, ...] = ()


class ContentWithheld(Struct, tag="content_withheld", frozen=True):
    """The provider rejected a part of the conversation, which is not sent again: a note replaces it.

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
    """How many files and lines a turn changed. `uncounted`: the changes of its commands are not known, so not included."""

    files: int = 0
    added: int = 0
    removed: int = 0
    uncounted: bool | UnsetType = UNSET


class TurnEnded(Struct, tag="turn_ended", frozen=True):
    """Why the turn stopped, as the wire's code and in a sentence; its cost, changes and checkpoints."""

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


class Event(Struct, frozen=True):
    """One entry. `seq` counts from 1 in a session; `parent` is the event it follows, so a conversation is a tree.

    A transient event has the seq of the last stored one. `at` is RFC 3339 UTC.
    """

    seq: int
    parent: int
    at: str
    turn: str | None
    body: Body


OPAQUE = ("data", "signature", "redacted")
"""Fields that are returned to a provider byte for byte, or are pictures."""
TRANSIENT = (Delta, MessageRestarted, Retrying, CallOutput)
