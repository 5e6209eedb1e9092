"""`mazu-ls compare A B`: what differs between two checkpoints, or between what two conversations came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.terminal.screen.printing import print_json

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.host import TerminalHost


async def run(server: ServerState, host: TerminalHost, given: argparse.Namespace) -> int:
    """Print the difference as files, memories and a patch; nothing is changed."""
    from mazu_ls.server.commands import execute
    from mazu_ls.terminal import show

    listed = await execute(server, "mazu.checkpoint.list", [{"limit": 10_000}])
    first, second = (_checkpoint(name, listed["checkpoints"]) for name in (given.first, given.second))
    result = await execute(server, "mazu.checkpoint.diff", [{"id": first, "against": second}])
    if getattr(given, "json", False):
        print_json(result)
    else:
        show.result("mazu.checkpoint.diff", result)
    return 0


def _checkpoint(name: str, checkpoints: list[dict[str, Any]]) -> str:
    """The checkpoint that a name means: its id, its label, or a session whose newest checkpoint it is."""
    if name == "now" or any(one["id"] == name for one in checkpoints):
        return name
    for one in checkpoints:  # newest first
        if name in (one["label"], one["sessionId"]):
            return str(one["id"])
    raise MazuError(
        Kind.NOT_FOUND,
        f"There is no checkpoint, label or conversation {name!r}.",
        "See mazu-ls checkpoint list.",
    )
