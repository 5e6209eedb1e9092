"""Interfaces of a turn and its session for the turn's parts; implemented by `TurnRun` and `Session`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mazu_ls.agent.project.services import ProjectServices
    from mazu_ls.agent.session.conversation import Conversation
    from mazu_ls.agent.turn.limits import UsageMeter
    from mazu_ls.agent.turn.reviewed_host import RecordedEdit
    from mazu_ls.agent.turn.types import Prompt
    from mazu_ls.checkpoints.models import CheckpointKind
    from mazu_ls.config.config import Mode
    from mazu_ls.host import Buffer
    from mazu_ls.journal import journal
    from mazu_ls.models.model import Model
    from mazu_ls.policy import Rule
    from mazu_ls.tools.context import ToolContext


class TurnSession(Protocol):
    """The session in which a turn runs."""

    id: str
    project: ProjectServices
    journal: journal.Journal
    conversation: Conversation
    mode: Mode | None
    """The permission mode chosen for this session; None: that of the project."""
    rules: list[Rule]
    """Grants that the user gave for this session."""
    closing: bool
    """Whether mazu-ls is shutting down: what stops now was not stopped by the user."""
    interrupted: str | None
    last_input: int
    """Tokens of the last prompt."""
    map: str
    answer_begun: asyncio.Event
    """Set when the model has begun to answer the first request of the turn; what competes with it waits."""
    standing_memory: str
    told_memories: set[str]
    """The ids of the memories that its model was shown."""

    def events(self) -> list[journal.Event]:
        """Return the events of the conversation. Reads the file: call it from a thread."""
        ...

    def append(self, body: journal.Body, turn: str | None = None, clean: str = "") -> None:
        """Record an event and apply it to the conversation."""
        ...

    def waiting(self) -> AbstractContextManager[None]:
        """Mark the turn as waiting for the user's answer."""
        ...

    async def system(
        self, mode: Mode, model: Model, *, autonomous: bool, edits_unasked: bool = False
    ) -> tuple[str, ...]:
        """Return the system prompt of the next call."""
        ...

    async def render_map(self, model: Model, buffers: Sequence[Buffer], patience: float) -> None:
        """Render the project map, once for the whole conversation, unless that takes longer than `patience` seconds."""
        ...

    async def checkpoint(
        self,
        kind: CheckpointKind,
        label: str,
        turn_id: str,
        touched: Sequence[Path] | None,
        boundary: int | None,
        *,
        title: str = "",
    ) -> str | None:
        """Take a checkpoint and return its id; None if none can be taken."""
        ...


class StepCheckpoints(Protocol):
    """The checkpoints of a turn, as its calls need them."""

    executed: bool
    """Whether a command ran since the last checkpoint."""

    async def ensure_baseline(self) -> None:
        """Take the turn's baseline checkpoint before the first change; later calls do nothing."""
        ...

    async def prepare_change(self) -> None:
        """Take the baseline, or have the user agree to continue without undo. Raises UndoUnavailable."""
        ...

    async def record_edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Record an edit of the agent before it is made."""
        ...

    async def wait_recorded(self) -> None:
        """Wait until the checkpoint of the last step is taken and recorded."""
        ...

    def command(self, *, may_write: bool, runs_git: bool) -> AbstractAsyncContextManager[None]:
        """Attribute to the agent what changes while a command runs; see `TurnCheckpoints.command`."""
        ...


class RunningTurn(Protocol):
    """A turn in progress."""

    asked: Prompt
    turn: ToolContext
    chosen: Model | None
    """None if a `!command` of the user needs no model."""
    mode: Mode
    meter: UsageMeter
    injected: tuple[str, ...]
    """The ids of the memories in its context blocks."""
    written: list[str]
    """The ids of the memories that this turn wrote."""
    withheld: list[str]
    """The names of tools that a run without `--allow-shell` does not have."""

    @property
    def session(self) -> TurnSession:
        """The session in which it runs."""
        ...

    @property
    def steps(self) -> StepCheckpoints:
        """Its checkpoints."""
        ...

    @property
    def edits_unasked(self) -> bool:
        """Whether its edits are made without a question."""
        ...

    def record(self, body: journal.Body, clean: str = "") -> None:
        """Record an event in the journal, which notifies the listeners."""
        ...

    def record_memory(self, memory_id: str, outcome: str, title: str) -> None:
        """Record that a tool wrote a memory."""
        ...

    def record_edit(self, edit: RecordedEdit, *, is_file: bool = True) -> None:
        """Count one edit that was made."""
        ...

    async def sync_journal(self) -> None:
        """Sync the journal to the disk."""
        ...

    async def save_changed(self) -> None:
        """Save what the agent changed in open buffers, before a command runs."""
        ...
