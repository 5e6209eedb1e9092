"""mazu.remember, mazu.recall, mazu.memory.*."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.memory.agents.decision_candidates import stated_category
from mazu_ls.memory.models import matches
from mazu_ls.server import uris
from mazu_ls.server.chat.attachments import last_line
from mazu_ls.server.commands import command
from mazu_ls.server.wire.codec import as_view
from mazu_ls.server.wire.common import DocumentRange
from mazu_ls.server.wire.memory import memories as wire
from mazu_ls.state.paths import PROJECT_FOLDER
from mazu_ls.tools.knowledge.anchored_files import refresh_anchors
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.memory import models
    from mazu_ls.memory.graph.consolidate import Consolidation
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import AnchorRequest
    from mazu_ls.server.documents.notebooks import CellPlace
    from mazu_ls.server.state import ServerState

TITLE = 120
CHOICES = 8


async def _remember_selection(server: ServerState) -> wire.RememberParams:
    """Without arguments: the selected text, anchored where it stands; its first line is the title."""
    from mazu_ls.server.chat.cursor_context import title_of_passage

    focus = server.editor.focus if server.editor else None
    text = server.editor.selection if server.editor else ""
    lines = [line.strip() for line in split_lines(text, ends=False) if line.strip()]
    if focus is None or not lines:
        raise InvalidArguments(
            "`title` is missing, and no text is selected that could be remembered", "title"
        )
    anchors = (DocumentRange(focus.uri, focus.range),) if server.file_of(focus.uri) else ()
    document = server.editor.document if server.editor else None
    title = (
        title_of_passage(lines[0], server.title_of(document), document.language_id) if document else lines[0]
    )
    return wire.RememberParams(title[:TITLE], text, anchors=anchors)


@command("mazu.remember", natural=_remember_selection)
async def remember(server: ServerState, params: wire.RememberParams) -> wire.RememberResult:
    """Remember one thing, unless it is known."""
    memories = await opened_memories(server)
    category = params.category or ("user_preference" if params.scope == "global" else "fact")
    remembered = await memories.remember(
        params.title,
        params.body,
        category=category,
        scope=params.scope,
        tags=params.tags,
        pinned=params.pinned,
        anchors=await _anchors(server, params.anchors),
        supersedes=params.supersedes,
        source="user",
    )
    stated = None if params.category or category != "fact" else stated_category(params.title)
    if stated is not None and remembered.outcome == "created":  # what it duplicates or replaces keeps its own
        remembered = replace(remembered, memory=await memories.update(remembered.memory.id, category=stated))
    server.notify_changed("memory")
    if server.editor and not server.editor.profile.opted("updates"):  # such a client shows nothing by itself
        known = "" if remembered.outcome == "created" else f" ({remembered.outcome})"
        await server.host.say("info", f"Mazu: remembered “{remembered.memory.title}”{known}.")
    view = wire.MemoryView.from_memory
    return wire.RememberResult(
        view(remembered.memory),
        remembered.outcome,
        remembered.replaced and view(remembered.replaced),
        tuple(map(view, remembered.alike)),
    )


async def _recall_for_focus(server: ServerState) -> wire.RecallParams:
    """Without arguments: what is known about the selected text, else about the document last seen."""
    editor = server.editor
    if editor is None or editor.focus is None:
        raise InvalidArguments("`query` is missing, and no document is open to use instead", "query")
    path, document = server.file_of(editor.focus.uri, "query"), editor.document
    asked = editor.selection.strip() or (server.name_of(path) if path else document.text if document else "")
    if not asked.strip():
        raise InvalidArguments("`query` is missing, and the open document is empty", "query")
    return wire.RecallParams(asked[:2000], uri=editor.focus.uri)


@command("mazu.recall", natural=_recall_for_focus)
async def recall(server: ServerState, params: wire.RecallParams) -> wire.RecallResult:
    """What is known, best first, with the reason for each."""
    memories = await opened_memories(server)
    path = server.file_of(params.uri) if params.uri else None
    files = [server.name_of(path)] if path else []

    async def ask() -> list[models.Memory]:
        return await memories.recall(
            params.query, limit=params.limit, scope=params.scope, category=params.category, files=files
        )

    if await refresh_anchors(memories, found := await ask(), server.host, server.workspace):
        found = await ask()
    views = [wire.MemoryView.from_memory(memory) for memory in found]
    unaccepted = await _unaccepted(server, memories, found)
    from mazu_ls.memory.search.rank import BY_MEANING

    sure = [memory for memory in found if matches(memory)]
    if any(not (memory.why or "").startswith(BY_MEANING) for memory in sure):
        return wire.RecallResult(views, notice=memories.embedder.notice, unaccepted=unaccepted)
    from mazu_ls.memory.team.waiting_proposals import count_waiting
    from mazu_ls.server.commands.memory.past_words import find_past_words
    from mazu_ls.state.worktrees import main_worktree

    project = await server.wait_opened()
    said = await find_past_words(project, params.query)  # the very words say more than what is merely close
    if sure:
        return wire.RecallResult(views, said=said, notice=memories.embedder.notice, unaccepted=unaccepted)
    waiting = await count_waiting(memories, project.root)
    main = await asyncio.to_thread(main_worktree, project.root, server.env) if project.folders else None
    return wire.RecallResult(
        views, bool(found), waiting, said, str(main) if main else None, memories.embedder.notice, unaccepted
    )


async def _unaccepted(
    server: ServerState, memories: Memories, listed: Sequence[models.Memory]
) -> tuple[str, ...]:
    """Return the ids of shared memories whose file was changed, by hand or by a merge, and not accepted."""
    if not any(memory.shared for memory in listed):
        return ()
    from mazu_ls.memory.team.waiting_proposals import find_changed_files

    return tuple(await find_changed_files(memories, (await server.wait_opened()).root, listed))


@command("mazu.memory.list")
async def list_memories(server: ServerState, params: wire.ListMemoriesParams) -> wire.MemoryPage:
    """Memories, newest first."""
    memories = await opened_memories(server)

    async def read() -> tuple[list[models.Memory], int]:
        return await memories.list(
            scope=params.scope,
            category=params.category,
            state=params.state,
            limit=params.limit,
            offset=params.offset,
        )

    page, total = await read()
    if await refresh_anchors(memories, page, server.host, server.workspace):
        page, total = await read()
    views = [wire.MemoryView.from_memory(memory) for memory in page]
    return wire.MemoryPage(views, total, await _unaccepted(server, memories, page))


async def _pin_one(server: ServerState) -> wire.UpdateMemoryParams:
    """Without arguments: the user chooses one of the newest memories, which is pinned, or unpinned if it was."""
    memory = await pick_memory(server, "Pin or unpin which memory?")
    return wire.UpdateMemoryParams(memory.id, pinned=not memory.pinned)


@command("mazu.memory.update", natural=_pin_one)
async def update(server: ServerState, params: wire.UpdateMemoryParams) -> wire.MemoryResult:
    """Change what is given and nothing else."""
    memories = await opened_memories(server)
    anchors = None if params.anchors is None else await _anchors(server, params.anchors)
    memory = await memories.update(
        params.id,
        params.scope,
        title=params.title,
        body=params.body,
        category=params.category,
        tags=params.tags,
        pinned=params.pinned,
        anchors=anchors,
    )
    server.notify_changed("memory")
    return wire.MemoryResult(wire.MemoryView.from_memory(memory))


async def _forget_one(server: ServerState) -> wire.ForgetParams:
    """Without arguments: the user chooses one of the newest memories."""
    return wire.ForgetParams((await pick_memory(server, "Forget which memory?")).id)


@command("mazu.memory.forget", natural=_forget_one)
async def forget(server: ServerState, params: wire.ForgetParams) -> wire.ForgetResult:
    """Delete one memory; what it had superseded is live again."""
    memories = await opened_memories(server)
    memory = await memories.forget(params.id, params.scope, for_good=params.for_good)
    server.notify_changed("memory")
    return wire.ForgetResult(wire.MemoryView.from_memory(memory))


@command("mazu.memory.consolidate")
async def consolidate(server: ServerState, params: wire.ConsolidateParams) -> wire.ConsolidationResult:
    """Propose what to archive and to draft; with `apply` do what was proposed, after a checkpoint if anything changes. `last`: what
    was proposed the last time."""
    from mazu_ls.memory.graph.stored_proposals import decide, find_proposals, would_apply
    from mazu_ls.server.commands.checkpoints import take_checkpoint

    memories = await opened_memories(server)
    store = memories.shelves.store(memories.shelves.default_store)
    if params.apply and (params.last or params.dismiss):
        raise InvalidArguments("`apply` goes with neither `last` nor `dismiss`", "apply")
    if params.apply or params.dismiss:
        changes = params.apply and await store.read(lambda rows: would_apply(rows, params.ids))
        if changes and server.project and server.project.checkpoints:
            await take_checkpoint(server, server.project.checkpoints, "before consolidating memory")
        decided = await store.write(
            lambda rows: decide(rows, params.ids, "applied" if params.apply else "dismissed")
        )
        server.notify_changed("memory", *(["checkpoints"] if changes else []))
        return _consolidated(decided)
    if params.last or params.ids:
        return _consolidated(await store.read(lambda rows: find_proposals(rows, params.ids)))
    return _consolidated(await memories.consolidate())


def _consolidated(found: Consolidation) -> wire.ConsolidationResult:
    return wire.ConsolidationResult(
        [as_view(one, wire.ConsolidationProposalView) for one in found.proposals],
        [wire.MemoryView.from_memory(memory) for memory in found.archived],
        [wire.MemoryView.from_memory(memory) for memory in found.pages],
        found.applied,
        found.digest,
        list(found.not_applied),
        None if found.at is None else found.at.isoformat(),
    )


async def _usual_place(server: ServerState) -> wire.ExportImportParams:
    """Without arguments: the folder `.mazu/memory/` of the project."""
    project = await server.wait_opened()
    return wire.ExportImportParams(uris.from_path(project.root / PROJECT_FOLDER / "memory"))


@command("mazu.memory.export", natural=_usual_place)
async def export(server: ServerState, params: wire.ExportImportParams) -> wire.ExportedMemories:
    """The project's memories as Markdown, lossless; those of every project only where that is asked for."""
    memories = await opened_memories(server)
    scope = params.scope or memories.shelves.default_store
    path = server.path_of(params.uri)
    within = next((root for root in server.folders if root != path and path.is_relative_to(root)), None)
    count = await memories.export(path, None if scope == "all" else scope, within)
    unsaid = params.scope is None and scope == "project"
    left_out = (await memories.stats())["global"]["entries"] if unsaid else 0
    return wire.ExportedMemories(count, uris.from_path(path), left_out)


