"""`mazu-ls compare A B`: the differences between two checkpoints, or between the ends of two conversations."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.terminal.screen.printing import print_json, print_text

if TYPE_CHECKING:
    import argparse

    from mazu_ls.server.state import ServerState
    from mazu_ls.terminal.chat.chat_session import Execute
    from mazu_ls.terminal.host import TerminalHost

OF_CHECKPOINTS, OF_COMPARE = "checkpoint or label", "checkpoint, label or conversation"
"""What a name may refer to."""
LISTED = {"limit": 10_000}
"""Maximum number of checkpoints among which a name is looked up."""


async def run(server: ServerState, host: TerminalHost, given: argparse.Namespace) -> int:
    """Print the differences as files, memories and a patch; nothing is changed."""
    from mazu_ls.server.commands import execute
    from mazu_ls.terminal import show

    listed = await execute(server, "mazu.checkpoint.list", [LISTED])
    first, second = (
        find_checkpoint(name, listed["checkpoints"], OF_COMPARE) for name in (given.first, given.second)
    )
    result = await execute(server, "mazu.checkpoint.diff", [{"id": first, "against": second}])
    if second == "now":
        await note_unsaved(server)
    if getattr(given, "json", False):
        print_json(result)
    else:
        show.result("mazu.checkpoint.diff", result)
    return 0


async def note_unsaved(server: ServerState) -> None:
    """Name the files whose unsaved text an editor of another process holds: it is not compared."""
    from mazu_ls.server.documents.unsaved_elsewhere import names_elsewhere

    if names := await names_elsewhere(server.unsaved, server.workspace):
        print_text(f"Not compared: unsaved text of another editor in {', '.join(names)}.", sys.stderr)


async def checkpoint_named(execute: Execute, name: str, *, kind: str = OF_CHECKPOINTS) -> str:
    """Return the id of the checkpoint with this id, label or title. Raises MazuError if there is none, or several."""
    if re.fullmatch(r"cp_\d+", name):
        return name
    listed = await execute("mazu.checkpoint.list", LISTED)
    return find_checkpoint(name, listed["checkpoints"], kind)


def find_checkpoint(name: str, checkpoints: list[dict[str, Any]], kind: str = OF_CHECKPOINTS) -> str:
    """Return the id of the one meant among these, newest first: an id, a label, a title, or with `OF_COMPARE` a session. Raises
    MazuError."""
    if name == "now" or any(one["id"] == name for one in checkpoints):
        return name
    of_label = [str(one["id"]) for one in checkpoints if one["label"] == name]
    if labelled := of_label or [str(one["id"]) for one in checkpoints if one.get("title") == name]:
        if len(labelled) > 1:
            several = f"{len(labelled)} checkpoints are called {name!r}: {', '.join(labelled[:9])}."
            raise MazuError(Kind.CONFLICT, several, "Name one by its id.")
        return labelled[0]
    if kind == OF_COMPARE:
        for one in checkpoints:  # newest first
            if one["sessionId"] == name:
                return str(one["id"])
    raise MazuError(Kind.NOT_FOUND, f"There is no {kind} {name!r}.", "See mazu.checkpoint.list.")
