"""Who is connected to a server: the editor it was started by, and other processes that ask on the live socket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mazu_ls.host import MAX_LABEL_CHARS
from mazu_ls.workspace.visible_text import make_line


@dataclass(frozen=True, eq=False)
class ConnectedClient:
    """One client. `pid` is None where it did not say; `since` is in seconds since 1970."""

    kind: Literal["editor", "terminal"]
    name: str
    pid: int | None
    since: float

    @property
    def place(self) -> str:
        """Where an answer was given, for the audit: its name for itself, and the kernel's number for its process."""
        name = (
            "a terminal"
            if self.kind == "terminal"
            else make_line(self.name, MAX_LABEL_CHARS) or "another editor"
        )
        return name if self.pid is None else f"{name} (pid {self.pid})"

    @property
    def connected_at(self) -> str:
        """`since` as RFC 3339."""
        return datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
