"""mazu.turn.changes and mazu.turn.revert: keep or undo the changes of one turn, per file and hunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import uris
from mazu_ls.server.commands import command
from mazu_ls.server.commands.checkpoints import opened_checkpoints
from mazu_ls.server.commands.rollback_flow import roll_back
from mazu_ls.server.commands.rollback_target import Wanted
from mazu_ls.server.rpc.lsp_types import LspPosition, LspRange
from mazu_ls.server.wire import turn_changes as wire
from mazu_ls.server.wire.checkpoints import RollbackResult

if TYPE_CHECKING:
    from mazu_ls.agent.proposals.turn_changes import FileChange, TurnChanges
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import RollbackReport
    from mazu_ls.server.state import ServerState


@command("mazu.turn.changes")
async def changes(server: ServerState, params: wire.TurnParams) -> wire.TurnChangesView:
    """The files that a turn changed, with their hunks."""
    found, _ = await _changes(server, params.session_id, params.turn_id)
    files = [_file(server, one) for one in found.files]
    return wire.TurnChangesView(found.turn_id, found.before, found.after, files)


@command("mazu.turn.revert")
async def revert(server: ServerState, params: wire.RevertTurnParams) -> RollbackResult:
    """Revert a turn's changes to some files, or some hunks of them; later changes in the same files stay."""
    found, checkpoints = await _changes(server, params.session_id, params.turn_id)
    known = {one.path for one in found.files}
    if unknown := [path for path in params.paths if path not in known]:
        raise InvalidArguments(f"`paths`: the turn did not change {unknown[0]}", "paths")
    offered = {one.hunk_id(n) for one in found.files for n in range(1, len(one.takes_back) + 1)}
    if unknown := [id for id in params.hunks if id not in offered]:
        raise InvalidArguments(f"`hunks`: the turn has no hunk {unknown[0]!r}", "hunks")
    if found.before is None or not found.files:
        raise MazuError(Kind.NOT_FOUND, "That turn changed no file.", "See mazu.turn.changes.")
    wanted = [
        one
        for one in found.files
        if (not params.paths and not params.hunks)
        or one.path in params.paths
        or any(id.rpartition("#")[0] == one.path for id in params.hunks)
    ]
    whole = [one.path for one in wanted if not one.partial]
    report = await _by_rollback(server, checkpoints, found.before, whole) if whole else None
    if report is not None and not report.applied:
        return RollbackResult.from_report(
            report
        )  # the user left it as it is: no safety checkpoint, so no edit either
    if report is None:
        report = await _prepared(server, checkpoints, found.before)
    for one in wanted:
        if one.partial:
            await _take_back(server, checkpoints, one, params.hunks, report)
    if any(one.partial for one in wanted) and (session := report.checkpoint.session_id):
        await checkpoints.note_rollback(session, report, [*report.plan.write, *report.plan.delete])
    report.verified = report.verified and not report.problems
    server.notify_changed("checkpoints")
    return RollbackResult.from_report(report)


async def _by_rollback(
    server: ServerState, checkpoints: Checkpoints, before: str, paths: list[str]
) -> RollbackReport:
    """Restore files that were created, deleted or are binary, as they were before the turn."""
    session = (await checkpoints.get(before)).session_id
    wanted = Wanted(only=("code",), paths=tuple(paths), session=session, undo=True)
    return await roll_back(server, checkpoints, before, wanted)


async def _prepared(server: ServerState, checkpoints: Checkpoints, before: str) -> RollbackReport:
    """Return a report with a checkpoint, taken now, that undoes the whole."""
    from mazu_ls.checkpoints.models import PlanFiles, RollbackReport

    buffers = [buffer for buffer in await server.host.buffers() if buffer.dirty]
    safety = await checkpoints.take(
        kind="safety", label="before a part of a turn was undone", buffers=buffers
    )
    return RollbackReport(await checkpoints.get(before), safety, PlanFiles(), True, True)


async def _take_back(
    server: ServerState,
    checkpoints: Checkpoints,
    change: FileChange,
    hunks: tuple[str, ...],
    report: RollbackReport,
) -> None:
    """Edit one file; hunks that cannot be reverted become problems of the report."""
    from mazu_ls.agent.proposals.turn_changes import take_back
    from mazu_ls.checkpoints.attribution.recorded_writes import rollback_of
    from mazu_ls.checkpoints.models import PathReason

    path = server.workspace.resolve(change.path)
    mine = [id for id in hunks if id.rpartition("#")[0] == change.path]
    if change.shared and not mine:
        reason = "you also changed this file during the turn: choose which hunks to revert"
        report.problems.append(PathReason(change.path, reason))
        return
    try:
        text = await server.host.read(path)
        after, gone = take_back(text, change, lambda id: not mine or id in mine)
        if after != text:
            writer = rollback_of(report.checkpoint.session_id)
            await checkpoints.record_edit(writer, path, text, after)
            await server.host.edit(path, text, after)
            report.plan.write.append(change.path)
    except (MazuError, OSError) as error:
        report.problems.append(PathReason(change.path, str(error)))
        return
    report.problems += [
        PathReason(change.path, "a hunk has changed since and was not reverted") for _ in gone
    ]


async def _changes(
    server: ServerState, session_id: str | None, turn_id: str | None
) -> tuple[TurnChanges, Checkpoints]:
    from mazu_ls.agent.proposals.turn_changes import read_turn_changes

    project = await server.wait_opened()
    checkpoints = await opened_checkpoints(server)
    session = session_id or (await project.sessions.get(create=False)).id
    events = await project.sessions.events(session)
    return await read_turn_changes(checkpoints, events, turn_id), checkpoints


def _file(server: ServerState, change: FileChange) -> wire.ChangedFile:
    hunks = [
        wire.ChangedHunk(
            change.hunk_id(number),
            LspRange(LspPosition(hunk.line, 0), LspPosition(hunk.line + len(hunk.old), 0)),
            "\n".join(
                [
                    *(f"-{line.rstrip(ENDS)}" for line in hunk.new),
                    *(f"+{line.rstrip(ENDS)}" for line in hunk.old),
                ]
            ),
        )
        for number, hunk in enumerate(change.takes_back, 1)
    ]
    uri = uris.from_path(server.workspace.locate(change.path))
    return wire.ChangedFile(change.path, uri, change.status, change.added, change.removed, hunks)


ENDS = "\r\n"
