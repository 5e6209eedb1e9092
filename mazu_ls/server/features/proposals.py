"""Proposals in the editor: a hint on each hunk, and code actions whose literal edits accept it in any editor."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.agent.proposals.hunks import Hunk, apply_hunks
from mazu_ls.errors import MazuError
from mazu_ls.server import uris
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.text_edits import annotated, text_edits
from mazu_ls.server.rpc import lsp_types
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.proposals.proposal_store import LocatedHunk
    from mazu_ls.agent.proposals.proposals import AcceptedText, Proposals
    from mazu_ls.checkpoints.engine import Checkpoints
    from mazu_ls.journal.journal import Event
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
HINT = 4
SHOWN_LINES = 12
"""Maximum lines of a hunk in its hint."""
FILES_OFFERED = 5
"""Maximum number of files to be created or deleted that are offered individually, since the cursor cannot be in them."""


def attach(server: ServerState, project: Project) -> None:
    """The project is open: show its proposals, follow them, and announce new ones at the end of a turn."""
    from mazu_ls.journal import journal

    proposals = project.proposals
    if proposals is None:
        return
    proposals.taken = lambda accepted: _accepted(server, project, accepted)
    if project.checkpoints is not None:
        from mazu_ls.checkpoints.store.editor_knowledge import AcceptedEdit

        def accepted_edits(path: Path, before: str | None, after: str | None) -> list[AcceptedEdit]:
            found = proposals.accepted_between(server.name_of(path), before, after)
            return [AcceptedEdit(one.sessions, one.before, one.after) for one in found]

        project.checkpoints.editors.accepted_edits = accepted_edits
    if server.editor:
        proposals.late = server.editor.profile.declares("workspace.applyEdit") is not True
        proposals.subscribe(lambda path: _changed(server, path))
        for path in proposals.paths:
            server.jobs.spawn(server.hints.proposed(path))

    def on_event(session_id: str, event: Event) -> None:
        if isinstance(event.body, journal.TurnEnded):
            made = [
                one
                for path in proposals.paths
                for one in proposals.for_path(path)
                if one.turn_id == event.turn
            ]
            if made:
                files = len({one.path for one in made})
                server.jobs.spawn(server.host.say("info", _announced(len(made), files)))

    project.subscribe(on_event)


def _changed(server: ServerState, path: str) -> None:
    server.jobs.spawn(server.hints.proposed(path))
    server.notify_changed("proposals")


def sync_document(server: ServerState, document: OpenDocument) -> None:
    """A document was opened or changed: close at once what was accepted there."""
    proposals = _open_proposals(server)
    if proposals and document.path and proposals.is_tracked:
        proposals.sync_document(server.name_of(document.path), document.lines, typing=True)
        _write_down(server, proposals)


async def renamed(server: ServerState, old: Path, new: Path) -> None:
    """A file or folder was renamed: its proposals follow."""
    if proposals := _open_proposals(server):
        await proposals.renamed(server.name_of(old), server.name_of(new))


def hints(server: ServerState, document: OpenDocument) -> list[dict[str, Any]]:
    """Return one diagnostic for each open hunk of a document."""
    proposals = _open_proposals(server)
    if proposals is None or document.path is None or not proposals.paths:
        return []
    seen = proposals.sync_document(server.name_of(document.path), document.lines)
    _write_down(server, proposals)
    return [_hint(document, one) for one in seen]


async def hints_of_file(server: ServerState, path: Path) -> list[dict[str, Any]]:
    """Return the same for a file that is not open; a missing file has no place for them."""
    proposals = _open_proposals(server)
    if proposals is None or not proposals.for_path(server.name_of(path)):
        return []
    document = await text_of(server, path)
    seen = proposals.sync_document(server.name_of(path), document.lines if document else None)
    await proposals.flush()
    return [_hint(document, one) for one in seen] if document else []


async def actions(
    server: ServerState, document: OpenDocument, span: lsp_types.LspRange
) -> list[dict[str, Any]]:
    """Return accept and reject actions: for the hunks in the range, for this document's, and for all."""
    proposals = _open_proposals(server)
    if proposals is None:
        return []
    await proposals.refresh()
    if document.path:
        sync_document(server, document)
    if not proposals.paths:
        return []
    name = server.name_of(document.path) if document.path else ""
    seen = proposals.sync_document(name, document.lines)
    touched = [one for one in seen if _touches(shown_range(document, one), span)]
    kind = "quickfix" if touched else "source"
    found: list[dict[str, Any]] = []
    for one in touched:
        count = f"hunk {one.proposed.number} of {one.proposed.of}"
        found += [
            {**action, "diagnostics": [_hint(document, one)]}
            for action in await _pair(server, count, "quickfix", {name: [one]})
        ]
    if seen:
        found += await _pair(server, f"file {name.rpartition('/')[2]}, {_hunks(seen)}", kind, {name: seen})
    everything = {path: await _seen(server, proposals, path) for path in proposals.paths}
    others = [(path, one) for path, one in everything.items() if one and one[0].proposed.hunk.kind != "edit"]
    for path, one in others[:FILES_OFFERED]:
        if path != name:
            what = "new file" if one[0].proposed.hunk.kind == "create" else "deletion of file"
            found += await _pair(server, f"{what} {path}", "source", {path: one})
    files = [path for path, one in everything.items() if one]
    if files:
        count = _hunks([one for path in files for one in everything[path]])
        where = "1 file" if len(files) == 1 else f"{len(files)} files"
        found += await _pair(server, f"all, {count} in {where}", kind, everything)
    return found


