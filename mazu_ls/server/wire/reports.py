"""Usage, audit and status over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType, field

from mazu_ls.messages import Usage
from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Amount, Positive


class UsageParams(Params, frozen=True):
    session_id: str | None = None
    """An id of a session. All sessions of the project if not given."""
    since_days: Amount | None = None
    """Count only the last days, this many."""


class UsageReport(Wire, frozen=True):
    """By `provider:model`; `cost_usd` is null where a price is not known, never 0."""

    by_model: dict[str, Usage]
    total: Usage
    cost_usd: float | None


class AuditParams(Params, frozen=True):
    limit: Positive = 100
    """Return at most this many."""
    session_id: str | None = None
    """An id of a session. The last one used if not given."""


class AuditEntryView(Wire, frozen=True):
    """One tool call: what was asked for, who decided how, what came of it; `answered_in`: the client in which the user decided."""

    at: str
    session_id: str
    tool: str
    arguments: dict[str, Any]
    verdict: str
    reason: str
    decided_by: str
    outcome: str
    answered_in: str | None


class AuditReport(Wire, frozen=True):
    """Newest first; secrets are redacted."""

    entries: list[AuditEntryView]


class RunningSessionView(Wire, frozen=True):
    session_id: str
    name: str
    state: str


class RunningElsewhereView(Wire, frozen=True):
    """A turn that runs in another process, which may be `suspended` (Ctrl-Z); `client`: what that process is to people."""

    session_id: str
    client: str
    pid: int
    suspended: bool


class MemoryStatusView(Wire, frozen=True):
    """`reason` where memory is not `available`, else counts by scope, and how many proposals wait to be accepted. `notice`: why
    memories are not found as they are set up to be, empty if they are."""

    available: bool
    reason: str | UnsetType = UNSET
    project: dict[str, Any] | UnsetType | None = UNSET
    common: dict[str, Any] | UnsetType = field(default=UNSET, name="global")
    waiting: int = 0
    notice: str = ""


class CheckpointStatusView(Wire, frozen=True):
    """`reason` where checkpoints are not `available`. `bytes` on the disk, at most `max_bytes`.

    `damaged`: what was quarantined; `rescued`: files that were saved from being overwritten.
    """

    available: bool
    reason: str | UnsetType = UNSET
    count: int | UnsetType = UNSET
    bytes: int | UnsetType = UNSET
    max_bytes: int | UnsetType = UNSET
    current: str | UnsetType | None = UNSET
    damaged: list[str] | UnsetType = UNSET
    rescued: list[str] | UnsetType = UNSET


class SandboxStatusView(Wire, frozen=True):
    """What a command is confined by, and why."""

    setting: str
    kind: str
    why: str


class McpServerView(Wire, frozen=True):
    """`tools` can be called; `waiting` are new or changed and need the user. `detail`: why it is not connected."""

    name: str
    state: Literal["not_agreed", "starting", "connected", "reconnecting", "failed", "stopped"]
    tools: int
    waiting: list[str]
    detail: str


class ConnectedClientView(Wire, frozen=True):
    """`pid` is null where the client did not say."""

    kind: Literal["editor", "terminal"]
    name: str
    pid: int | None
    since: str


class InterruptedSessionView(Wire, frozen=True):
    """The session used last, whose last turn was broken off."""

    session_id: str
    name: str


class StatusView(Wire, frozen=True):
    """One object for status bars. `keys`: of which providers a key is there; `pid`: of the server."""

    version: str
    model: str | None
    mode: Literal["ask", "auto", "plan", "bypass"]
    session: str | None
    running: list[RunningSessionView]
    running_elsewhere: list[RunningElsewhereView]
    interrupted: InterruptedSessionView | None
    jobs: list[str]
    memory: MemoryStatusView
    checkpoints: CheckpointStatusView
    keys: dict[str, bool]
    git: bool
    sandbox: SandboxStatusView
    mcp_servers: list[McpServerView]
    folders: list[str]
    warnings: list[str]
    log: str
    pid: int
    clients: list[ConnectedClientView]
