"""Turn request and result types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

from mazu_ls.agent.turn.limits import Limits
from mazu_ls.agent.turn.prompt import Attachment
from mazu_ls.journal.journal import Attached

if TYPE_CHECKING:
    from pathlib import Path

    from mazu_ls.agent.turn.reviewed_host import RecordedEdit
    from mazu_ls.config.config import Mode
    from mazu_ls.errors import MazuError
    from mazu_ls.messages import StopReason, Usage


class EditCheckpoints(Protocol):
    """Records edits before they are made."""

    async def prepare_change(self) -> None:
        """Take the baseline, or have the user agree to continue without undo. Raises UndoUnavailable."""
        ...

    async def record_edit(self, path: Path, before: str | None, after: str | None) -> None:
        """Record an edit of the agent before it is made."""
        ...


class RepliedTurn(Protocol):
    """A turn whose model has replied, as its `finish` step sees it."""

    reply: str

    @property
    def steps(self) -> EditCheckpoints:
        """The checkpoints of the turn."""
        ...

    def record_edit(self, edit: RecordedEdit, *, is_file: bool = True) -> None:
        """Count one edit that was made."""
        ...


class Prompt(Struct, frozen=True):
    """A turn request: the user's words, attachments, and how far the agent may go.

    `checkpoint_every`: in steps; None as the setting says. `finish` is called with the reply before the turn ends. A
    turn of kind "edit" gets no tools. `title`: what the user asked for, where `text` is not in the user's words.
    """

    text: str
    attachments: tuple[Attachment, ...] = ()
    model: str | None = None
    limits: Limits = field(default_factory=Limits)
    kind: Literal["chat", "run", "edit"] = "chat"
    allow_shell: bool = True
    checkpoint_every: int | None = None
    finish: Callable[[RepliedTurn], Awaitable[None]] | None = None
    title: str = ""

    @property
    def attached(self) -> tuple[Attached, ...]:
        """What is attached, by name."""
        return tuple(
            Attached(one.name, one.first_line, one.last_line, None if one.is_file else "")
            for one in self.attachments
        )

    @property
    def command(self) -> str:
        """The shell command of a message of the form `!command`; otherwise ""."""
        return self.text[1:].strip() if self.kind == "chat" and self.text.startswith("!") else ""

    def mode_in(self, mode: Mode) -> Mode:
        """Return the turn's mode in a session of this one: plan restricts the agent, not a `!command` of the user's own."""
        return "ask" if self.command and mode == "plan" else mode


class FileEdit(Struct):
    """Lines added and removed in one file during a turn."""

    path: Path
    added: int = 0
    removed: int = 0


class TurnResult(Struct, frozen=True):
    """The result of a turn. `reply` holds no secrets; `detail` explains the stop reason in a sentence; `error` is set if it is "error";
    `uncounted`: what commands changed is not among the edits."""

    session_id: str
    turn_id: str
    reply: str
    stop_reason: StopReason
    detail: str
    usage: Usage
    edits: tuple[FileEdit, ...]
    checkpoints: tuple[str, ...]
    injected: tuple[str, ...]
    written: tuple[str, ...]
    error: MazuError | None = None
    uncounted: bool = False
