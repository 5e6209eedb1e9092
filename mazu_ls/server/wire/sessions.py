"""Sessions and their transcripts over the wire: arguments and results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType, structs

from mazu_ls.messages import Usage
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Count, PageSize, Positive, SessionName, Text

if TYPE_CHECKING:
    from mazu_ls.agent.session.journal_views import SessionInfo, TurnRecord


class SessionParams(Params, frozen=True):
    """One session; without `session_id` the last used one."""

    session_id: str | None = None
    """An id of a session. The last one used if not given."""


class ListSessionsParams(SessionParams, frozen=True):
    deleted: bool = False
    """List the deleted ones that can be restored instead."""


class NewSessionParams(SessionParams, frozen=True):
    name: str = ""


class ShowSessionParams(SessionParams, frozen=True):
    turns: Positive | None = None
    """How many turns."""


class RewindParams(SessionParams, frozen=True):
    turns: Positive = 1
    """How many turns."""
    turn_id: str | None = None


class RenameSessionParams(Params, frozen=True):
    name: SessionName
    """The new name."""
    session_id: str | None = None
    """An id of a session. The last one used if not given."""


class SearchSessionsParams(Params, frozen=True):
    query: Text
    """Words to search for."""
    limit: Positive = 20
    """Return at most this many."""


class ForkSessionParams(SessionParams, frozen=True):
    turn_id: str | None = None
    """Up to before this turn, which may have been undone."""
    with_turn: bool = False
    """That turn too."""
    name: str = ""
    """Its name."""


class TranscriptParams(SessionParams, frozen=True):
    uri: str | None = None
    """A file."""


class QueueParams(SessionParams, frozen=True):
    remove: str | None = None


class SessionEventsParams(SessionParams, frozen=True):
    """`after`: the `seq` of the journal behind which a page begins."""

    after: Count = 0
    limit: PageSize = 500


class CompactParams(SessionParams, frozen=True):
    wait: bool = False


class SessionSummary(Wire, frozen=True):
    """What a list shows. `state`: "running", "waiting", "idle", "ended". `interrupted`: the last turn was broken off. `aside`: no chat, but a
    question, a rewrite, a run or a member of a council."""

    id: str
    name: str
    created_at: str
    updated_at: str
    turn_count: int
    state: str
    model: str | None
    usage: Usage
    interrupted: bool
    aside: bool

    @classmethod
    def from_info(cls, info: SessionInfo) -> SessionSummary:
        """The wire form of a session's description."""
        return cls(
            info.id,
            info.name,
            info.created_at,
            info.updated_at,
            info.turns,
            info.state,
            info.model,
            info.usage,
            info.interrupted,
            info.aside,
        )


class SessionList(Wire, frozen=True):
    """The last used first; `current` is the one meant when none is named."""

    sessions: list[SessionSummary]
    current: str | None


class ToolCallView(Wire, frozen=True):
    """A tool call of a turn."""

    tool: str
    arguments: dict[str, Any]
    verdict: str
    outcome: str


class TurnView(Wire, frozen=True):
    """One turn of a transcript."""

    id: str
    at: str
    kind: str
    model: str
    message: str
    reply: str
    stop_reason: str
    detail: str
    calls: list[ToolCallView]
    checkpoints: list[str]
    usage: Usage


class SessionView(SessionSummary, frozen=True):
    """A session with its turns, oldest first. `compacted`: whether `mazu.session.compact` replaced anything."""

    turns: list[TurnView]
    compacted: bool | UnsetType = UNSET

    @classmethod
    def with_turns(cls, info: SessionInfo, turns: list[TurnRecord]) -> SessionView:
        """The wire form of a session and its transcript."""
        return cls(
            **structs.asdict(SessionSummary.from_info(info)), turns=[_turn(record) for record in turns]
        )


def _turn(record: TurnRecord) -> TurnView:
    return TurnView(
        record.id, record.at, record.kind, record.model, record.user, record.reply, record.stop_reason, record.detail,
        [ToolCallView(call.tool, call.arguments, call.verdict, call.outcome) for call in record.calls],
        record.checkpoints, record.usage,
    )  # fmt: skip


class EventView(Wire, frozen=True):
    """One stored event. `live`: it is on the way from the root of the conversation to `head`."""

    seq: int
    parent: int
    at: str
    turn_id: str | None
    live: bool
    update: dict[str, Any]


class PartialMessageView(Wire, frozen=True):
    """What has streamed of a message that is not finished."""

    message: str
    thought: str


class EventPage(Wire, frozen=True):
    """A page of a session's events. `updates` is the `seq` of the last `mazu/session/update` of the same moment."""

    session_id: str
    name: str
    head: int
    last: int
    events: list[EventView]
    next: int | None
    updates: int
    partial: PartialMessageView | None
    state: str


class TranscriptText(Wire, frozen=True):
    """A conversation as Markdown; `uri` where it was written to a file, `text` otherwise."""

    text: str | None
    uri: str | None


class QueuedMessageView(Wire, frozen=True):
    """A message that waits."""

    queue_id: str
    text: str


class QueuedMessages(Wire, frozen=True):
    """Messages that are sent when the running turn has ended, in their order."""

    queued: list[QueuedMessageView]
