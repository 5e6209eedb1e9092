"""The commands that a server does for another process of its user. Nothing is imported: short commands read this first."""

from __future__ import annotations

from collections.abc import Mapping

SHOWING = frozenset(
    f"mazu.{name}"
    for name in (
        "status", "recall", "usage", "audit", "memory.list", "memory.why", "memory.stats", "memory.trait.list", "wiki.list",
        "wiki.show", "wiki.search", "graph.show", "session.list", "session.search", "checkpoint", "checkpoint.list",
        "checkpoint.diff", "checkpoint.file",
    )
)  # fmt: skip
"""What every client of this user may ask for. `mazu.checkpoint` adds a checkpoint and changes nothing else."""
PREVIEWED = frozenset(("mazu.rollback", "mazu.undo"))
"""What it may ask for with `preview` alone, an undo with its `sessionId` too: another process has another current session."""


def is_served(command: str, arguments: Mapping[str, object]) -> bool:
    """Whether a server does this for another process."""
    if command == "mazu.undo" and not isinstance(arguments.get("sessionId"), str):
        return False
    return command in SHOWING or (command in PREVIEWED and arguments.get("preview") is True)
