"""Notebook sync: the cells are documents like any other, and together they are what the agent reads of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mazu_ls.server import uris
from mazu_ls.server.features import feature
from mazu_ls.server.rpc import lsp_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.state import ServerState


@feature("notebookDocument/didOpen", lsp_types.DidOpenNotebook)
def did_open(server: ServerState, params: lsp_types.DidOpenNotebook) -> None:
    """A notebook was opened."""
    notebook = params.notebook_document
    _editor(server).notebooks.open(notebook.uri, [(cell.document, cell.kind) for cell in notebook.cells])
    _open(server, params.cell_text_documents)
    if server.pending and server.pending.concerns(notebook.uri):
        server.jobs.spawn(server.pending.opened(notebook.uri))


@feature("notebookDocument/didChange", lsp_types.DidChangeNotebook)
def did_change(server: ServerState, params: lsp_types.DidChangeNotebook) -> None:
    """Cells were added, removed, moved, or their text changed."""
    editor, cells = _editor(server), params.change.cells
    if cells is None:
        return
    if structure := cells.structure:
        array = structure.array
        new = [(cell.document, cell.kind) for cell in array.cells or ()]
        editor.notebooks.splice(params.notebook_document.uri, array.start, array.delete_count, new)
        _open(server, structure.did_open or ())
        _close(server, structure.did_close or ())
    for change in cells.text_content or ():
        document = editor.documents.change(change.document.uri, change.document.version, change.changes)
        editor.set_focus(document.uri)
        server.hints.changed(document)
        editor.note_typed(document)


@feature("notebookDocument/didSave", lsp_types.NotebookParams)
def did_save(server: ServerState, params: lsp_types.NotebookParams) -> None:
    """The file holds what the cells show."""
    editor = _editor(server)
    editor.notebooks.saved(params.notebook_document.uri)
    if notebook := editor.notebooks.get(params.notebook_document.uri):
        for number in range(len(notebook.cells)):
            if document := editor.notebooks.document(notebook, number):
                editor.forget_edited(document)
    if (path := uris.to_path(params.notebook_document.uri)) is not None:
        server.note_saved(path, None)


@feature("notebookDocument/didClose", lsp_types.DidCloseNotebook)
def did_close(server: ServerState, params: lsp_types.DidCloseNotebook) -> None:
    """From now on the file is the truth."""
    _close(server, params.cell_text_documents)
    _editor(server).notebooks.close(params.notebook_document.uri)


def _open(server: ServerState, items: Sequence[lsp_types.DocumentItem]) -> None:
    editor = _editor(server)
    for item in items:
        document = editor.documents.open(item)
        editor.set_focus(item.uri)
        server.hints.changed(document)


def _close(server: ServerState, named: Sequence[lsp_types.DocumentId]) -> None:
    for one in named:
        if document := _editor(server).documents.close(one.uri):
            server.hints.closed(document)
            _editor(server).forget_edited(document)


def _editor(server: ServerState) -> ConnectedEditor:
    assert server.editor is not None, "notebooks come from an editor"
    return server.editor
