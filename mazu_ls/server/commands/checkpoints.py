"""mazu.checkpoint, mazu.checkpoint.*, mazu.rollback, mazu.undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError
from mazu_ls.server.commands import command
from mazu_ls.server.rollback import roll_back
from mazu_ls.server.wire import checkpoints as wire
from mazu_ls.server.wire import turns

if TYPE_CHECKING:
    from mazu_ls.checkpoints import Checkpoints, records
    from mazu_ls.checkpoints.records import Section
    from mazu_ls.server.server import Server


@command("mazu.checkpoint")
async def take(server: Server, params: wire.Take) -> wire.Checkpoint:
    """Take a checkpoint of everything now."""
    taken = await take_checkpoint(server, await opened_checkpoints(server), params.label)
    server.notify_changed("checkpoints")
    return wire.Checkpoint.of(taken)


async def take_checkpoint(server: Server, checkpoints: Checkpoints, label: str) -> records.Checkpoint:
    """A manual checkpoint with the unsaved buffers of now."""
    project = await server.opened()
    buffers = [buffer for buffer in await server.host.buffers() if buffer.dirty]
    return await checkpoints.take(
        kind="manual", label=label, session_id=project.sessions.current, buffers=buffers
    )


@command("mazu.checkpoint.list")
async def list_checkpoints(server: Server, params: wire.ListCheckpoints) -> wire.CheckpointList:
    """Checkpoints, newest first, with their parents."""
    checkpoints = await opened_checkpoints(server)
    found, current = await checkpoints.list(params.limit, params.session_id)
    return wire.CheckpointList([wire.Checkpoint.of(one) for one in found], current)


async def _newest(server: Server) -> wire.Diff:
    """Without arguments: from the newest checkpoint to now."""
    checkpoints = await opened_checkpoints(server)
    found, _ = await checkpoints.list(1)
    if not found:
        raise MazuError(Kind.NOT_FOUND, "There is no checkpoint yet.", "Take one with mazu.checkpoint.")
    return wire.Diff(found[0].id)


@command("mazu.checkpoint.diff", natural=_newest)
async def diff(server: Server, params: wire.Diff) -> wire.DiffResult:
    """What differs between a checkpoint and another, or now: files and memories."""
    checkpoints = await opened_checkpoints(server)
    buffers = await server.host.buffers() if params.against == "now" else ()
    found = await checkpoints.diff(params.id, params.against, params.paths, buffers)
    memories = {
        "added": list(found.memories.added),
        "changed": list(found.memories.changed),
        "removed": list(found.memories.removed),
    }
    files = [wire.FileDiff(file.path, file.status, file.added, file.removed) for file in found.files]
    return wire.DiffResult(files, memories, found.patch, found.truncated)


@command("mazu.checkpoint.prune")
async def prune(server: Server, params: wire.Prune) -> wire.Pruned:
    """Drop old checkpoints; without arguments by the settings."""
    checkpoints = await opened_checkpoints(server)
    pruned = await checkpoints.prune(params.keep, params.older_than_days)
    server.notify_changed("checkpoints")
    return wire.Pruned(list(pruned.removed), pruned.bytes_freed)


@command("mazu.rollback")
async def rollback(server: Server, params: wire.Rollback) -> wire.RollbackResult:
    """Bring code, buffers, memory, skills and conversation back to one checkpoint."""
    checkpoints = await opened_checkpoints(server)
    report = await roll_back(
        server, checkpoints, params.id, only=params.only, paths=params.paths, preview=params.preview,
        on_conflict=params.on_conflict,
    )  # fmt: skip
    return wire.RollbackResult.of(report)


@command("mazu.undo")
async def undo(server: Server, params: turns.Undo) -> wire.RollbackResult:
    """Undo the last turn: code, conversation, memory, or any of them."""
    from mazu_ls.agent.undo import checkpoint_before_last_turn

    checkpoints = await opened_checkpoints(server)
    assert server.project is not None
    session = await server.project.sessions.get(params.session_id, create=False)
    before = await checkpoint_before_last_turn(server.project, session)
    chosen: dict[Section, bool] = {
        "code": params.code,
        "skills": params.code,
        "conversation": params.conversation,
        "memory": params.memory,
    }
    only: list[Section] = [name for name, wanted in chosen.items() if wanted]
    report = await roll_back(server, checkpoints, before, only=only, on_conflict="spare")
    return wire.RollbackResult.of(report)


async def opened_checkpoints(server: Server) -> Checkpoints:
    """The project's checkpoints. Raises MazuError(git, unsupported, ...) where there are none."""
    project = await server.opened()
    if project.checkpoints is None:
        raise project.no_checkpoints or MazuError(
            Kind.STORAGE, "Checkpoints are not open.", "See mazu.status."
        )
    return project.checkpoints
