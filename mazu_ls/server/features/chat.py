"""Editor features of a chat document: completion, folding, symbols, links. Nothing in other files."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.server import uris
from mazu_ls.server.chat import markdown
from mazu_ls.server.chat.commands import COMMANDS
from mazu_ls.server.features import feature, virtual
from mazu_ls.server.rpc import lsp_types
from mazu_ls.workspace.project_files import list_folder
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.state import ServerState

TYPED = re.compile(r"(?:^(?P<slash>/\w*)|(?<![\w@`/])@(?P<path>[\w./~+-]*)|\b(?P<memory>[mg]_\d*))$")
PATHS = 200
MEMORIES = 100
FILE, FOLDER, TEXT, SNIPPET, COMMAND = 17, 19, 1, 15, 3
TASK = """\
## Goal
${1:What should be true when this is done?}

Context: ${2:where it is, what was tried}
Acceptance: ${3:how to tell that it is done}
Constraints: ${4:what must not change}
Verify: ${5:the command that proves it}
"""


@feature("textDocument/completion", lsp_types.PositionParams)
async def completion(server: ServerState, params: lsp_types.PositionParams) -> list[dict[str, Any]] | None:
    """Complete `@path`, `/command`, the task template, and ids of memories."""
    document = _chat(server, params.text_document.uri)
    if document is None:
        return None
    line, column = document.locate(params.position)
    typed = TYPED.search(document.line(line)[:column])
    if typed is None:
        return None
    span = lsp_types.LspRange(document.position(line, typed.start()), params.position)
    if typed["slash"] is not None:
        return _commands(span)
    if typed["memory"] is not None:
        return await _memories(server, span)
    return await asyncio.to_thread(_paths, server, typed["path"], span)


@feature("textDocument/foldingRange", lsp_types.DocumentParams)
def folding(server: ServerState, params: lsp_types.DocumentParams) -> list[dict[str, Any]] | None:
    """Return the folding range under each heading."""
    document = _chat(server, params.text_document.uri)
    if document is None:
        return None
    found: list[dict[str, Any]] = []
    for section in markdown.sections(document.text):
        start = document.position_at(max(0, section.start - 1)).line
        said = document.text[section.start : section.end].rstrip()
        end = document.position_at(section.start + len(said)).line
        if said.strip() and end > start:
            found.append({"startLine": start, "endLine": end, "kind": "region"})
    return found


@feature("textDocument/documentSymbol", lsp_types.DocumentParams)
def symbols(server: ServerState, params: lsp_types.DocumentParams) -> list[dict[str, Any]] | None:
    """Return one symbol for each heading, named by the speaker and the first line under it."""
    document = _chat(server, params.text_document.uri)
    if document is None:
        return None
    found: list[dict[str, Any]] = []
    for section in markdown.sections(document.text):
        said = document.text[section.start : section.end].strip()
        first = split_lines(said, ends=False)[0][:60] if said else "…"
        line = document.position_at(max(0, section.start - 1)).line
        whole = lsp_types.LspRange(lsp_types.LspPosition(line, 0), document.position_at(section.end))
        head = lsp_types.LspRange(lsp_types.LspPosition(line, 0), lsp_types.LspPosition(line, 0))
        found.append({"name": f"{section.who}: {first}", "kind": 15, "range": whole, "selectionRange": head})
    return found


@feature("textDocument/documentLink", lsp_types.DocumentParams)
def links(server: ServerState, params: lsp_types.DocumentParams) -> list[dict[str, Any]] | None:
    """Return links to files named with `@`, and to checkpoints and memories by their ids."""
    document = _chat(server, params.text_document.uri)
    if document is None:
        return None
    found: list[dict[str, Any]] = []
    for match in markdown.MENTION.finditer(document.text):
        try:
            path = server.workspace.resolve(markdown.mentioned_path(match))
        except MazuError:
            continue
        if path.is_file():
            span = lsp_types.LspRange(document.position_at(match.start()), document.position_at(match.end()))
            target = uris.from_path(path) + (f"#L{match['first']}" if match["first"] else "")
            found.append({"range": span, "target": target})
    return found + virtual.links(server, document)


def _chat(server: ServerState, uri: str) -> OpenDocument | None:
    document = server.editor.documents.get(uri) if server.editor else None
    return document if document and markdown.is_chat(document.path) else None


def _commands(span: lsp_types.LspRange) -> list[dict[str, Any]]:
    found = [
        {
            "label": f"/{name}",
            "kind": COMMAND,
            "detail": command.help,
            "textEdit": lsp_types.TextEdit(span, f"/{name} "),
        }
        for name, command in COMMANDS.items()
    ]
    task = {"label": "/task", "kind": SNIPPET, "detail": "a task with its goal, constraints and proof"}
    plain = re.sub(r"\$\{\d:([^}]*)\}", r"\1", TASK).removeprefix("## ")
    return [*found, {**task, "textEdit": lsp_types.TextEdit(span, plain)}]


async def _memories(server: ServerState, span: lsp_types.LspRange) -> list[dict[str, Any]] | None:
    project = server.project
    if project is None or project.memories is None:
        return None
    found, _ = await project.memories.list(limit=MEMORIES)
    return [
        {
            "label": memory.id,
            "kind": TEXT,
            "detail": memory.title,
            "textEdit": lsp_types.TextEdit(span, memory.id),
        }
        for memory in found
    ]


def _paths(server: ServerState, typed: str, span: lsp_types.LspRange) -> list[dict[str, Any]]:
    """Return the entries of the folder typed so far, one level deep; hidden ones if a dot was typed."""
    folder, _, start = typed.rpartition("/")
    found: list[dict[str, Any]] = []
    for root in server.workspace.roots if not folder else [None]:
        try:
            place = root or server.workspace.resolve(folder)
            names = [entry.name for entry in list_folder(place)]
            entries = sorted((place / name for name in names), key=lambda path: (path.is_file(), path.name))
        except (OSError, MazuError):
            continue
        for entry in entries:
            if entry.name.startswith(start) and (start.startswith(".") or not entry.name.startswith(".")):
                found.append(_path(server, entry, span))
    return found[:PATHS]


def _path(server: ServerState, entry: Path, span: lsp_types.LspRange) -> dict[str, Any]:
    name = server.workspace.relative(entry) + ("/" if entry.is_dir() else "")
    kind = FOLDER if entry.is_dir() else FILE
    return {
        "label": f"@{name}",
        "kind": kind,
        "filterText": f"@{name}",
        "textEdit": lsp_types.TextEdit(span, markdown.mention_of(name) if kind == FILE else f"@{name}"),
    }
