"""The records of memory, as the rest of the server sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

Scope = Literal["project", "global"]
Category = Literal[
    "decision",
    "convention",
    "mistake",
    "task_outcome",
    "fact",
    "user_preference",
    "wiki",
    "summary",
    "trait",
    "relation",
]
Source = Literal["user", "agent", "extracted", "consolidated", "imported", "shared"]
State = Literal["current", "check", "superseded", "archived"]
Kind = Literal["memory", "page", "summary", "trait", "relation"]
Outcome = Literal["created", "duplicate", "superseded"]

CATEGORIES = ("decision", "convention", "mistake", "task_outcome", "fact", "user_preference")
"""The categories that the user and the agent may choose; `wiki`, `summary`, `trait`, `relation` mark the other kinds."""
SOURCES = ("user", "agent", "extracted", "consolidated", "imported", "shared")
STATES = ("current", "check", "superseded", "archived")
SCOPES = ("project", "global")


ONLY_NEAREST = "no match, only the nearest in meaning"
"""Why a memory was recalled that matches neither by words nor by meaning; `Memory.why` begins with it."""


class TextRange(Struct, frozen=True, order=True):
    """0-based lines and characters, as in LSP; the end is exclusive."""

    start_line: int
    start_character: int = 0
    end_line: int = 0
    end_character: int = 0


class MemoryAnchor(Struct, frozen=True):
    """The code a memory is about. `evidence` is a hash of that code (see anchors.py), None if there was none to hash."""

    path: str
    symbol: str = ""
    range: TextRange | None = None
    state: Literal["fresh", "moved", "stale"] = "fresh"
    evidence: str | None = None


class AnchorRequest(Struct, frozen=True):
    """Where to anchor a memory: a path from the workspace root, a range, and the document's text for the evidence."""

    path: str
    range: TextRange | None = None
    symbol: str = ""
    text: str | None = None


class Memory(Struct, frozen=True, kw_only=True):
    """One remembered thing. `id` starts with `m_` in the project and `g_` in the global store.

    `kind` and `key` distinguish wiki pages (slug), session summaries (session id), traits (name) and relations.
    `origin` names the file or URL that untrusted text came from. `shared` is its id in team memory, `author` who wrote
    it there unless that was on this machine. `score` and `why` are set by recall only.
    """

    id: str
    scope: Scope
    category: Category
    title: str
    body: str = ""
    tags: tuple[str, ...] = ()
    pinned: bool = False
    source: Source = "user"
    state: State = "current"
    strength: float = 1.0
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None = None
    use_count: int = 0
    supersedes: str | None = None
    superseded_by: str | None = None
    anchors: tuple[MemoryAnchor, ...] = ()
    session_id: str | None = None
    origin: str | None = None
    shared: str | None = None
    author: str | None = None
    kind: Kind = "memory"
    key: str | None = None
    score: float | None = None
    why: str | None = None


def matches(memory: Memory) -> bool:
    """Return whether a recalled memory was found by words, meaning or place, and is not merely the nearest one."""
    return not (memory.why or "").startswith(ONLY_NEAREST)


class RememberOutcome(Struct, frozen=True):
    """The outcome of `remember`; `replaced` is the memory that it superseded, `alike` up to three live ones that may not hold beside
    it: they contradict it in the other scope, or differ from it in one thing only."""

    memory: Memory
    outcome: Outcome
    replaced: Memory | None = None
    alike: tuple[Memory, ...] = ()


def micros(at: datetime) -> int:
    """Return a time as it is stored: microseconds since 1970, UTC."""
    return round(at.timestamp() * 1_000_000)


def moment(stored: int) -> datetime:
    """Return a stored time as a datetime; the inverse of `micros`."""
    return datetime.fromtimestamp(stored / 1_000_000, UTC)


def now() -> datetime:
    """Return the present, UTC."""
    return datetime.now(UTC)


def identifier(scope: str, n: int) -> str:
    """Return an id such as `m_000012` or `g_000012`: short, sortable, and showing the scope."""
    return f"{'g' if scope == 'global' else 'm'}_{n:06d}"


class MemoryEntry(Struct, frozen=True, kw_only=True):
    """One row as it is stored, with its anchors; times in microseconds, other entries by number."""

    n: int | None = None
    kind: str = "memory"
    key: str | None = None
    category: str = "fact"
    title: str
    body: str = ""
    tags: tuple[str, ...] = ()
    pinned: bool = False
    source: str = "user"
    origin: str | None = None
    state: str = "current"
    supersedes: int | None = None
    superseded_by: int | None = None
    session_id: str | None = None
    created_at: int = 0
    updated_at: int = 0
    details: dict[str, Any] | None = None
    anchors: tuple[MemoryAnchor, ...] = ()