def _accepted(server: ServerState, project: Project, accepted: AcceptedText) -> None:
    """Record what was accepted as the agent's change, whoever's keys made it."""
    path = server.workspace.resolve(accepted.path)
    if server.editor and accepted.before is not None and accepted.after is not None:
        server.hints.edited(path, accepted.before, accepted.after)
    if project.checkpoints is not None:
        server.jobs.spawn(_hold_accepted(project, project.checkpoints, path, accepted))


async def _hold_accepted(
    project: Project, checkpoints: Checkpoints, path: Path, accepted: AcceptedText
) -> None:
    """Take a checkpoint at once, which separates it from what the user types next."""
    await record_accepted(checkpoints, path, accepted)
    if project.proposals is not None:
        project.proposals.recorded(accepted)
    label = f"accepted: {accepted.path}"
    await project.checkpoint(
        "step", label, session_id=accepted.session_id, turn_id=accepted.turn_id, touched=[path], title=label
    )


async def record_accepted(checkpoints: Checkpoints, path: Path, accepted: AcceptedText) -> None:
    """Record it as the sessions' edit; on failure it stays the user's."""
    try:
        for session in sorted(accepted.sessions):
            await checkpoints.record_edit(session, path, accepted.before, accepted.after)
    except MazuError as error:
        logger.warning("that a proposal was accepted is not recorded: %s", error)


def _write_down(server: ServerState, proposals: Proposals) -> None:
    if proposals.has_unwritten_decisions:
        server.jobs.spawn(proposals.flush())


async def text_of(server: ServerState, path: Path) -> OpenDocument | None:
    """Return the open document, else the file as one; None if there is no such file, or it is no text."""
    if server.editor and (document := server.editor.documents.at(path)):
        return document
    try:
        text = await server.host.read(path)
    except FileNotFoundError:
        return None
    except (OSError, MazuError) as error:
        logger.info("The proposal for %s cannot be shown: %s", path, error)
        return None
    encoding = server.editor.documents.encoding if server.editor else "utf-16"
    return OpenDocument(lsp_types.DocumentItem(uris.from_path(path), 0, text), encoding)


async def _seen(server: ServerState, proposals: Proposals, path: str) -> list[LocatedHunk]:
    document = await text_of(server, server.workspace.resolve(path))
    return proposals.sync_document(path, document.lines if document else None)


async def _pair(
    server: ServerState, what: str, kind: str, seen: Mapping[str, Sequence[LocatedHunk]]
) -> list[dict[str, Any]]:
    """Return the actions that accept and reject some hunks. Stale ones can only be rejected."""
    ids = [one.proposed.id for hunks in seen.values() for one in hunks]
    chosen = {path: _open_hunks(hunks) for path, hunks in seen.items()}
    reject = _command(f"reject proposal ({what})", kind, "mazu.proposal.reject", ids)
    if not any(chosen.values()):
        return [reject]
    title = f"accept proposal ({what})"
    edit = await _workspace_edit(server, chosen, f"Mazu: {title}", confirm=len(ids) > 1)
    if edit is None:
        return [_command(title, kind, "mazu.proposal.accept", ids), reject]
    return [{"title": f"Mazu: {title}", "kind": kind, "edit": edit}, reject]


