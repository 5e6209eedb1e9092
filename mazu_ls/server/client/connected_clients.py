"""The clients of a server: the editor it was started by, and other processes on the live socket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mazu_ls.host import MAX_LABEL_CHARS
from mazu_ls.workspace.visible_text import make_line


@dataclass(frozen=True, eq=False)
class ConnectedClient:
    """One client. `pid` is None if it did not say; `since` is in seconds since 1970."""

    kind: Literal["editor", "terminal"]
    name: str
    pid: int | None
    since: float

    @property
    def place(self) -> str:
        """Return where an answer was given, for the audit log: the client's own name, and the process id from the
        kernel."""
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
