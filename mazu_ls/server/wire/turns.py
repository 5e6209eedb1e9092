"""Chat, run, ask, edit, council and the sessions they belong to (docs/protocol.md, section 2)."""

from __future__ import annotations

from mazu_ls.errors import MazuError
from mazu_ls.messages import StopReason, Usage
from mazu_ls.server.rpc.lsp_types import LspRange
from mazu_ls.server.wire.checkpoints import OwnWork
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import (
    Amount,
    AttachedText,
    DocumentRange,
    ModelName,
    ModelWanted,
    Positive,
    Seconds,
    Text,
)


class ChatParams(Params, frozen=True):
    message: Text | None = None
    session_id: str | None = None
    attachments: tuple[DocumentRange, ...] = ()
    texts: tuple[AttachedText, ...] = ()
    resend: str | None = None
    """Id of a turn of this session: what its message had attached goes along again."""
    model: ModelWanted | None = None
    queue: bool = False
    wait: bool = False


class RunParams(Params, frozen=True):
    """`max_cost` is in US dollars; the others override the settings of the same name."""

    task: Text
    """What to do."""
    session_id: str | None = None
    """Continue this conversation instead of starting a new one."""
    max_steps: Positive | None = None
    """Stop after this many steps."""
    max_cost: Amount | None = None
    """Stop a turn after this many US dollars; the next message of a conversation starts at 0 again."""
    max_tokens: Positive | None = None
    """Stop after this many tokens."""
    max_seconds: Seconds | None = None
    """Stop after this many seconds."""
    checkpoint_every: Positive | None = None
    """Take a checkpoint after this many steps."""
    allow_shell: bool = False
    """Let it run commands."""
    model: ModelWanted | None = None
    """Provider:model."""
    wait: bool = False


class AskParams(Params, frozen=True):
    question: Text
    """The question."""
    attachments: tuple[DocumentRange, ...] = ()
    """Documents, or ranges of them."""
    texts: tuple[AttachedText, ...] = ()
    """Texts that are no documents."""
    model: ModelWanted | None = None
    """Provider:model."""
    wait: bool = False


class EditParams(Params, frozen=True):
    uri: str
    range: LspRange
    instruction: Text
    """How to change them."""
    model: ModelWanted | None = None
    """Provider:model."""
    wait: bool = False


class CouncilParams(Params, frozen=True):
    question: Text
    """The question."""
    models: tuple[ModelName, ...] = ()
    """A model to ask; at least two."""
    lead: ModelWanted | None = None
    """The model that compares the answers."""
    attachments: tuple[DocumentRange, ...] = ()
    """Documents, or ranges of them."""
    wait: bool = False


class UndoParams(Params, frozen=True):
    """Back to before a turn: `turn_id`, or the last one. Without `on_conflict` the user is asked."""

    session_id: str | None = None
    """An id of a session. The last one used if not given."""
    turn_id: str | None = None
    """Back to before this turn."""
    code: bool = True
    """Restore files."""
    conversation: bool = True
    """Remove the turns from the conversation."""
    memory: bool = True
    """Restore memory."""
    preview: bool = False
    """Only show what would happen."""
    on_conflict: OwnWork | None = None
    """What happens to your own changes."""


class RedoParams(Params, frozen=True):
    session_id: str | None = None
    """An id of a session. The last one used if not given."""


class StartedResult(Wire, frozen=True):
    """The answer of a command that continues as a job. One that belongs to no session has the same id of its own in both."""

    session_id: str
    turn_id: str | None


class QueuedResult(Wire, frozen=True):
    """The answer to a message that waits for the running turn to end."""

    session_id: str
    turn_id: None
    queue_id: str


class CancelResult(Wire, frozen=True):
    cancelled: bool


class FileEditView(Wire, frozen=True):
    """Lines added and removed in one document by a turn."""

    uri: str
    added: int
    removed: int


class TurnMemories(Wire, frozen=True):
    injected: list[str]
    written: list[str]


class ErrorView(Wire, frozen=True):
    """Why a turn ended in an error."""

    kind: str
    message: str
    hint: str

    @classmethod
    def from_error(cls, error: MazuError | None) -> ErrorView | None:
        """The wire form of an error, None of none."""
        return cls(str(error.kind), error.message, error.hint) if error else None


class TurnResultView(Wire, frozen=True):
    """`detail` says the stop reason in a sentence; `error` is null unless the stop reason is "error". `uncounted`: what commands changed
    is not among the edits, since it was too much or the turn was stopped."""

    session_id: str
    turn_id: str
    reply: str
    stop_reason: StopReason
    detail: str
    usage: Usage
    edits: list[FileEditView]
    checkpoints: list[str]
    memories: TurnMemories
    error: ErrorView | None = None
    uncounted: bool = False


class CouncilAnswer(Wire, frozen=True):
    """What one member said, or why it said nothing."""

    model: str
    reply: str
    usage: Usage
    error: ErrorView | None


class CouncilResult(Wire, frozen=True):
    """`synthesis` is the lead's comparison and recommendation; `error` is set where the lead failed."""

    question: str
    answers: list[CouncilAnswer]
    lead: str
    synthesis: str
    dissent: str
    usage: Usage
    error: ErrorView | None


class AskResult(Wire, frozen=True):
    """What `mazu.ask` found out."""

    reply: str
    usage: Usage
