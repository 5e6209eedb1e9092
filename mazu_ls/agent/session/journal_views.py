"""Views of the journals: transcripts, the audit log of tool calls, usage and cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from mazu_ls.journal import journal
from mazu_ls.messages import Usage


class ToolCallRecord(Struct):
    """One tool call: its arguments, who decided how, its result."""

    at: str
    session_id: str
    tool: str
    arguments: dict[str, Any]
    verdict: str = "none"
    reason: str = ""
    decided_by: str = "nobody"
    outcome: str = "no result recorded"
    answered_in: str | None = None


class TurnRecord(Struct):
    """One turn of a transcript."""

    id: str
    at: str
    kind: str
    model: str
    user: str = ""
    reply: str = ""
    stop_reason: str = ""
    detail: str = ""
    calls: list[ToolCallRecord] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


class SessionInfo(Struct, frozen=True):
    """What lists show of a session. `state` is "running", "waiting" (for an answer), "idle" or "ended".

    `interrupted`: its last turn was interrupted, and the user has not decided on that yet.
    """

    id: str
    name: str
    created_at: str
    updated_at: str
    turns: int
    state: str
    model: str | None
    usage: Usage
    aside: bool = False
    interrupted: bool = False


class Spending(Struct):
    """Usage by `provider:model`, and the total."""

    by_model: dict[str, Usage] = field(default_factory=dict)

    @property
    def total(self) -> Usage:
        """The sum; its cost is unknown (None) as soon as one part's is."""
        return sum(self.by_model.values(), Usage())

    def add(self, model: str, usage: Usage) -> None:
        """Add usage; a session without any gets no line."""
        if not usage.model_calls and not usage.tokens:
            return
        self.by_model[model] = self.by_model.get(model, Usage()) + usage


def transcript(session_id: str, events: Sequence[journal.Event]) -> list[TurnRecord]:
    """Return the turns of a conversation, oldest first."""
    turns: list[TurnRecord] = []
    calls: dict[str, ToolCallRecord] = {}
    for event in events:
        body = event.body
        if isinstance(body, journal.TurnStarted):
            turns.append(TurnRecord(event.turn or "", event.at, body.kind, body.model))
            calls = {}
        if not turns:
            continue
        turn = turns[-1]
        match body:
            case journal.UserSaid(_, shown) if shown:
                turn.user = shown
            case journal.ModelSaid(message, _, usage):
                turn.reply = message.text or turn.reply
                turn.usage += usage
            case journal.CheckpointTaken(id):
                turn.checkpoints.append(id)
            case journal.TurnEnded(stop_reason, reply, usage, detail):
                turn.stop_reason, turn.reply, turn.usage, turn.detail = stop_reason, reply, usage, detail
            case journal.CallStarted():
                turn.calls.append(_started(calls, session_id, event.at, body))
            case _:
                _follow(calls, body)
    return turns


def describe(events: Sequence[journal.Event], session_id: str, head: int) -> SessionInfo:
    """Describe a session from its journal. Its turns are those that lead to `head`; the cost includes all branches."""
    name, model, turns, usage, ended, aside = "", None, 0, Usage(), False, False
    standing = {event.seq for event in journal.branch_events(events, head)}
    for event in events:
        here = event.seq in standing
        match event.body:
            case journal.SessionStarted(called, beside):
                name, aside = called, beside
            case journal.SessionNamed(called):
                name = called or name
            case journal.ModelChosen(chosen) if here:
                model = chosen
            case journal.TurnStarted(_, used_model) if here:
                turns, ended, model = turns + 1, False, used_model or model
            case journal.ModelSaid(_, _, used) | journal.Compacted(_, _, used):
                usage += used
            case journal.SessionEnded() if here:
                ended = True
    created = events[0].at if events else ""
    return SessionInfo(
        session_id, name, created, events[-1].at if events else "", turns,
        "ended" if ended else "idle", model, usage, aside,
    )  # fmt: skip


def audit(paths: Iterable[Path], limit: int) -> list[ToolCallRecord]:
    """Return the newest tool calls of these journals, newest first, refused ones included."""
    records: list[ToolCallRecord] = []
    for path in paths:
        calls: dict[str, ToolCallRecord] = {}
        for event in journal.read(path):
            if isinstance(event.body, journal.CallStarted):
                records.append(_started(calls, path.stem, event.at, event.body))
            else:
                _follow(calls, event.body)
    return sorted(records, key=lambda record: record.at, reverse=True)[:limit]


def total_usage(paths: Iterable[Path], since_days: float | None = None) -> Spending:
    """Return what the model calls in these journals used, rewound branches included, since they were paid for."""
    since = (datetime.now(UTC) - timedelta(days=since_days)).isoformat() if since_days is not None else ""
    found = Spending()
    for path in paths:
        for model, usage in _spent(path, since):
            found.add(model, usage)
    return found


def _spent(path: Path, since: str) -> Iterator[tuple[str, Usage]]:
    model = "unknown"
    for event in journal.read(path):
        match event.body:
            case journal.ModelChosen(chosen) | journal.TurnStarted(_, chosen):
                model = chosen or model
            case journal.ModelSaid(message, _, usage) if event.at >= since and usage.model_calls:
                yield message.model or model, usage
            case journal.Compacted(_, _, usage) if event.at >= since:
                yield model, usage
            case journal.UsageRecorded(spender, usage) if event.at >= since:
                yield spender, usage


def _started(
    calls: dict[str, ToolCallRecord], session_id: str, at: str, body: journal.CallStarted
) -> ToolCallRecord:
    record = ToolCallRecord(at, session_id, body.tool, body.arguments)
    calls[body.call_id] = record
    return record


def _follow(calls: dict[str, ToolCallRecord], body: journal.Body) -> None:
    match body:
        case journal.CallDecided(id, verdict, reason, decided_by, arguments, answered_in) if id in calls:
            calls[id].answered_in = answered_in
            calls[id].arguments = arguments or calls[id].arguments
            calls[id].verdict, calls[id].reason, calls[id].decided_by = verdict, reason, decided_by
        case journal.CallEnded(id, ok, summary) if id in calls:
            calls[id].outcome = summary if ok or summary.startswith("error") else f"failed: {summary}"


def last_started(events: Sequence[journal.Event]) -> datetime | None:
    """Return when the last turn of a conversation began; None if there is none."""
    starts = (event.at for event in reversed(events) if isinstance(event.body, journal.TurnStarted))
    at = next(starts, None)
    return datetime.fromisoformat(at) if at else None
