"""mazu.checkpoint, mazu.checkpoint.*, mazu.rollback, mazu.undo."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.commands.rollback_flow import roll_back
from mazu_ls.server.commands.rollback_target import Wanted, last_differing, revertible, standing_rewrite
from mazu_ls.server.documents.kept_commits import kept_commits
from mazu_ls.server.documents.not_held import not_held
from mazu_ls.server.wire import checkpoints as wire
from mazu_ls.server.wire import turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.checkpoints import models
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.checkpoints.models import Section
    from mazu_ls.server.state import ServerState


@command("mazu.checkpoint")
async def take(server: ServerState, params: wire.CheckpointParams) -> wire.CheckpointView:
    """Take a checkpoint of everything now."""
    taken = await take_checkpoint(server, await opened_checkpoints(server), params.label)
    server.notify_changed("checkpoints")
    return wire.CheckpointView.from_checkpoint(taken)


async def take_checkpoint(server: ServerState, checkpoints: Checkpoints, label: str) -> models.Checkpoint:
    """Take a manual checkpoint with the present unsaved buffers."""
    project = await server.wait_opened()
    buffers = [buffer for buffer in await server.host.buffers() if buffer.dirty]
    return await checkpoints.take(
        kind="manual", label=label, session_id=project.sessions.current, buffers=buffers
    )


@command("mazu.checkpoint.list")
async def list_checkpoints(server: ServerState, params: wire.ListCheckpointsParams) -> wire.CheckpointList:
    """Checkpoints, newest first, with their parents."""
    checkpoints = await opened_checkpoints(server)
    found, current = await checkpoints.list(params.limit, params.session_id)
    return wire.CheckpointList([wire.CheckpointView.from_checkpoint(one) for one in found], current)


async def _newest(server: ServerState) -> wire.DiffParams:
    """Without arguments: from the newest checkpoint to now."""
    checkpoints = await opened_checkpoints(server)
    found, _ = await checkpoints.list(1)
    if not found:
        raise MazuError(Kind.NOT_FOUND, "There is no checkpoint yet.", "Take one with mazu.checkpoint.")
    return wire.DiffParams(found[0].id)


@command("mazu.checkpoint.diff", natural=_newest)
async def diff(server: ServerState, params: wire.DiffParams) -> wire.DiffResult:
    """What differs between a checkpoint and another, or now: files and memories."""
    checkpoints = await opened_checkpoints(server)
    buffers = await server.host.buffers() if params.against == "now" else ()
    found = await checkpoints.diff(params.id, params.against, params.paths, buffers)
    memories = {
        "added": list(found.memories.added),
        "changed": list(found.memories.changed),
        "removed": list(found.memories.removed),
    }
    files = [wire.FileDiffView(file.path, file.status, file.added, file.removed) for file in found.files]
    return wire.DiffResult(files, memories, found.patch, found.truncated)


@command("mazu.checkpoint.prune")
async def prune(server: ServerState, params: wire.PruneParams) -> wire.PruneResultView:
    """Drop old checkpoints; without arguments by the settings."""
    checkpoints = await opened_checkpoints(server)
    pruned = await checkpoints.prune(params.keep, params.older_than_days, labelled=params.labelled)
    server.notify_changed("checkpoints")
    return wire.PruneResultView(list(pruned.removed), pruned.bytes_freed, pruned.shed)


CHOICES = 8
"""Maximum number of checkpoints offered for choice."""


async def _choose_unpinned(server: ServerState) -> wire.CheckpointIdParams:
    """Without arguments: the user chooses one of the newest checkpoints."""
    return await _choose(server, "Keep which checkpoint?", pinned=False)


async def _choose_pinned(server: ServerState) -> wire.CheckpointIdParams:
    """Without arguments: the user chooses one of the pinned checkpoints."""
    return await _choose(server, "Unpin which checkpoint?", pinned=True)


async def _choose(server: ServerState, message: str, *, pinned: bool) -> wire.CheckpointIdParams:
    found, _ = await (await opened_checkpoints(server)).list(-1 if pinned else 4 * CHOICES)
    offered = [one for one in found if one.pinned is pinned][:CHOICES]
    labels = [f"{one.title or one.label} ({one.created_at.astimezone():%d %b %H:%M:%S})" for one in offered]
    index = await server.pick(message, labels)
    if index is None:
        raise InvalidArguments("`id` is missing; mazu.checkpoint.list shows the ids", "id")
    return wire.CheckpointIdParams(offered[index].id)


async def _document_in_newest(server: ServerState) -> wire.CheckpointFileParams:
    """Without arguments: the document last seen, at the newest checkpoint."""
    uri = server.editor.focus.uri if server.editor and server.editor.focus else None
    path = server.file_of(uri) if uri else None
    if path is None:
        raise InvalidArguments("`id` and `path` are missing, and no document is open", "id")
    return wire.CheckpointFileParams((await _newest(server)).id, server.name_of(path))


@command("mazu.checkpoint.pin", natural=_choose_unpinned)
async def pin(server: ServerState, params: wire.CheckpointIdParams) -> wire.CheckpointView:
    """Keep a checkpoint until it is unpinned, whatever its age and the size of the store."""
    return await _set_pinned(server, params.id, True)


@command("mazu.checkpoint.unpin", natural=_choose_pinned)
async def unpin(server: ServerState, params: wire.CheckpointIdParams) -> wire.CheckpointView:
    """Let the settings decide again how long a checkpoint is kept."""
    return await _set_pinned(server, params.id, False)


async def _set_pinned(server: ServerState, id: str, pinned: bool) -> wire.CheckpointView:
    checkpoint = await (await opened_checkpoints(server)).pin(id, pinned)
    server.notify_changed("checkpoints")
    return wire.CheckpointView.from_checkpoint(checkpoint)


MOST_BYTES = 16 << 20
"""Size of the largest binary file that is sent."""


@command("mazu.checkpoint.file", natural=_document_in_newest)
async def read_file(server: ServerState, params: wire.CheckpointFileParams) -> wire.FileText:
    """One file as the user saw it at a checkpoint: its unsaved text where there was some."""
    checkpoints = await opened_checkpoints(server)
    text, binary, exists = await checkpoints.file_text(params.id, params.path)
    data = await checkpoints.file_bytes(params.id, params.path) if binary else None
    sent = base64.b64encode(data).decode() if data is not None and len(data) <= MOST_BYTES else None
    return wire.FileText(text, binary, exists, sent)


async def _contents_of_newest(server: ServerState) -> wire.ContentsParams:
    """Without arguments: of the newest checkpoint."""
    return wire.ContentsParams((await _newest(server)).id)


@command("mazu.checkpoint.contents", natural=_contents_of_newest)
async def contents(server: ServerState, params: wire.ContentsParams) -> wire.CheckpointContentsView:
    """Everything as it was at a checkpoint: its files by name, the project's memories by title."""
    found = await (await opened_checkpoints(server)).contents(params.id)
    wanted = params.query.casefold()
    files = [path for path in found.files if wanted in path.casefold()]
    memories = await asyncio.to_thread(_held_memories, found.memories)
    return wire.CheckpointContentsView(files[: params.limit], len(files), memories)


