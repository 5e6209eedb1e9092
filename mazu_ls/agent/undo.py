"""Undoing the last turn: code, conversation, memory, or any of them, as one rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError

if TYPE_CHECKING:
    from mazu_ls.agent.project import Project
    from mazu_ls.agent.session import Session


async def checkpoint_before_last_turn(project: Project, session: Session) -> str:
    """The checkpoint to roll back to. A turn that changed nothing took none: then one is taken now, as of its start."""
    if session.running:
        session.cancel()
        await session.settled()
    last = await session.last_turn()
    if last is None:
        raise MazuError(
            Kind.NOT_FOUND, "There is no turn to undo in this session.", "See mazu.checkpoint.list."
        )
    turn_id, before, baseline = last
    if baseline is None:
        baseline = await project.checkpoint(
            "baseline",
            "before a turn that changed no file",
            session_id=session.id,
            turn_id=turn_id,
            touched=[],
            boundary=before,
        )
    if baseline is None:
        raise project.no_checkpoints or MazuError(
            Kind.STORAGE, "No checkpoint can be taken here.", "See mazu.status."
        )
    return baseline
