"""Rolls back interactively: running turns are stopped first, conflicts are asked about, open documents change through
the editor."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.errors import MazuError
from mazu_ls.host import Choice, Question
from mazu_ls.server.documents import unsaved_elsewhere
from mazu_ls.server.documents.apply_edit import apply_to_document

if TYPE_CHECKING:
    from mazu_ls.checkpoints import Checkpoints
    from mazu_ls.checkpoints.models import OnConflict, PlanFiles, RollbackReport, Section
    from mazu_ls.host import Buffer
    from mazu_ls.server.state import ServerState
    from mazu_ls.server.wire.checkpoints import OwnWork

NAMED = 5
ASK_SECONDS = 60.0
_QUESTIONS = itertools.count(1)
"""Each question has its own id, so that a late answer cannot decide a later question."""
LEAVE = Choice("leave", "Leave it as it is", "deny")
OF_ROLLBACK = (
    Choice("keep", "Only the agent's changes", "allow_once"),
    Choice("overwrite", "Everything as it was", "allow_once"),
    LEAVE,
)
OF_UNDO = (
    Choice("keep", "Keep mine", "allow_once"),
    Choice("agents", "Take the earlier text", "allow_once"),
    LEAVE,
)
DECIDED: dict[str, OnConflict] = {"keep": "keep", "overwrite": "overwrite", "agents": "agents"}


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
    redo_of: int | None = None

    @property
    def first(self) -> OnConflict:
        """Return what is tried before anybody is asked."""
        if self.answer in ("keep", "overwrite"):
            return "agents" if self.undo and self.answer == "overwrite" else self.answer
        return "spare" if self.leaves_users_work else "ask"

    @property
    def leaves_users_work(self) -> bool:
        """Return whether files that only the user changed stay without a question: undo and redo concern the agent's
        work alone."""
        return self.undo or self.redo_of is not None


async def roll_back(
    server: ServerState, checkpoints: Checkpoints, checkpoint_id: str | None, wanted: Wanted
) -> RollbackReport:
    """Plan, and unless it is a preview apply. Running turns are stopped, sessions read their conversation again
    afterwards.

    One question is asked if the user's own work is affected.
    """
    project = await server.wait_opened()
    if not wanted.preview:
        await asyncio.to_thread(project.turn_markers.require_none_elsewhere)
    if checkpoint_id is not None and (not wanted.only or "code" in wanted.only):
        await unsaved_elsewhere.require_none(
            server.unsaved, project.workspace, checkpoints, checkpoint_id, wanted.paths
        )
        if not wanted.leaves_users_work and wanted.answer != "keep":
            await unsaved_elsewhere.require_text_of(
                server.unsaved, project.workspace, checkpoints, checkpoint_id, wanted.paths
            )
    if not wanted.preview:
        for session in project.sessions.opened():
            session.cancel()
            await session.wait_idle()
    plan = await checkpoints.plan(
        checkpoint_id, only=wanted.only, paths=wanted.paths, buffers=await server.host.buffers(),
        session=wanted.session, own=wanted.undo, on_conflict=wanted.first, redo_of=wanted.redo_of,
    )  # fmt: skip
    preview = plan.preview()
    await unsaved_elsewhere.require_none_in_plan(
        server.unsaved, project.workspace, preview.plan, with_users=wanted.first == "overwrite"
    )
    if wanted.preview:
        return preview

    write = partial(_write_buffer, server)
    await asyncio.to_thread(project.turn_markers.require_none_elsewhere)
    report = await plan.apply(wanted.first, write)
    if not report.applied and wanted.answer in (None, "ask"):
        decided = await _ask(server, checkpoints, report, wanted)
        if decided is not None:
            await unsaved_elsewhere.require_none_in_plan(
                server.unsaved, project.workspace, report.plan, with_users=decided == "overwrite"
            )
            report = await plan.apply(decided, write)
            of_rollback = not wanted.leaves_users_work
            report.undecided = decided == "merge" and of_rollback and _keeps_users(report.plan)
    if report.applied:
        if project.memories is not None and (store := project.memories.shelves.project) is not None:
            from mazu_ls.memory.team.shared_table import keep_after_rollback

            await keep_after_rollback(store)
        await server.host.buffers()  # compares them with the files: equal ones are unmodified
    for session in project.sessions.opened():
        await session.refresh()
    server.notify_changed("memory", "checkpoints", "sessions", "skills")
    return report


def _keeps_users(plan: PlanFiles) -> bool:
    """Return whether a file stays because only the user changed it and nobody could be asked, so that it is still
    undecided."""
    return any(kept.path in plan.users for kept in plan.keep)


async def _write_buffer(server: ServerState, buffer: Buffer, text: str) -> bool:
    document = server.editor.documents.get(buffer.uri) if server.editor else None
    if document is None or server.editor is None:
        return False
    try:
        await apply_to_document(server.editor, document, text, "Mazu: roll back", in_command=True)
    except MazuError:
        return False
    return True


async def _ask(
    server: ServerState, checkpoints: Checkpoints, report: RollbackReport, wanted: Wanted
) -> OnConflict | None:
    """Ask the one question; None: nothing is done. If nobody can be asked only the agent's changes are reverted."""
    plan = report.plan
    names = [conflict.path for conflict in plan.conflicts] if wanted.leaves_users_work else plan.users
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    title = report.checkpoint.title or report.checkpoint.label
    if wanted.undo:
        who = _who(plan)
        detail = f"{who} changed this on top of what the agent did. Undoing can be undone."
        asked = f"Undo: what should happen to {listed}?"
    else:
        detail = f"Since then you changed {listed} yourself. Rolling back can be undone."
        asked = f"Roll back to \u201c{title}\u201d: also what you changed yourself?"
    files = [name for name in names if name not in plan.own_memories and not name.startswith("/")]
    diffs = [
        await _diff(server, checkpoints, report.checkpoint.id, files) if files else None,
        await _memory_diff(checkpoints, report.checkpoint.id)
        if not set(names).isdisjoint(plan.own_memories)
        else None,
    ]
    question = Question(
        wanted.session or report.checkpoint.session_id or "", f"rollback_{report.checkpoint.id}_{next(_QUESTIONS)}",
        "mazu.undo" if wanted.undo else "mazu.rollback", asked, detail,
        _answers_to_undo(plan) if wanted.undo else OF_ROLLBACK, "".join(filter(None, diffs)) or None,
    )  # fmt: skip
    reply = await server.host.ask(question, ASK_SECONDS)
    if reply.choice is not None:
        return DECIDED.get(reply.choice.id)
    return "merge" if reply.unreachable and wanted.answer is None else None


