"""The parts of LSP's messages that are read here, as strict types: an invalid one is refused with the name of its field.

pygls's own converter coerces ("1" becomes 1) and does not say what is wrong; fields that nothing here reads are not declared, so
newer clients are accepted.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Lsp(Struct, rename="camel", frozen=True):
    """Base of all: camelCase on the wire."""


class LspPosition(Lsp, frozen=True, order=True):
    """0-based; `character` counts code units of the negotiated encoding."""

    line: Count
    character: Count


class LspRange(Lsp, frozen=True):
    """From `start` to `end`, end excluded."""

    start: LspPosition
    end: LspPosition


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


class ContentChange(Lsp, frozen=True):
    """Without a range the whole text is replaced."""

    text: str
    range: LspRange | None = None


class DidChange(Lsp, frozen=True):
    text_document: VersionedDocumentId
    content_changes: list[ContentChange]


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
    """The `count` cells from `start` on were replaced by `cells`."""

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
    changes: list[ContentChange]


class CellChanges(Lsp, frozen=True):
    structure: CellStructure | None = None
    text_content: list[CellText] | None = None


class NotebookChange(Lsp, frozen=True):
    cells: CellChanges | None = None


class DidChangeNotebook(Lsp, frozen=True):
    notebook_document: NotebookId
    change: NotebookChange


class NotebookParams(Lsp, frozen=True):
    """notebookDocument/didSave: params that name a notebook."""

    notebook_document: NotebookId


class DidCloseNotebook(Lsp, frozen=True):
    notebook_document: NotebookId
    cell_text_documents: list[DocumentId] = []


class DocumentParams(Lsp, frozen=True):
    """didClose, didSave, codeLens: params that name a document."""

    text_document: DocumentId


class DidSave(Lsp, frozen=True):
    text_document: DocumentId
    text: str | None = None


class PositionParams(Lsp, frozen=True):
    """Hover, completion: a place in a document."""

    text_document: DocumentId
    position: LspPosition


class LspDiagnostic(Lsp, frozen=True):
    range: LspRange
    message: str
    severity: int | None = None
    code: int | str | None = None
    source: str | None = None
    data: Any = None


class CodeActionContext(Lsp, frozen=True):
    diagnostics: list[LspDiagnostic]
    only: list[str] | None = None
    trigger_kind: int | None = None


class CodeActionParams(Lsp, frozen=True):
    text_document: DocumentId
    range: LspRange
    context: CodeActionContext


class ExecuteCommand(Lsp, frozen=True):
    command: str
    arguments: list[Any] | None = None
    work_done_token: int | str | None = None


class LspFolder(Lsp, frozen=True):
    uri: str
    name: str = ""


class FolderChange(Lsp, frozen=True):
    added: list[LspFolder]
    removed: list[LspFolder]


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


class ProgressToken(Lsp, frozen=True):
    token: int | str


class RequestId(Lsp, frozen=True):
    id: int | str


class UriParams(Lsp, frozen=True):
    uri: str


class DocumentLink(Lsp, frozen=True):
    """A document link to be resolved; `data` is what we sent with it."""

    range: LspRange
    target: str | None = None
    data: Any = None


class SetTrace(Lsp, frozen=True):
    value: str


class ClientInfo(Lsp, frozen=True):
    name: str
    version: str | None = None


class InitializeParams(Lsp, frozen=True):
    """The client's capabilities stay untyped: they are only ever looked up."""

    capabilities: dict[str, Any]
    process_id: int | None = None
    client_info: ClientInfo | None = None
    root_path: str | None = None
    root_uri: str | None = None
    workspace_folders: list[LspFolder] | None = None
    initialization_options: Any = None


class TextEdit(Lsp, frozen=True):
    """Replace `range` by `new_text`."""

    range: LspRange
    new_text: str


class AnnotatedEdit(TextEdit, frozen=True):
    """A text edit that the annotation of this id, in the same workspace edit, describes."""

    annotation_id: str
