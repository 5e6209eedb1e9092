"""mazu.memory.import.proposals, .accept, .reject: proposals from the files of other agents, decided by the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.server.commands import command
from mazu_ls.server.commands.memory.memories import opened_memories
from mazu_ls.server.commands.memory.team import team_memory
from mazu_ls.server.wire.memory import memories as wire

if TYPE_CHECKING:
    from mazu_ls.memory.agents.imported_sessions import ImportedProposal
    from mazu_ls.server.state import ServerState

_ALL = 100_000


@command("mazu.memory.import.proposals")
async def list_imported(server: ServerState, params: wire.ProposalPageParams) -> wire.ImportedProposalPage:
    """List pending proposals with their place: first those of the project's shared folder."""
    team, _ = await (await team_memory(server)).proposals()
    views = [wire.ImportedProposalView(p.id, p.category, p.title, p.evidence, 1) for p in team]
    page = views[params.offset : params.offset + params.limit]
    found, total = await (await opened_memories(server)).imported.proposals(
        params.limit - len(page), max(0, params.offset - len(views))
    )
    page += [wire.ImportedProposalView(p.id, p.category, p.title, p.evidence, p.times) for p in found]
    return wire.ImportedProposalPage(page, len(views) + total)


@command("mazu.memory.import.accept")
async def accept_imported(server: ServerState, params: wire.DecideProposalsParams) -> wire.DecidedProposals:
    """Remember proposals in the project, each with its evidence; those of the shared folder are taken over."""
    memories = await opened_memories(server)
    shared, imported = await _chosen(server, params)
    team = await team_memory(server)
    taken = await team.accept(shared)
    notes = await team.conflicts(taken)
    new, known = [wire.MemoryView.from_memory(memory) for memory in taken], len(shared) - len(taken)
    for one in imported:
        done = await memories.remember(
            one.title, f"From {one.evidence}", category=one.category, scope=memories.shelves.default_store, source="imported"
        )  # fmt: skip
        await memories.imported.decide([one.id], "accepted")
        known += done.outcome == "duplicate"
        if done.outcome != "duplicate":
            new.append(wire.MemoryView.from_memory(done.memory))
        if (old := done.replaced) is not None:
            notes.append(f"{done.memory.id} replaces {old.id} “{old.title}”")
        notes += [f"{done.memory.id} is much like {one.id} “{one.title}”" for one in done.alike]
    if new or shared:
        memories.embedder.schedule()
        server.notify_changed("memory")
    return wire.DecidedProposals(new, known, 0, await _left(server), tuple(notes))


@command("mazu.memory.import.reject")
async def reject_imported(server: ServerState, params: wire.DecideProposalsParams) -> wire.DecidedProposals:
    """Drop proposals; the same is not proposed again."""
    shared, imported = await _chosen(server, params)
    await (await team_memory(server)).reject(shared)
    await (await opened_memories(server)).imported.decide([one.id for one in imported], "rejected")
    return wire.DecidedProposals([], 0, len(shared) + len(imported), await _left(server))


async def _left(server: ServerState) -> int:
    from mazu_ls.memory.team.waiting_proposals import count_waiting

    memories, project = await opened_memories(server), await server.wait_opened()
    return await count_waiting(memories, project.root)


async def _chosen(
    server: ServerState, params: wire.DecideProposalsParams
) -> tuple[list[str], list[ImportedProposal]]:
    """Return the ids of proposals from the shared folder, and imported ones."""
    memories = await opened_memories(server)
    if params.all == bool(params.ids):
        raise InvalidArguments(
            "say which proposals, or that it is about all of them; mazu.memory.import.proposals lists them",
            "ids",
        )
    if params.all:
        team, _ = await (await team_memory(server)).proposals()
        return [one.id for one in team], (await memories.imported.proposals(_ALL))[0]
    shared = [id for id in dict.fromkeys(params.ids) if id.startswith("t_")]
    return shared, await memories.imported.find([id for id in params.ids if not id.startswith("t_")])
