"""Document sync: what the editor shows is what the agent reads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mazu_ls.server.chat import documents as chat_documents
from mazu_ls.server.chat import markdown, questions, redraw
from mazu_ls.server.features import feature, proposals
from mazu_ls.server.host import LspHost
from mazu_ls.server.rpc import lsp_types

if TYPE_CHECKING:
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)


@feature("textDocument/didOpen", lsp_types.DidOpen)
def did_open(server: ServerState, params: lsp_types.DidOpen) -> None:
    """A document was opened."""
    editor = _editor(server)
    document = editor.documents.open(params.text_document)
    editor.set_focus(params.text_document.uri)
    if server.project and document.path:
        project = server.project
        project.role_document.opened(project.config.role, document.path, document.text)
    proposals.sync_document(server, document)
    questions.opened(server, editor, document)
    redraw.opened(server, document)
    if markdown.is_chat(document.path):
        server.jobs.spawn(chat_documents.opened(server, document))
    elif isinstance(server.host, LspHost):
        server.jobs.spawn(server.host.note_if_loaded(document))
    if server.pending and server.pending.concerns(document.uri):
        server.jobs.spawn(server.pending.opened(document.uri))
    server.hints.changed(document)
    editor.note_typed(document)  # an editor may restore unsaved text from its last run


@feature("textDocument/didChange", lsp_types.DidChange)
def did_change(server: ServerState, params: lsp_types.DidChange) -> None:
    """A document changed, by the user or an edit of ours."""
    editor = _editor(server)
    known = editor.documents.get(params.text_document.uri)
    may_load = known is not None and known.is_at_base
    document = editor.documents.change(
        params.text_document.uri, params.text_document.version, params.content_changes
    )
    if may_load and isinstance(server.host, LspHost):
        server.jobs.spawn(server.host.note_if_loaded(document))
    editor.set_focus(params.text_document.uri)
    proposals.sync_document(server, document)
    server.hints.changed(document)
    editor.note_typed(document)


@feature("textDocument/didSave", lsp_types.DidSave)
def did_save(server: ServerState, params: lsp_types.DidSave) -> None:
    """A document was saved."""
    document = _editor(server).documents.save(params.text_document.uri, params.text)
    if document.path is None:
        return
    server.note_saved(server.workspace.follow(document.path), document.take_base())
    _editor(server).forget_edited(document)
    if server.project:
        server.project.role_document.saved(server.project.config.role, document.path, document.text)


@feature("textDocument/didClose", lsp_types.DocumentParams)
def did_close(server: ServerState, params: lsp_types.DocumentParams) -> None:
    """A document was closed; from now on its file counts."""
    if document := _editor(server).documents.close(params.text_document.uri):
        server.hints.closed(document)
        _editor(server).forget_edited(document)


def _editor(server: ServerState) -> ConnectedEditor:
    assert server.editor is not None, "document sync comes from an editor"
    return server.editor
