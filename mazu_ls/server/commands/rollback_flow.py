"""Rolls back interactively: running turns are stopped first, conflicts are asked about, open documents change through
the editor."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from mazu_ls.agent.session.undo import commands_since, end_commands, shown_command
from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.client.rollback_question import ask_about_own_work, names_to_ask_about, withdraw_earlier
from mazu_ls.server.documents import kept_commits, unsaved_elsewhere
from mazu_ls.server.documents.apply_edit import apply_to_document
from mazu_ls.server.rpc.live.starting_editor import wait_until_others_share
from mazu_ls.state.starting import STILL_STARTING

if TYPE_CHECKING:
    from datetime import datetime

    from mazu_ls.agent.project.project import Project
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import Checkpoint, OnConflict, PlanFiles, RollbackReport
    from mazu_ls.checkpoints.restore.rollback_plan import RollbackPlan
    from mazu_ls.host import Buffer
    from mazu_ls.server.commands.rollback_target import Wanted
    from mazu_ls.server.state import ServerState
    from mazu_ls.tools.shell.background import BackgroundProcess


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
    if not await wait_until_others_share(server, project):
        await server.host.say("warning", STILL_STARTING)
    if checkpoint_id is not None and (not wanted.only or "code" in wanted.only):
        await unsaved_elsewhere.require_none(
            server.unsaved, project.workspace, checkpoints, checkpoint_id, wanted.paths
        )
        if not wanted.leaves_users_work and wanted.answer != "keep":
            await unsaved_elsewhere.require_text_of(
                server.unsaved, project.workspace, checkpoints, checkpoint_id, wanted.paths
            )
    if not wanted.preview:
        await _stop_turns(project)
    plan = await _plan(server, checkpoints, checkpoint_id, wanted)
    preview = plan.preview()
    await unsaved_elsewhere.require_none_in_plan(
        server.unsaved, project.workspace, preview.plan, with_users=wanted.first == "overwrite"
    )
    if wanted.preview:
        for one in _commands_of(project, wanted, preview.checkpoint):
            await server.host.say(
                "info", f"{shown_command(one)} runs in the background: it would be ended first."
            )
        return preview

    await asyncio.to_thread(project.turn_markers.require_none_elsewhere)
    if not preview.undecided:  # else the user is asked first
        await end_commands(_commands_of(project, wanted, preview.checkpoint), server.host)
    report = await _apply(server, checkpoints, plan, wanted)
    if report.applied:
        if project.memories is not None and (store := project.memories.shelves.project) is not None:
            from mazu_ls.memory.team.shared_table import keep_after_rollback

            await keep_after_rollback(store)
        await server.host.buffers()  # compares them with the files: equal ones are unmodified
        await kept_commits.tell_conflict_markers(server, report.plan)
    for session in project.sessions.opened():
        await session.refresh()
    server.notify_changed("memory", "checkpoints", "sessions", "skills")
    return report


async def _apply(
    server: ServerState, checkpoints: Checkpoints, plan: RollbackPlan, wanted: Wanted
) -> RollbackReport:
    """Apply a plan, and ask first if that is needed. What stands open about the turns that it takes back is withdrawn, or hidden until
    nothing was done after all."""
    moved: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    is_whole = not wanted.paths and (not wanted.only or not {"code", "conversation"}.isdisjoint(wanted.only))

    def announce() -> None:
        for listener in tuple(server.on_rollback):
            listener(wanted.session, moved)

    report: RollbackReport | None = None
    try:
        withdraw_earlier(server)
        if is_whole:
            announce()
        report = plan.preview()
        if not report.undecided:
            report = await plan.apply(wanted.first, partial(_write_buffer, server))
        if not report.applied and wanted.answer in (None, "ask"):
            if not is_whole:
                announce()  # its question would not be seen behind the offer
            report = await _ask_and_apply(server, checkpoints, (plan, report), wanted)
        return report
    finally:
        moved.set_result(is_whole and report is not None and report.applied)


def _commands_of(project: Project, wanted: Wanted, target: Checkpoint) -> list[BackgroundProcess]:
    """Return the background commands of the turns that would be undone."""
    sections = wanted.only or ("code", "conversation")
    if wanted.redo_of is not None or wanted.paths or {"code", "conversation"}.isdisjoint(sections):
        return []
    opened = project.sessions.opened()
    return commands_since(
        [one.shell for one in opened if wanted.session in (None, one.id)], target.created_at
    )


async def _stop_turns(project: Project) -> None:
    for session in project.sessions.opened():
        session.cancel()
        await session.wait_idle()


async def _plan(
    server: ServerState,
    checkpoints: Checkpoints,
    checkpoint_id: str | None,
    wanted: Wanted,
    answer: OnConflict | None = None,
) -> RollbackPlan:
    first = answer or wanted.first
    if wanted.preview and wanted.answer is None and not server.host.can_ask:
        first = "merge"  # as the rollback itself, if nobody can be asked
    return await checkpoints.plan(
        checkpoint_id, only=wanted.only, paths=wanted.paths, buffers=await server.host.buffers(),
        session=wanted.session, own=wanted.undo, on_conflict=first, redo_of=wanted.redo_of,
    )  # fmt: skip


async def _ask_and_apply(
    server: ServerState,
    checkpoints: Checkpoints,
    planned: tuple[RollbackPlan, RollbackReport],
    wanted: Wanted,
) -> RollbackReport:
    """Ask about the user's own work and do what they answer.

    While the question is open the user goes on working, so the plan is made again afterwards. If more of their work is
    affected than they were asked about, they are asked again. Raises MazuError(conflict) if the conversation to undo continued.
    """
    plan, report = planned
    project = await server.wait_opened()
    begun = await _last_turn(project, wanted)
    while True:
        asked = names_to_ask_about(report.plan, undo=wanted.leaves_users_work)
        with_keep = (await _plan(server, checkpoints, report.checkpoint.id, wanted, "keep")).preview().plan
        answer = await ask_about_own_work(
            server, checkpoints, report, asked, session=wanted.session, kind=wanted.kind, with_keep=with_keep
        )
        decided: OnConflict | None = answer.decided
        if answer.unreachable and wanted.answer is None:
            decided = "merge"
        if decided is None:
            return report
        # Also where nobody could be asked: a client may say so minutes after it showed the question.
        if begun != await _last_turn(project, wanted):
            raise MazuError(
                Kind.CONFLICT,
                "The conversation continued while you were asked, so nothing was changed.",
                "Undo again." if wanted.undo else "",
            )
        await asyncio.to_thread(project.turn_markers.require_none_elsewhere)
        await _stop_turns(project)
        plan = await _plan(server, checkpoints, report.checkpoint.id, wanted)
        now = names_to_ask_about(plan.preview().plan, undo=wanted.leaves_users_work)
        if not answer.unreachable and not set(now) <= set(asked):
            report = plan.preview()
            continue
        await unsaved_elsewhere.require_none_in_plan(
            server.unsaved, project.workspace, plan.preview().plan, with_users=decided == "overwrite"
        )
        if ended := _commands_of(project, wanted, report.checkpoint):
            await end_commands(ended, server.host)
            plan = await _plan(server, checkpoints, report.checkpoint.id, wanted)
        report = await plan.apply(decided, partial(_write_buffer, server))
        of_rollback = not wanted.leaves_users_work
        report.undecided = decided == "merge" and of_rollback and _keeps_users(report.plan)
        return report


async def _last_turn(project: Project, wanted: Wanted) -> datetime | None:
    """Return when the last turn of the conversation that is undone began."""
    session = project.sessions.find(wanted.session) if wanted.session and wanted.leaves_users_work else None
    return await session.last_started() if session else None


def _keeps_users(plan: PlanFiles) -> bool:
    """Return whether a file stays because only the user changed it and nobody could be asked, so that it is still
    undecided."""
    return any(kept.path in plan.users for kept in plan.keep)


async def _write_buffer(server: ServerState, buffer: Buffer, text: str) -> bool:
    from mazu_ls.server.host import LspHost

    if (
        server.editor
        and isinstance(server.host, LspHost)
        and (book := server.editor.notebooks.get(buffer.uri))
    ):
        return await server.host.restore_notebook(book, buffer, text)
    document = server.editor.documents.get(buffer.uri) if server.editor else None
    if document is None or server.editor is None:
        return False
    if document.text not in (buffer.text, text):  # typed since the plan was made: no checkpoint holds it
        return False
    try:
        await apply_to_document(server.editor, document, text, "Mazu: roll back", in_command=True)
    except MazuError:
        return False
    return True
