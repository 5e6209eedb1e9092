"""mazu.proposal.*: pending edits; accepting by a command is for editors in which a literal edit does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.agent.proposals.hunks import apply_hunks
from mazu_ls.errors import Kind, MazuError
from mazu_ls.server import uris
from mazu_ls.server.commands import command
from mazu_ls.server.documents.apply_edit import apply_to_document
from mazu_ls.server.features.proposals import record_accepted, shown_range, text_of
from mazu_ls.server.wire import proposals as wire

if TYPE_CHECKING:
    from mazu_ls.agent.proposals.proposal_store import LocatedHunk
    from mazu_ls.agent.proposals.proposals import Proposals
    from mazu_ls.server.state import ServerState


@command("mazu.proposal.list")
async def list_proposals(server: ServerState, params: wire.ListProposalsParams) -> wire.ProposalList:
    """Every open hunk, or those of one document."""
    found: list[wire.ProposalView] = []
    for path, seen in (await _chosen(server, None, params.uri)).items():
        uri = uris.from_path(server.workspace.resolve(path, typed=True))
        document = await text_of(server, server.workspace.resolve(path, typed=True))
        for one in seen:
            hunk = one.proposed
            found.append(
                wire.ProposalView(
                    id=hunk.id, uri=uri, path=path, kind=hunk.hunk.kind,
                    state="stale" if one.standing.fate == "stale" else "open", hunk=hunk.number, of=hunk.of,
                    range=shown_range(document, one), diff=hunk.hunk.diff, session_id=hunk.session_id,
                    turn_id=hunk.turn_id, created_at=hunk.created_at,
                )
            )  # fmt: skip
    return wire.ProposalList(found)


async def _of_document(server: ServerState) -> wire.ChooseHunksParams:
    """Without arguments: the hunks at the last code action's range, else those of the document last seen, else all."""
    focus = server.editor.focus if server.editor else None
    found = await _chosen(server, None, focus.uri) if focus else {}
    seen = [one for hunks in found.values() for one in hunks]
    if focus is None or not seen:
        return wire.ChooseHunksParams()
    document = server.editor.document if server.editor else None
    span = focus.range
    at = [
        one.proposed.id
        for one in seen
        if span
        and (shown := shown_range(document, one))
        and shown.start.line <= span.end.line
        and span.start.line <= shown.end.line
    ]
    return wire.ChooseHunksParams(ids=at) if at else wire.ChooseHunksParams(uri=focus.uri)


async def _rejected_there(server: ServerState) -> wire.RejectHunksParams:
    """Without arguments: as for accepting."""
    chosen = await _of_document(server)
    return wire.RejectHunksParams(ids=chosen.ids, uri=chosen.uri)


@command("mazu.proposal.accept", natural=_of_document)
async def accept(server: ServerState, params: wire.ChooseHunksParams) -> wire.AcceptResult:
    """Make the edits: in the editor if the file is open, unsaved, else on disk, after a checkpoint."""
    proposals = await _proposals(server)
    chosen = await _chosen(server, params.ids, params.uri)
    problems = [
        f"{one.proposed.name} no longer fits: its text changed."
        for seen in chosen.values()
        for one in seen
        if one.standing.fate == "stale"
    ]
    await _checkpoint(server, chosen)
    accepted: list[str] = []
    for name, seen in chosen.items():
        fitting = [one for one in seen if one.standing.fate == "open"]
        if not fitting:
            continue
        try:
            await _make(server, name, fitting)
        except MazuError as error:
            problems.append(f"{name}: {error.message} {error.hint}".strip())
            continue
        document = await text_of(server, server.workspace.resolve(name, typed=True))
        proposals.sync_document(name, document.lines if document else None)
        accepted += [one.proposed.id for one in fitting]
    await proposals.flush()
    return wire.AcceptResult(accepted, problems)


@command("mazu.proposal.reject", natural=_rejected_there)
async def reject(server: ServerState, params: wire.RejectHunksParams) -> wire.RejectResult:
    """Reject the edits; the model is informed at the end of its turn or with the next message."""
    proposals = await _proposals(server)
    chosen = await _chosen(server, params.ids, params.uri)
    ids = {one.proposed.id for seen in chosen.values() for one in seen}
    return wire.RejectResult([one.id for one in await proposals.reject(ids, params.note)])


async def _make(server: ServerState, name: str, seen: list[LocatedHunk]) -> None:
    from mazu_ls.agent.proposals.proposals import AcceptedText, locate_open_hunks

    path = server.workspace.resolve(name, write=True, typed=True)
    try:
        before: str | None = await server.host.read(path)
    except FileNotFoundError:
        before = None
    after = apply_hunks(before, locate_open_hunks(seen))
    if server.project and server.project.checkpoints:
        sessions, first = frozenset(one.proposed.session_id for one in seen), seen[0].proposed
        accepted = AcceptedText(name, before, after, sessions, first.session_id, first.turn_id)
        await record_accepted(server.project.checkpoints, path, accepted)
    document = server.editor.documents.at(path) if server.editor else None
    if server.editor and document and before is not None and after is not None:
        await apply_to_document(server.editor, document, after, "Mazu: accept proposal", in_command=True)
    else:
        await server.host.edit(path, before, after)


async def _checkpoint(server: ServerState, chosen: dict[str, list[LocatedHunk]]) -> None:
    """Take a checkpoint, so that what is written to disk can be undone."""
    assert server.project is not None
    paths = [server.workspace.resolve(name, typed=True) for name in chosen]
    documents = server.editor.documents if server.editor else None
    closed = [path for path in paths if documents is None or documents.at(path) is None]
    if closed:
        one = next(seen for seen in chosen.values() if seen)[0].proposed
        await server.project.checkpoint(
            "baseline", "before proposals were accepted", session_id=one.session_id, turn_id=one.turn_id, touched=closed
        )  # fmt: skip


async def _chosen(
    server: ServerState, ids: list[str] | None, uri: str | None
) -> dict[str, list[LocatedHunk]]:
    """Return the requested open hunks, by file, as they are now. Raises MazuError(not_found) for an id that is not
    open."""
    proposals = await _proposals(server)
    file = server.file_of(uri) if uri else None
    name = server.name_of(file) if file else None
    if uri and file is None:
        return {}
    found: dict[str, list[LocatedHunk]] = {}
    for path in proposals.paths:
        document = await text_of(server, server.workspace.resolve(path, typed=True))
        seen = proposals.sync_document(path, document.lines if document else None)
        if kept := [one for one in seen if name in (None, path) and (ids is None or one.proposed.id in ids)]:
            found[path] = kept
    await proposals.flush()
    if ids and not found:
        raise MazuError(
            Kind.NOT_FOUND, "That proposal is no longer open.", "See mazu.proposal.list for those that are."
        )
    return found


async def _proposals(server: ServerState) -> Proposals:
    project = await server.wait_opened()
    if project.proposals is None:
        raise project.no_memory or MazuError(Kind.STORAGE, "memory.db is not open.", "See mazu.status.")
    await project.proposals.refresh()
    return project.proposals
