"""mazu.memory.import.proposals, .accept, .reject: what the files of other agents hold, decided by the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories
from mazu_ls.server.wire.memory import memories as wire

if TYPE_CHECKING:
    from mazu_ls.memory.agents.imported_sessions import ImportedProposal
    from mazu_ls.memory.memories import Memories
    from mazu_ls.server.state import ServerState

_ALL = 100_000


@command("mazu.memory.import.proposals")
async def list_imported(server: ServerState, params: wire.ProposalPageParams) -> wire.ImportedProposalPage:
    """What waits to be accepted, with where it stands."""
    found, total = await (await opened_memories(server)).imported.proposals(params.limit, params.offset)
    views = [wire.ImportedProposalView(p.id, p.category, p.title, p.evidence, p.times) for p in found]
    return wire.ImportedProposalPage(views, total)


@command("mazu.memory.import.accept")
async def accept_imported(server: ServerState, params: wire.DecideProposalsParams) -> wire.DecidedProposals:
    """Remember proposals in the project, each with its evidence."""
    memories = await opened_memories(server)
    new, known = [], 0
    for one in await _chosen(memories, params):
        done = await memories.remember(
            one.title, f"From {one.evidence}", category=one.category, scope=memories.shelves.default_store, source="imported"
        )  # fmt: skip
        await memories.imported.decide([one.id], "accepted")
        known += done.outcome == "duplicate"
        if done.outcome != "duplicate":
            new.append(wire.MemoryView.from_memory(done.memory))
    if new:
        server.notify_changed("memory")
    _, left = await memories.imported.proposals(1)
    return wire.DecidedProposals(new, known, 0, left)


@command("mazu.memory.import.reject")
async def reject_imported(server: ServerState, params: wire.DecideProposalsParams) -> wire.DecidedProposals:
    """Drop proposals; the same is not proposed again."""
    memories = await opened_memories(server)
    chosen = await _chosen(memories, params)
    await memories.imported.decide([one.id for one in chosen], "rejected")
    _, left = await memories.imported.proposals(1)
    return wire.DecidedProposals([], 0, len(chosen), left)


async def _chosen(memories: Memories, params: wire.DecideProposalsParams) -> list[ImportedProposal]:
    if params.all == bool(params.ids):
        raise InvalidArguments(
            "either `ids` or `all` is needed, not both; mazu.memory.import.proposals lists the ids", "ids"
        )
    if params.all:
        return (await memories.imported.proposals(_ALL))[0]
    return await memories.imported.find(params.ids)
