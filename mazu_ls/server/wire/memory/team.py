"""Team memory over the wire (docs/protocol.md, section 2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mazu_ls.server.wire.codec import Params, Wire
from mazu_ls.server.wire.common import Scope
from mazu_ls.server.wire.memory.memories import MemoryView


class ShareParams(Params, frozen=True):
    """Memories of the project."""

    ids: tuple[str, ...]
    """Ids of memories, as they are listed."""


class SyncParams(Params, frozen=True):
    """`remote`: a URL, a path, a remote of the repository, or "none" for the folder; the last one if not given."""

    remote: str | None = None
    """A URL, a path or a remote of this repository, kept for the next time; "none" for the folder."""
    pull: bool = False
    """Send and write nothing."""
    accept: bool = False
    """Accept everything that the folder proposes."""


class ShowMemoryParams(Params, frozen=True):
    id: str
    """An id."""
    scope: Scope | None = None
    """Of this project, or of all projects."""


class NotSharedView(Wire, frozen=True):
    id: str
    why: str


class ShareResult(Wire, frozen=True):
    """`refused` are those that were not shared; `remote` is where the next sync sends them, null for the folder."""

    memories: list[MemoryView]
    refused: list[NotSharedView]
    remote: str | None


class SyncView(Wire, frozen=True):
    """Memories sent and received, entries removed here; `waiting` are proposals of the folder (mazu.memory.import.proposals),
    `hint` a sentence on what else to do."""

    place: str
    sent: int
    received: int
    removed: int
    waiting: int
    refused: list[NotSharedView]
    problems: list[str]
    hint: str


class MemoryVersionView(Wire, frozen=True):
    """A value that somebody gave a field of a shared memory; `holds` is the one that counts."""

    field: str
    value: Any
    at: datetime
    by: str
    holds: bool


class ShownMemory(Wire, frozen=True):
    """`text` is the memory as Markdown; `chain` what it superseded, newest first; `versions` its history in team memory."""

    memory: MemoryView
    text: str
    chain: list[MemoryView]
    versions: list[MemoryVersionView]
