"""Where a rollback goes that names no checkpoint, and what an undo that names no session undoes besides conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.agent.session.sessions import Sessions
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.server.state import ServerState

LOOKED_AT = 20
"""Checkpoints that are compared with the present, at most."""
REWRITES_LOOKED_AT = 20


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


async def rewrites(sessions: Sessions) -> list[str]:
    """Return the sessions of the newest rewrites of passages (`mazu.edit`), the last first; undone ones, too."""
    from mazu_ls.agent.jobs.rewrite import OF_REWRITE

    found = [one for one in await sessions.list() if one.aside and one.name.startswith(OF_REWRITE)]
    return [one.id for one in found[:REWRITES_LOOKED_AT]]


async def standing_rewrite(sessions: Sessions) -> str | None:
    """Return the session of the newest rewrite that changed a file and is not undone; None if the session used last had a turn
    since."""
    from mazu_ls.agent.session.journal_views import last_started
    from mazu_ls.agent.session.undo import find_turn
    from mazu_ls.journal import journal

    try:
        since = await sessions.last_started(await sessions.last_used())
    except MazuError:  # there is none
        since = None
    for id in await rewrites(sessions):
        events = await sessions.events(id)
        started = last_started(events)
        turn = find_turn(events)
        if started is None or turn is None or turn[2] is None:
            continue
        if since is not None and started < since:
            return None
        ended = [event.body for event in events if isinstance(event.body, journal.TurnEnded)]
        if ended and ended[-1].stop_reason == "end_turn":
            return id
    return None