async def _usual_import(server: ServerState) -> wire.ImportParams:
    """Without arguments: the folder `.mazu/memory/` of the project."""
    return wire.ImportParams((await _usual_place(server)).uri)


@command("mazu.memory.import", natural=_usual_import)
async def import_(
    server: ServerState, params: wire.ImportParams
) -> wire.ImportedMemories | wire.AgentImportResult:
    """Import memories from Markdown that `mazu.memory.export` wrote, or the rows of a database, with their origin marked; or, with
    `agent`, proposals and searchable transcripts of another agent."""
    from mazu_ls.memory.io.foreign_rows import is_database

    memories = await opened_memories(server)
    path = server.path_of(params.uri)
    if params.agent:
        done = await memories.imported.read_from(params.agent, path)
        return wire.AgentImportResult(
            done.messages, done.files, done.unchanged, done.proposals, done.problems
        )
    rows = await asyncio.to_thread(is_database, path)
    imported = await (memories.import_rows(path) if rows else memories.import_(path))
    server.notify_changed("memory")
    return as_view(imported, wire.ImportedMemories)


async def pick_memory(server: ServerState, message: str) -> models.Memory:
    """Let the user choose one of the newest memories. Raises InvalidArguments if none is chosen."""
    memories = await opened_memories(server)
    newest, _ = await memories.list(limit=CHOICES)
    index = await server.pick(message, [f"{memory.id}: {memory.title[:TITLE]}" for memory in newest])
    if index is None:
        raise InvalidArguments("`id` is missing; mazu.memory.list shows the ids", "id")
    return newest[index]


