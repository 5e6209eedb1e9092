"""Chat, run, ask, edit, council and the sessions they belong to (docs/protocol.md, section 2)."""

from __future__ import annotations

from mazu_ls.errors import MazuError
from mazu_ls.messages import StopReason, Usage
from mazu_ls.server.rpc.lsp_types import Range
from mazu_ls.server.wire.checkpoints import OwnWork
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import (
    Amount,
    Count,
    ModelName,
    ModelWanted,
    PageSize,
    Place,
    Positive,
    Seconds,
    SessionName,
    Text,
)


class Chat(Params, frozen=True):
    message: Text | None = None
    session_id: str | None = None
    attachments: tuple[Place, ...] = ()
    model: ModelWanted | None = None
    queue: bool = False
    wait: bool = False


class Run(Params, frozen=True):
    """`max_cost` is in US dollars; the others override the settings of the same name."""

    task: Text
    session_id: str | None = None
    max_steps: Positive | None = None
    max_cost: Amount | None = None
    max_tokens: Positive | None = None
    max_seconds: Seconds | None = None
    checkpoint_every: Positive | None = None
    allow_shell: bool = False
    model: ModelWanted | None = None
    wait: bool = False


class Ask(Params, frozen=True):
    question: Text
    attachments: tuple[Place, ...] = ()
    model: ModelWanted | None = None
    wait: bool = False


class Edit(Params, frozen=True):
    uri: str
    range: Range
    instruction: Text
    model: ModelWanted | None = None
    wait: bool = False


class Council(Params, frozen=True):
    question: Text
    models: tuple[ModelName, ...] = ()
    lead: ModelWanted | None = None
    attachments: tuple[Place, ...] = ()
    wait: bool = False


class OfSession(Params, frozen=True):
    """One session; without `session_id` the last used one."""

    session_id: str | None = None


class NewSession(Params, frozen=True):
    session_id: str | None = None
    name: str = ""


class ShowSession(Params, frozen=True):
    session_id: str | None = None
    turns: Positive | None = None


class Rewind(Params, frozen=True):
    session_id: str | None = None
    turns: Positive = 1
    turn_id: str | None = None


class RenameSession(Params, frozen=True):
    name: SessionName
    session_id: str | None = None


class SearchSessions(Params, frozen=True):
    query: Text
    limit: Positive = 20


class Fork(Params, frozen=True):
    session_id: str | None = None
    turn_id: str | None = None
    name: str = ""


class Transcript(Params, frozen=True):
    session_id: str | None = None
    uri: str | None = None


class Queue(Params, frozen=True):
    session_id: str | None = None
    remove: str | None = None


class SessionEvents(Params, frozen=True):
    """`after`: the `seq` of the journal behind which a page begins."""

    session_id: str | None = None
    after: Count = 0
    limit: PageSize = 500


class Compact(Params, frozen=True):
    session_id: str | None = None
    wait: bool = False


class Undo(Params, frozen=True):
    """Back to before a turn: `turn_id`, or the last one. Without `on_conflict` the user is asked."""

    session_id: str | None = None
    turn_id: str | None = None
    code: bool = True
    conversation: bool = True
    memory: bool = True
    preview: bool = False
    on_conflict: OwnWork | None = None


class Redo(Params, frozen=True):
    session_id: str | None = None


class Started(Wire, frozen=True):
    """The answer of a command that goes on as a job. What belongs to no session is named by one id of its own in both."""

    session_id: str
    turn_id: str | None


class Waiting(Wire, frozen=True):
    """The answer to a message that waits for the running turn to end."""

    session_id: str
    turn_id: None
    queue_id: str


class Cancelled(Wire, frozen=True):
    cancelled: bool


class Edited(Wire, frozen=True):
    """Lines added and removed in one document by a turn."""

    uri: str
    added: int
    removed: int


class TurnMemories(Wire, frozen=True):
    injected: list[str]
    written: list[str]


class Failure(Wire, frozen=True):
    """Why a turn ended in an error."""

    kind: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: MazuError | None) -> Failure | None:
        """The wire form of an error, None of none."""
        return cls(str(error.kind), error.message, error.hint) if error else None


class TurnResult(Wire, frozen=True):
    """`detail` says the stop reason in a sentence; `error` is null unless the stop reason is "error"."""

    session_id: str
    turn_id: str
    reply: str
    stop_reason: StopReason
    detail: str
    usage: Usage
    edits: list[Edited]
    checkpoints: list[str]
    memories: TurnMemories
    error: Failure | None = None


class CouncilAnswer(Wire, frozen=True):
    """What one member said, or why it said nothing."""

    model: str
    reply: str
    usage: Usage
    error: Failure | None


class CouncilResult(Wire, frozen=True):
    """`synthesis` is the lead's comparison and recommendation; `error` is set where the lead failed."""

    question: str
    answers: list[CouncilAnswer]
    lead: str
    synthesis: str
    dissent: str
    usage: Usage
    error: Failure | None


class Answer(Wire, frozen=True):
    """What `mazu.ask` found out."""

    reply: str
    usage: Usage