def _answers_to_undo(plan: PlanFiles) -> tuple[Choice, ...]:
    keep = OF_UNDO[0] if "You" in _who(plan) else replace(OF_UNDO[0], label="Keep what it did")
    return (keep, *OF_UNDO[1:])


def _who(plan: PlanFiles) -> str:
    """Return who changed the files in conflict."""
    from mazu_ls.checkpoints.restore.keep_reasons import ANOTHER_ON_TOP, UNCERTAIN

    reasons = {conflict.reason for conflict in plan.conflicts}
    if reasons == {ANOTHER_ON_TOP}:
        return "Another session"
    if UNCERTAIN in reasons:
        return "You, or a command that was interrupted,"
    return "You and another session" if ANOTHER_ON_TOP in reasons else "You"


async def _diff(server: ServerState, checkpoints: Checkpoints, id: str, names: list[str]) -> str | None:
    """Return a diff from the present state to the checkpoint; None if it cannot be shown."""
    try:
        return (await checkpoints.diff(id, "now", names, await server.host.buffers())).patch or None
    except MazuError:
        return None


async def _memory_diff(checkpoints: Checkpoints, id: str) -> str | None:
    """Return a patch from the present memories to those of the checkpoint."""
    try:
        found = await checkpoints.diff(id)
    except MazuError:
        return None
    files = found.patch.split("diff --git ")
    return "".join(f"diff --git {file}" for file in files if file.startswith("a/memory/")) or None
