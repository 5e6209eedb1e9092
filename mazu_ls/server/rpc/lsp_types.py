"""What is read of LSP's messages, as strict types: a wrong one is refused with the name of its field.

pygls's own converter coerces ("1" becomes 1) and does not say what is wrong; fields that nothing here reads
are not declared, so newer clients pass.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Lsp(Struct, rename="camel", frozen=True):
    """Base of all: camelCase on the wire."""


class Position(Lsp, frozen=True, order=True):
    """Zero-based; `character` counts code units of the negotiated encoding."""

    line: Count
    character: Count


class Range(Lsp, frozen=True):
    """From `start` to `end`, end excluded."""

    start: Position
    end: Position


class DocumentId(Lsp, frozen=True):
    uri: str


class VersionedDocumentId(Lsp, frozen=True):
    uri: str
    version: int


class DocumentItem(Lsp, frozen=True):
    uri: str
    version: int
    text: str
    language_id: str = "plaintext"


class DidOpen(Lsp, frozen=True):
    text_document: DocumentItem


class Change(Lsp, frozen=True):
    """Without a range the whole text is replaced."""

    text: str
    range: Range | None = None


class DidChange(Lsp, frozen=True):
    text_document: VersionedDocumentId
    content_changes: list[Change]


class NotebookCell(Lsp, frozen=True):
    """`kind`: 1 markup, 2 code; `document` is the URI of its text."""

    kind: int
    document: str


class NotebookId(Lsp, frozen=True):
    uri: str


class NotebookItem(Lsp, frozen=True):
    uri: str
    cells: list[NotebookCell] = []


class DidOpenNotebook(Lsp, frozen=True):
    notebook_document: NotebookItem
    cell_text_documents: list[DocumentItem] = []


class CellArray(Lsp, frozen=True):
    """So many cells from `start` on became `cells`."""

    start: Count
    delete_count: Count
    cells: list[NotebookCell] | None = None


class CellStructure(Lsp, frozen=True):
    array: CellArray
    did_open: list[DocumentItem] | None = None
    did_close: list[DocumentId] | None = None


class CellText(Lsp, frozen=True):
    """A didChange of one cell."""

    document: VersionedDocumentId
    changes: list[Change]


class CellChanges(Lsp, frozen=True):
    structure: CellStructure | None = None
    text_content: list[CellText] | None = None


class NotebookChange(Lsp, frozen=True):
    cells: CellChanges | None = None


class DidChangeNotebook(Lsp, frozen=True):
    notebook_document: NotebookId
    change: NotebookChange


class OfNotebook(Lsp, frozen=True):
    """notebookDocument/didSave: params that name a notebook."""

    notebook_document: NotebookId


class DidCloseNotebook(Lsp, frozen=True):
    notebook_document: NotebookId
    cell_text_documents: list[DocumentId] = []


class OfDocument(Lsp, frozen=True):
    """didClose, didSave, codeLens: params that name a document."""

    text_document: DocumentId


class DidSave(Lsp, frozen=True):
    text_document: DocumentId
    text: str | None = None


class AtPosition(Lsp, frozen=True):
    """Hover, completion: a place in a document."""

    text_document: DocumentId
    position: Position


class Diagnostic(Lsp, frozen=True):
    range: Range
    message: str
    severity: int | None = None
    code: int | str | None = None
    source: str | None = None
    data: Any = None


class CodeActionContext(Lsp, frozen=True):
    diagnostics: list[Diagnostic]
    only: list[str] | None = None
    trigger_kind: int | None = None


class CodeActionParams(Lsp, frozen=True):
    text_document: DocumentId
    range: Range
    context: CodeActionContext


class ExecuteCommand(Lsp, frozen=True):
    command: str
    arguments: list[Any] | None = None
    work_done_token: int | str | None = None


class Folder(Lsp, frozen=True):
    uri: str
    name: str = ""


class FolderChange(Lsp, frozen=True):
    added: list[Folder]
    removed: list[Folder]


class DidChangeFolders(Lsp, frozen=True):
    event: FolderChange


class DidChangeConfiguration(Lsp, frozen=True):
    settings: Any = None


class FileEvent(Lsp, frozen=True):
    """`type`: 1 created, 2 changed, 3 deleted."""

    uri: str
    type: int


class DidChangeWatchedFiles(Lsp, frozen=True):
    changes: list[FileEvent]


class FileRename(Lsp, frozen=True):
    old_uri: str
    new_uri: str


class DidRenameFiles(Lsp, frozen=True):
    files: list[FileRename]


class Token(Lsp, frozen=True):
    token: int | str


class RequestId(Lsp, frozen=True):
    id: int | str


class Uri(Lsp, frozen=True):
    uri: str


class Link(Lsp, frozen=True):
    """A document link that is to be resolved; `data` is what we gave it."""

    range: Range
    target: str | None = None
    data: Any = None


class SetTrace(Lsp, frozen=True):
    value: str


class ClientInfo(Lsp, frozen=True):
    name: str
    version: str | None = None


class Initialize(Lsp, frozen=True):
    """The client's capabilities stay as they came: they are only ever looked up."""

    capabilities: dict[str, Any]
    process_id: int | None = None
    client_info: ClientInfo | None = None
    root_path: str | None = None
    root_uri: str | None = None
    workspace_folders: list[Folder] | None = None
    initialization_options: Any = None


class TextEdit(Lsp, frozen=True):
    """Replace `range` by `new_text`."""

    range: Range
    new_text: str


class AnnotatedEdit(TextEdit, frozen=True):
    """One that the annotation of this id, in the same workspace edit, is about."""

    annotation_id: str
