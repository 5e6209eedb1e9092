"""`mazu-ls proposals review`: pending edits, one hunk after the other, each accepted, rejected or left."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from mazu_ls.server.commands import execute
from mazu_ls.terminal import show
from mazu_ls.terminal.chat.interrupt import stoppable
from mazu_ls.terminal.surfaces.standard_lines import read_line

if TYPE_CHECKING:
    from mazu_ls.server.state import ServerState

KEYS = "[y]es, [n]o (and why), [s]kip, [a]ll remaining, [q]uit? "


async def review(server: ServerState) -> int:
    """Ask about each hunk; the exit status is 1 if one could not be accepted."""
    waiting = (await execute(server, "mazu.proposal.list", [{}]))["proposals"]
    if not waiting:
        show.result("mazu.proposal.list", {"proposals": []})
    failed = False
    while waiting:
        proposal = waiting[0]
        show.proposal(proposal)
        key, note = await _answer()
        match key:
            case "y":
                failed |= not await _accept(server, [proposal["id"]])
            case "a":
                return 0 if await _accept(server, [one["id"] for one in waiting]) and not failed else 1
            case "n":
                await execute(server, "mazu.proposal.reject", [{"ids": [proposal["id"]], "note": note}])
            case "s":
                pass
            case _:
                break
        waiting = waiting[1:]
    return 1 if failed else 0


async def _accept(server: ServerState, ids: list[str]) -> bool:
    result: dict[str, Any] = await execute(server, "mazu.proposal.accept", [{"ids": ids}])
    show.result("mazu.proposal.accept", result)
    return not result["problems"]


async def _answer() -> tuple[str, str]:
    """Return the key, and what follows it; the end of the input and Ctrl-C are "q"."""
    sys.stderr.write(KEYS)
    sys.stderr.flush()
    try:
        line = (await stoppable(read_line())).strip()
    except asyncio.CancelledError:
        return "q", ""
    key, _, note = line.partition(" ")
    return key[:1].lower() or "q", note.strip()
