"""What to roll back: what was asked for, where a rollback goes that names no checkpoint, and what undo and redo revert that
name no session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.agent.session.sessions import Sessions
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import OnConflict, Section
    from mazu_ls.checkpoints.store.schema import PastRollback
    from mazu_ls.server.client.rollback_question import RestoreKind
    from mazu_ls.server.state import ServerState
    from mazu_ls.server.wire.checkpoints import OwnWork

LOOKED_AT = 20
"""Checkpoints that are compared with the present, at most."""
REWRITES_LOOKED_AT = 20


@dataclass(frozen=True)
class Wanted:
    """What to roll back. `answer`: what the user said beforehand; None: they are asked about conflicts.

    `undo`: of one session's turns, so that only its agent's changes count. `redo_of`: the rollback to revert.
    """

    only: tuple[Section, ...] = ()
    paths: tuple[str, ...] = ()
    preview: bool = False
    answer: OwnWork | None = None
    session: str | None = None
    undo: bool = False
    redo_of: PastRollback | None = None

    @property
    def first(self) -> OnConflict:
        """Return what is tried before anybody is asked."""
        if self.answer in ("keep", "overwrite"):
            return "agents" if self.undo and self.answer == "overwrite" else self.answer
        return "spare" if self.leaves_users_work else "ask"

    @property
    def kind(self) -> RestoreKind:
        """Return what the user does, in the words of the question."""
        return "undo" if self.undo else "redo" if self.redo_of is not None else "rollback"

    @property
    def leaves_users_work(self) -> bool:
        """Return whether files that only the user changed stay without a question: undo and redo concern the agent's
        work alone."""
        return self.undo or self.redo_of is not None


async def last_differing(
    server: ServerState, checkpoints: Checkpoints, only: Sequence[str] = (), paths: Sequence[str] = ()
) -> str:
    """Return the newest checkpoint that was taken by name, or before a turn, from which a file differs, or a memory that a rollback
    would revert; else one from which the user's own memories differ.

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
        files = [file for file in changed.files if file.path not in changed.unheld]
        if files and (not only or "code" in only or "buffers" in only):
            return one.id
        learned = changed.memories
        if (
            not paths
            and (not only or "memory" in only)
            and (learned.added or learned.changed or learned.removed)
        ):
            if not of_memory and await _reverts_memories(checkpoints, one.id):
                return one.id
            of_memory = of_memory or one.id
    if of_memory:
        return of_memory
    raise MazuError(
        Kind.NOT_FOUND,
        "Nothing differs from the checkpoints that you took, or that were taken before a turn.",
        "To go to another one, name it: see mazu.checkpoint.list.",
    )


async def _reverts_memories(checkpoints: Checkpoints, id: str) -> bool:
    """Return whether a rollback to this checkpoint would change memories that an agent or consolidation changed: not what the user
    did, or what nobody did."""
    plan = (await checkpoints.plan(id, only=("memory",), on_conflict="merge")).preview().plan
    counts = plan.memories
    return counts.added + counts.changed + counts.removed > plan.automatic_memories


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


async def revertible(
    checkpoints: Checkpoints, sessions: Sessions, session: str | None, *, named: bool
) -> PastRollback:
    """Return the last undo or rollback of `session`, or of everything, that was not redone; where the session was not
    `named`, of a rewrite, too, or of another conversation if no turn of `session` began since.

    Raises MazuError: not_found, which then names another conversation that has one, or conflict where a conversation that it
    changed continued since.
    """
    others = [] if named else await rewrites(sessions)
    if not named and (found := await _last_elsewhere(checkpoints, sessions, session, others)) is not None:
        return found
    own = [session] if session else []
    found = await checkpoints.last_rollback(*own, *others)
    if found is None:
        where = None if named else await _reverted_elsewhere(checkpoints, sessions)
        raise MazuError(
            Kind.NOT_FOUND,
            "Nothing to redo: there is no undo or rollback that was not redone already."
            if where is None
            else "There is nothing to redo in the last conversation.",
            where or "mazu.checkpoint.list shows what can be rolled back to.",
        )
    if await _continued(checkpoints, sessions, found, session):
        raise MazuError(
            Kind.CONFLICT, "The conversation continued after that undo, so it cannot be redone.",
            f"Rolling back to {found.safety} restores the state before the undo.",
        )  # fmt: skip
    return found


async def _last_elsewhere(
    checkpoints: Checkpoints, sessions: Sessions, session: str | None, rewritten: Sequence[str]
) -> PastRollback | None:
    """Return the last undo of all, those of rewrites too, if it is of another conversation than `session` and neither went on since."""
    conversations = [one.id for one in await sessions.list() if not one.aside]
    found = await checkpoints.last_rollback(*conversations, *rewritten)
    if found is None or found.session in (None, session, *rewritten):
        return None
    taken = (await checkpoints.get(found.safety)).created_at
    started = None if session is None else await sessions.last_started(session)
    if (started is not None and started > taken) or await _continued(
        checkpoints, sessions, found, found.session
    ):
        return None
    return found


async def _continued(
    checkpoints: Checkpoints, sessions: Sessions, found: PastRollback, session: str | None
) -> bool:
    """Return whether a turn began since in one of the conversations that were moved; an old record does not name them."""
    taken = (await checkpoints.get(found.safety)).created_at
    moved = set(found.conversations or ())
    moves = "conversation" in found.only or not found.only
    if session and (found.conversations is None or (found.session == session and moves)):
        moved.add(session)
    begun = [await sessions.last_started(id) for id in moved]
    return any(started is not None and started > taken for started in begun)


async def _reverted_elsewhere(checkpoints: Checkpoints, sessions: Sessions) -> str | None:
    """Return a sentence about the conversation whose undo can be redone; None if there is none."""
    names = {one.id: one.name for one in await sessions.list()}
    found = await checkpoints.last_rollback(*names)
    if (
        found is None
        or found.session is None
        or await _continued(checkpoints, sessions, found, found.session)
    ):
        return None
    id = found.session
    named = f" (\u201c{names[id]}\u201d)" if names.get(id) else ""
    return f"An undo in {id}{named} was not redone: redo it there, in a terminal with --session {id}."
