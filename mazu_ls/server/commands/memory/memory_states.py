"""mazu.memory.archive, .unarchive, .restore, .supersede, .stats and mazu.memory.trait.*: changes by the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories
from mazu_ls.server.wire.common import NoParams
from mazu_ls.server.wire.memory import knowledge as wire
from mazu_ls.server.wire.memory.memories import MemoryResult, MemoryView, RecallResult

if TYPE_CHECKING:
    from mazu_ls.memory.models import Memory
    from mazu_ls.server.state import ServerState

_CHOICES = 8
_TITLE = 120


async def _archive_one(server: ServerState) -> wire.MemoryStateParams:
    """Without arguments: the user chooses one of the newest memories."""
    return wire.MemoryStateParams((await _pick(server, "Archive which memory?", "current")).id)


@command("mazu.memory.archive", natural=_archive_one)
async def archive(server: ServerState, params: wire.MemoryStateParams) -> MemoryResult:
    """Archive a memory: found on request only."""
    return _changed(server, await (await opened_memories(server)).archive(params.id, params.scope))


async def _unarchive_one(server: ServerState) -> wire.MemoryStateParams:
    """Without arguments: the user chooses one of the newest archived memories."""
    return wire.MemoryStateParams((await _pick(server, "Restore which memory?", "archived")).id)


@command("mazu.memory.unarchive", natural=_unarchive_one)
async def unarchive(server: ServerState, params: wire.MemoryStateParams) -> MemoryResult:
    """Restore a memory from the archive."""
    return _changed(server, await (await opened_memories(server)).unarchive(params.id, params.scope))


async def _restore_one(server: ServerState) -> wire.MemoryStateParams:
    """Without arguments: the user chooses one of those that were forgotten last."""
    from mazu_ls.memory.store.forgotten import list_forgotten

    last = await list_forgotten((await opened_memories(server)).shelves, _CHOICES)
    index = await server.pick("Bring back which memory?", [f"{id}: {title[:_TITLE]}" for id, title in last])
    if index is None:
        raise InvalidArguments("`id` is missing: the one that mazu.memory.forget was given", "id")
    return wire.MemoryStateParams(last[index][0])


@command("mazu.memory.restore", natural=_restore_one)
async def restore(server: ServerState, params: wire.MemoryStateParams) -> MemoryResult:
    """Restore a forgotten memory."""
    return _changed(server, await (await opened_memories(server)).restore(params.id, params.scope))


async def _supersede_one(server: ServerState) -> wire.SupersedeParams:
    """Without arguments: the user chooses the one that is out of date, then the one that holds."""
    old = await _pick(server, "Which memory is out of date?", "current")
    return wire.SupersedeParams(old.id, (await _pick(server, "Which one holds instead?", "current")).id)


@command("mazu.memory.supersede", natural=_supersede_one)
async def supersede(server: ServerState, params: wire.SupersedeParams) -> MemoryResult:
    """Supersede a memory by another; answers with the one that holds."""
    memories = await opened_memories(server)
    return _changed(server, await memories.supersede(params.id, params.by, params.scope))


@command("mazu.memory.stats")
async def stats(server: ServerState, params: NoParams) -> wire.MemoryStats:
    """How much is remembered, by kind and state, and the bytes on the disk."""
    counts = await (await opened_memories(server)).stats()
    return wire.MemoryStats(counts.get("project"), counts["global"])


@command("mazu.memory.trait.list")
async def list_traits(server: ServerState, params: wire.ListTraitsParams) -> RecallResult:
    """List the traits of the user that every prompt includes: pinned ones first, then by name."""
    found = await (await opened_memories(server)).traits.list(params.scope)
    return RecallResult([MemoryView.from_memory(trait) for trait in found])


async def _trait_from_selection(server: ServerState) -> wire.SetTraitParams:
    """Without arguments: the selection, as `name: value`."""
    key, colon, value = (server.editor.selection if server.editor else "").partition(":")
    if not colon or not key.strip() or not value.strip():
        raise InvalidArguments("`key` is missing, and no text such as `name: value` is selected", "key")
    return wire.SetTraitParams(key.strip(), value.strip())


@command("mazu.memory.trait.set", natural=_trait_from_selection)
async def set_trait(server: ServerState, params: wire.SetTraitParams) -> MemoryResult:
    """Set a trait; global unless `scope` says otherwise."""
    traits = (await opened_memories(server)).traits
    scope = params.scope or "global"
    return _changed(server, await traits.set(params.key, params.value, pinned=params.pinned, scope=scope))


async def _choose_trait(server: ServerState) -> wire.DeleteTraitParams:
    """Without arguments: the user chooses one."""
    found = await (await opened_memories(server)).traits.list()
    index = await server.pick(
        "Delete which trait?", [f"{trait.key}: {trait.body[:_TITLE]}" for trait in found]
    )
    if index is None:
        raise InvalidArguments("`key` is missing; mazu.memory.trait.list shows the names", "key")
    return wire.DeleteTraitParams(found[index].key or "", found[index].scope)


@command("mazu.memory.trait.delete", natural=_choose_trait)
async def delete_trait(server: ServerState, params: wire.DeleteTraitParams) -> MemoryResult:
    """Remove a trait; answers with what it was."""
    traits = (await opened_memories(server)).traits
    return _changed(server, await traits.delete(params.key, params.scope or "global"))


def _changed(server: ServerState, memory: Memory) -> MemoryResult:
    server.notify_changed("memory")
    return MemoryResult(MemoryView.from_memory(memory))


async def _pick(server: ServerState, message: str, state: str) -> Memory:
    newest, _ = await (await opened_memories(server)).list(state=state, limit=_CHOICES)
    index = await server.pick(message, [f"{memory.id}: {memory.title[:_TITLE]}" for memory in newest])
    if index is None:
        raise InvalidArguments("`id` is missing; mazu.memory.list shows the ids", "id")
    return newest[index]