def _held_memories(held: Mapping[str, bytes]) -> list[wire.HeldMemoryView]:
    """Return those that can be read, without wiki pages, traits and summaries."""
    from mazu_ls.memory.checkpoint_part import held_entries
    from mazu_ls.memory.models import identifier

    return [
        wire.HeldMemoryView(
            identifier("project", entry.n),
            entry.category,
            entry.title,
            "superseded" if entry.superseded_by else entry.state,
        )
        for entry in held_entries(held)
        if entry.kind == "memory" and entry.n is not None
    ]


@command("mazu.rollback")
async def rollback(server: ServerState, params: wire.RollbackParams) -> wire.RollbackResult:
    """Bring code, buffers, memory, skills and conversation back to one checkpoint."""
    checkpoints = await opened_checkpoints(server)
    id = params.id or await last_differing(server, checkpoints, params.only or (), params.paths or ())
    if params.memories:
        return wire.RollbackResult.from_report(await _restore_memories(server, checkpoints, id, params))
    wanted = Wanted(params.only, params.paths, params.preview, params.on_conflict)
    edited = await _edited_since(server, checkpoints, id) if not params.only or "code" in params.only else {}
    report = await roll_back(server, checkpoints, id, wanted)
    for session, names in edited.items():
        found = await not_held(server, checkpoints, report, edited=names, session=session, paths=params.paths)
        report.problems += found
    report.verified = report.verified and not report.problems
    return wire.RollbackResult.from_report(report)


async def _edited_since(
    server: ServerState, checkpoints: Checkpoints, id: str | None
) -> dict[str, list[str]]:
    """Return what each session's agent edited since a checkpoint; read before the rollback, which moves conversations."""
    from mazu_ls.agent.session.undo import edited_since

    project = await server.wait_opened()
    return await edited_since(project.sessions, (await checkpoints.get(id)).created_at) if id else {}


async def _restore_memories(
    server: ServerState, checkpoints: Checkpoints, id: str, params: wire.RollbackParams
) -> models.RollbackReport:
    """Restore some memories alone."""
    if params.only != ("memory",):
        raise InvalidArguments('`memories` lists memory ids: it needs `only: ["memory"]`', "memories")
    if not params.preview:
        project = await server.wait_opened()
        await asyncio.to_thread(project.turn_markers.require_none_elsewhere)
    plan = await checkpoints.plan(id, only=params.only, memories=params.memories)
    report = plan.preview() if params.preview else await plan.apply("overwrite")
    server.notify_changed("memory", "checkpoints")
    return report