async def opened_memories(server: ServerState) -> Memories:
    """Return the project's memory. Raises MazuError if it cannot be opened."""
    project = await server.wait_opened()
    if project.memories is None:
        raise project.no_memory or MazuError(Kind.STORAGE, "Memory is not open.", "See mazu.status.")
    return project.memories


async def _anchors(server: ServerState, places: Sequence[DocumentRange]) -> list[AnchorRequest]:
    """Return each place with the text that is its evidence."""
    from mazu_ls.memory.models import AnchorRequest
    from mazu_ls.memory.models import TextRange as Span

    found: list[AnchorRequest] = []
    for index, place in enumerate(places):
        if cell := await server.cell_place(place.uri):
            found.append(_in_notebook(server, cell, place, index))
            continue
        path = server.path_of(place.uri, f"anchors[{index}].uri")
        try:
            text = await server.host.read(path)
        except OSError as error:
            raise MazuError(
                Kind.NOT_FOUND, f"{path} cannot be read: {error.strerror}.", "Check the path."
            ) from error
        if place.range and place.range.start.line > (last := _last_line(text)):
            raise InvalidArguments(
                f"`anchors[{index}].range` starts at line {place.range.start.line}, and the last one of {path.name} is {last}",
                f"anchors[{index}].range",
            )
        span = place.range and Span(
            place.range.start.line,
            place.range.start.character,
            place.range.end.line,
            place.range.end.character,
        )
        found.append(AnchorRequest(server.name_of(path), span, text=text))
    return found


def _in_notebook(server: ServerState, cell: CellPlace, place: DocumentRange, index: int) -> AnchorRequest:
    """Return the lines of a cell as lines of the notebook's file. Raises MazuError(unsupported) for a file without lines."""
    from mazu_ls.memory.models import AnchorRequest
    from mazu_ls.memory.models import TextRange as Span

    source, span = cell.source, place.range
    if source is None:
        raise MazuError(
            Kind.UNSUPPORTED,
            f"{cell.path.name} is written on one line.",
            "Save it with indentation, as notebooks usually are.",
        )
    if span and span.start.line > source.count:
        raise InvalidArguments(
            f"`anchors[{index}].range` starts at line {span.start.line}, and the cell has {source.count}",
            f"anchors[{index}].range",
        )
    first, last = (span.start.line, last_line(span) - 1) if span else (0, source.count - 1)
    lines = source.line_of(first), source.line_of(max(first, last))
    end = len(cell.text.split("\n")[lines[1]])
    return AnchorRequest(server.name_of(cell.path), Span(lines[0], 0, lines[1], end), text=cell.text)


def _last_line(text: str) -> int:
    """Return the number (0-based) of the last line that an editor shows."""
    lines = split_lines(text)
    return len(lines) if not lines or lines[-1].endswith(("\n", "\r")) else len(lines) - 1