async def _workspace_edit(
    server: ServerState, chosen: dict[str, list[Hunk]], label: str, *, confirm: bool
) -> dict[str, Any] | None:
    """Return a literal edit that makes these hunks; None if the editor cannot create or delete files by one.

    The hint has already shown a single hunk; several are marked `confirm`, to be shown before they are made.
    """
    assert server.editor is not None
    profile = server.editor.profile
    versioned = profile.declares("workspace.workspaceEdit.documentChanges") is True
    operations = profile.declares("workspace.workspaceEdit.resourceOperations") if versioned else None
    able = operations if isinstance(operations, list) else []
    steps: list[dict[str, Any]] = []
    for name, hunks in chosen.items():
        path = server.workspace.resolve(name)
        document = await text_of(server, path)
        for kind in {hunk.kind for hunk in hunks} - {"edit"}:
            if kind not in able and not (kind == "create" and document):
                return None
        if hunks:
            steps += _steps(server, path, document, hunks)
    if versioned:
        return annotated(profile, steps, label, confirm=confirm)
    return {"changes": {step["textDocument"]["uri"]: step["edits"] for step in steps}}


def _steps(
    server: ServerState, path: Path, document: OpenDocument | None, hunks: Sequence[Hunk]
) -> list[dict[str, Any]]:
    assert server.editor is not None
    uri = document.uri if document else uris.from_path(path)
    after = apply_hunks(document.text if document else None, hunks)
    if after is None:
        return [{"kind": "delete", "uri": uri}]
    creating = [] if document else [{"kind": "create", "uri": uri, "options": {"ignoreIfExists": True}}]
    document = document or OpenDocument(lsp_types.DocumentItem(uri, 0, ""), server.editor.documents.encoding)
    version = document.version if server.editor.documents.get(uri) else None
    edits = text_edits(document, after)
    return [*creating, {"textDocument": {"uri": uri, "version": version}, "edits": edits}]


def _open_hunks(seen: Iterable[LocatedHunk]) -> list[Hunk]:
    from mazu_ls.agent.proposals.proposals import locate_open_hunks

    return locate_open_hunks(seen)


def _hint(document: OpenDocument, one: LocatedHunk) -> dict[str, Any]:
    lines = split_lines(one.proposed.hunk.diff, ends=False)
    shown = "\n".join([*lines[:SHOWN_LINES], *(["…"] if len(lines) > SHOWN_LINES else [])])
    said = (
        "A proposal that no longer fits, because the text changed"
        if one.standing.fate == "stale"
        else "Mazu proposes to delete this file"
        if one.proposed.hunk.kind == "delete"
        else "Mazu proposes"
    )
    return {
        "range": shown_range(document, one),
        "severity": HINT,
        "source": "mazu",
        "message": f"{said} (hunk {one.proposed.number} of {one.proposed.of})\n{shown}".rstrip(),
        "data": {"proposal": one.proposed.id},
    }


def shown_range(document: OpenDocument | None, one: LocatedHunk) -> lsp_types.LspRange:
    """Return the lines that would be removed; for added ones the line before which they go, or the last one."""
    if document is None:
        return lsp_types.LspRange(lsp_types.LspPosition(0, 0), lsp_types.LspPosition(0, 0))
    count = 1 if one.standing.fate == "stale" else max(1, len(one.proposed.hunk.old))
    first = min(one.standing.line, max(0, len(document.lines) - 1))
    last = min(first + count - 1, max(0, len(document.lines) - 1))
    end = len(document.line(last).rstrip("\r\n"))
    return lsp_types.LspRange(lsp_types.LspPosition(first, 0), document.position(last, end))


def _touches(one: lsp_types.LspRange, other: lsp_types.LspRange) -> bool:
    return one.start.line <= other.end.line and other.start.line <= one.end.line


def _hunks(seen: Sequence[LocatedHunk]) -> str:
    return "1 hunk" if len(seen) == 1 else f"{len(seen)} hunks"


def _announced(hunks: int, files: int) -> str:
    what = "1 edit" if hunks == 1 else f"{hunks} edits"
    where = "1 file" if files == 1 else f"{files} files"
    return f"Mazu proposes {what} in {where}: accept or reject them with code actions, or by `mazu-ls proposals review`."


def _command(title: str, kind: str, command: str, ids: Sequence[str]) -> dict[str, Any]:
    shown = f"Mazu: {title}"
    return {
        "title": shown,
        "kind": kind,
        "command": {"title": shown, "command": command, "arguments": [{"ids": list(ids)}]},
    }


def _open_proposals(server: ServerState) -> Proposals | None:
    return server.project.proposals if server.project else None