@command("mazu.undo")
async def undo(server: ServerState, params: turns.UndoParams) -> wire.RollbackResult:
    """Undo the last turn: code, conversation, memory, or any of them."""
    from mazu_ls.agent.session.undo import checkpoint_before_turn, edited_files

    checkpoints = await opened_checkpoints(server)
    assert server.project is not None
    if not params.preview:
        await asyncio.to_thread(server.project.turn_markers.require_none_elsewhere)
    session = await _session_of_undo(server.project, params)
    if params.preview and session.running:
        raise MazuError(
            Kind.BUSY,
            "A turn is running in this conversation.",
            "Stop it or wait for it, then look at what undo does.",
        )
    try:
        alone = params.conversation and not params.code and not params.memory
        baseline, before = await checkpoint_before_turn(
            server.project, session, params.turn_id, conversation_alone=alone
        )
    except MazuError as error:
        if error.kind is not Kind.NOT_FOUND or params.turn_id or params.session_id:
            raise
        raise await _named_elsewhere(server.project, session.id, error) from error
    chosen: dict[Section, bool] = {
        "code": params.code,
        "skills": params.code,
        "conversation": params.conversation,
        "memory": params.memory,
    }
    only: list[Section] = [name for name, wanted in chosen.items() if wanted]
    events = await asyncio.to_thread(session.events) if params.code else []
    edited, commits = edited_files(events, before), await kept_commits(server, events, before)
    wanted = Wanted(
        tuple(only), preview=params.preview, answer=params.on_conflict, session=session.id, undo=True
    )
    report = await roll_back(server, checkpoints, baseline, wanted)
    if report.applied and params.conversation and session.journal.head != before:
        await session.move_head(before)
    report.plan.keep += commits
    if params.code:
        report.problems += await not_held(server, checkpoints, report, edited=edited, session=session.id)
    report.verified = report.verified and not report.problems
    return wire.RollbackResult.from_report(report)


async def _session_of_undo(project: Project, params: turns.UndoParams) -> Session:
    """Return the session whose turn is undone: if none is named, that of a rewrite which is newer than the last conversation's turn."""
    named, sessions = params.session_id, project.sessions
    if named is None and params.turn_id is None:
        rewrite = await standing_rewrite(sessions)
        if rewrite is not None:
            return await sessions.read_events(rewrite)
    return await _session_to_undo(project, named, "Undo it there (/undo, or Mazu: undo the last turn).")


async def _named_elsewhere(project: Project, id: str, error: MazuError) -> MazuError:
    """Return why there is nothing to undo in the last conversation, and which one still has a turn."""
    left = next((one for one in await project.sessions.list() if one.turns and one.id != id), None)
    if left is None:
        return error
    named = f" (\u201c{left.name}\u201d)" if left.name else ""
    return MazuError(
        Kind.NOT_FOUND,
        "There is no turn left to undo in the last conversation.",
        f"One is left in {left.id}{named}: undo it there, in a terminal with --session {left.id}.",
    )


@command("mazu.redo")
async def redo(server: ServerState, params: turns.RedoParams) -> wire.RollbackResult:
    """Revert the last undo or rollback of a session, unless its conversation continued since."""
    checkpoints = await opened_checkpoints(server)
    assert server.project is not None
    await asyncio.to_thread(server.project.turn_markers.require_none_elsewhere)
    session = await _session_of_redo(server.project, params.session_id)
    found = await revertible(
        checkpoints,
        server.project.sessions,
        session.id if session else None,
        named=params.session_id is not None,
    )
    if found.session is not None and params.session_id is None:
        await _session_to_undo(server.project, found.session, "Redo it there.")
    wanted = Wanted(found.only, found.paths, session=found.session, redo_of=found)
    return wire.RollbackResult.from_report(await roll_back(server, checkpoints, found.safety, wanted))


async def _session_of_redo(project: Project, session_id: str | None) -> Session | None:
    """Return the session; None in a project without sessions, in which a checkpoint may have been rolled back to all the same."""
    try:
        return await _session_to_undo(project, session_id, "Redo it there.")
    except MazuError as error:
        if session_id is not None or error.kind is not Kind.NOT_FOUND:
            raise
        return None


async def _session_to_undo(project: Project, session_id: str | None, elsewhere: str) -> Session:
    """Return the session. Raises MazuError(busy) if another process has it open; `elsewhere` says what to do then."""
    try:
        return await project.sessions.get(session_id, create=False)
    except MazuError as error:
        if error.kind is Kind.BUSY:
            raise MazuError(Kind.BUSY, error.message, elsewhere) from error
        raise


async def opened_checkpoints(server: ServerState) -> Checkpoints:
    """Return the project's checkpoints. Raises MazuError(git, unsupported, ...) if there are none."""
    project = await server.wait_opened()
    if project.checkpoints is None:
        raise project.no_checkpoints or MazuError(
            Kind.STORAGE, "Checkpoints are not open.", "See mazu.status."
        )
    return project.checkpoints
