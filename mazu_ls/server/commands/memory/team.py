"""mazu.memory.share, .unshare, .sync and .show: memories shared by a team, and everything about one memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.models import moment
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories, pick_memory
from mazu_ls.server.wire.codec import as_view
from mazu_ls.server.wire.memory import team as wire
from mazu_ls.server.wire.memory.memories import MemoryView
from mazu_ls.tools.knowledge.anchored_files import refresh_anchors

if TYPE_CHECKING:
    from mazu_ls.memory.team.team_memory import TeamMemory
    from mazu_ls.server.state import ServerState

_MAX_CHAIN = 20


async def team_memory(server: ServerState) -> TeamMemory:
    """Return the team memory of the open project. Raises MazuError(unsupported) if no project is open."""
    from mazu_ls.memory.team.team_memory import TeamMemory

    memories, project = await opened_memories(server), await server.wait_opened()
    if memories.shelves.project is None:
        raise MazuError(
            Kind.UNSUPPORTED, "No project is open.", "Team memory belongs to a project: open its folder."
        )
    return TeamMemory(memories.shelves.project, project.root)


async def _share_one(server: ServerState) -> wire.ShareParams:
    """Without arguments: the user chooses one of the newest memories."""
    return wire.ShareParams(((await pick_memory(server, "Share which memory?")).id,))


@command("mazu.memory.share", natural=_share_one)
async def share(server: ServerState, params: wire.ShareParams) -> wire.ShareResult:
    """Make memories of the project part of team memory."""
    _require_project_ids(params.ids)
    team = await team_memory(server)
    shared, refused = await team.share(params.ids)
    server.notify_changed("memory")
    return _shared(shared, refused, await team.remote())


async def _unshare_one(server: ServerState) -> wire.ShareParams:
    """Without arguments: the user chooses one of the newest memories."""
    return wire.ShareParams(((await pick_memory(server, "Stop sharing which memory?")).id,))


@command("mazu.memory.unshare", natural=_unshare_one)
async def unshare(server: ServerState, params: wire.ShareParams) -> wire.ShareResult:
    """Delete memories for the others and keep them here."""
    _require_project_ids(params.ids)
    team = await team_memory(server)
    kept = await team.unshare(params.ids)
    server.notify_changed("memory")
    return _shared(kept, [], await team.remote())


@command("mazu.memory.sync")
async def sync(server: ServerState, params: wire.SyncParams) -> wire.SyncView:
    """Exchange team memory with a remote, or with the folder of the project."""
    team = await team_memory(server)
    try:
        done = await team.sync(params.remote, pull=params.pull, accept=params.accept)
    finally:
        (await opened_memories(server)).embedder.schedule()
        server.notify_changed("memory")
    return as_view(done, wire.SyncView)


async def _show_one(server: ServerState) -> wire.ShowMemoryParams:
    """Without arguments: the user chooses one of the newest memories."""
    return wire.ShowMemoryParams((await pick_memory(server, "Show which memory?")).id)


@command("mazu.memory.show", natural=_show_one)
async def show(server: ServerState, params: wire.ShowMemoryParams) -> wire.ShownMemory:
    """Everything about one memory."""
    memories = await opened_memories(server)
    memory = await memories.get(params.id, params.scope)
    await refresh_anchors(memories, (memory,), server.host, server.workspace)
    memory = await memories.get(params.id, params.scope)  # what else follows anchors may have been quicker
    chain, at = [], memory
    while at.supersedes is not None and len(chain) < _MAX_CHAIN:
        at = await memories.get(at.supersedes)
        chain.append(at)
    versions = []
    if memory.shared:
        versions = [
            wire.MemoryVersionView(v.field, v.value, moment(v.at), v.by, v.holds)
            for v in await (await team_memory(server)).versions(memory.id)
        ]
    text = await memories.markdown(params.id, params.scope)
    return wire.ShownMemory(
        MemoryView.from_memory(memory), text, [MemoryView.from_memory(one) for one in chain], versions
    )


def _require_project_ids(ids: tuple[str, ...]) -> None:
    if not ids:
        raise InvalidArguments("`ids` is empty; mazu.memory.list shows the ids", "ids")
    if own := [id for id in ids if id.startswith("g_")]:
        raise InvalidArguments(
            f"{own[0]} is your own, in every project; only memories of the project are shared", "ids"
        )


def _shared(memories: list, refused: list, remote: str | None) -> wire.ShareResult:
    return wire.ShareResult(
        [MemoryView.from_memory(memory) for memory in memories],
        [wire.NotSharedView(one.id, one.why) for one in refused],
        remote,
    )
