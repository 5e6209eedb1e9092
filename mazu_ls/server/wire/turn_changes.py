"""What one turn changed, over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Literal

from mazu_ls.server.rpc.lsp_types import LspRange
from mazu_ls.server.wire.codec import Params, Wire


class TurnParams(Params, frozen=True):
    """A turn; without `turn_id` the last one of the session."""

    session_id: str | None = None
    turn_id: str | None = None


class RevertTurnParams(Params, frozen=True):
    """`paths` and `hunks` together; without both everything that the turn changed."""

    session_id: str | None = None
    turn_id: str | None = None
    paths: tuple[str, ...] = ()
    hunks: tuple[str, ...] = ()


class ChangedHunk(Wire, frozen=True):
    """`range` are whole lines of the text after the turn; `diff` has the lines that went and came."""

    id: str
    range: LspRange
    diff: str


class ChangedFile(Wire, frozen=True):
    """`added` and `removed` are null, and `hunks` empty, for a binary file."""

    path: str
    uri: str
    status: Literal["added", "modified", "deleted"]
    added: int | None
    removed: int | None
    hunks: list[ChangedHunk]


class TurnChangesView(Wire, frozen=True):
    """`before` and `after` are checkpoints, null where the turn changed nothing."""

    turn_id: str
    before: str | None
    after: str | None
    files: list[ChangedFile]


class CallOutputParams(Params, frozen=True):
    session_id: str | None = None
    """An id of a session. The last one used if not given."""
    call_id: str | None = None
    """The `callId` of a tool call that ended. The last one if not given."""


class CallOutputView(Wire, frozen=True):
    """What a tool call gave back, as the model read it. `ok` is false where it failed."""

    text: str
    ok: bool
