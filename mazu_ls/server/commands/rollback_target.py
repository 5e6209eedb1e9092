"""Where a rollback goes that names no checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.server.state import ServerState

LOOKED_AT = 20
"""Checkpoints that are compared with the present, at most."""


async def last_differing(
    server: ServerState, checkpoints: Checkpoints, only: Sequence[str] = (), paths: Sequence[str] = ()
) -> str:
    """Return the newest checkpoint that was taken by name, or before a turn, from which a file differs; else a memory.

    Of the files only `paths` count, if there are any, and of the parts only those in `only`. Never one that a rollback
    took of what it replaced: going there would bring that back. Raises MazuError(not_found).
    """
    found, _ = await checkpoints.list(200)
    if not found:
        raise MazuError(Kind.NOT_FOUND, "There is no checkpoint yet.", "Take one with mazu.checkpoint.")
    buffers = await server.host.buffers()
    of_memory = ""
    for one in [each for each in found if each.kind in ("manual", "baseline")][:LOOKED_AT]:
        changed = await checkpoints.diff(one.id, "now", paths, buffers)
        if changed.files and (not only or "code" in only or "buffers" in only):
            return one.id
        learned = changed.memories
        if (
            not paths
            and (not only or "memory" in only)
            and (learned.added or learned.changed or learned.removed)
        ):
            of_memory = of_memory or one.id
    if of_memory:
        return of_memory
    raise MazuError(
        Kind.NOT_FOUND,
        "Nothing differs from the checkpoints that you took, or that were taken before a turn.",
        "To go to another one, name it: see mazu.checkpoint.list.",
    )
