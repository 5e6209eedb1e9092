"""A small but complete LSP editor: documents with versions and an undo stack, answers to questions, messages."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from mazu_ls.workspace.text import split_lines

OPT_INS = {"updates": True, "permissions": False, "save": True}


class DemoDocument:
    """One open file. `undo` holds the texts before each edit that came from outside."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.uri = path.as_uri()
        self.text = text
        self.version = 1
        self.undo: list[str] = []


class DemoEditor:
    """Starts the server as a process and behaves like an editor."""

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self.root = root
        self.env = dict(env)
        self.documents: dict[str, DemoDocument] = {}
        self.questions: list[str] = []
        self.messages: list[str] = []
        self.updates: list[dict[str, Any]] = []
        self.heard = asyncio.Event()
        self._client: LanguageClient

    async def start(self) -> None:
        """Start `mazu-ls`, initialize, and reopen the open documents."""
        self._client = client = LanguageClient("demo-editor", "1")
        self._handlers(client)
        await client.start_io(sys.executable, "-m", "mazu_ls", env=self.env, cwd=str(self.root))
        params = lsp.InitializeParams(
            process_id=os.getpid(),
            root_uri=self.root.as_uri(),
            workspace_folders=[lsp.WorkspaceFolder(self.root.as_uri(), self.root.name)],
            capabilities=lsp.ClientCapabilities(
                workspace=lsp.WorkspaceClientCapabilities(
                    apply_edit=True, workspace_edit=lsp.WorkspaceEditClientCapabilities(document_changes=True)
                ),
                window=lsp.WindowClientCapabilities(work_done_progress=True),
                experimental={"mazu": OPT_INS},
            ),
        )
        await client.initialize_async(params)
        client.initialized(lsp.InitializedParams())
        for document in self.documents.values():
            self._did_open(document)

    async def stop(self) -> int | None:
        """Shut down in good order; return the server's exit code."""
        await self._client.shutdown_async(None)
        self._client.exit(None)
        return await self._gone()

    async def kill(self) -> None:
        """SIGKILL, as a crash would."""
        process = self._client._server
        assert process is not None
        process.kill()
        await self._gone()

    async def _gone(self) -> int | None:
        process = self._client._server
        assert process is not None
        code = await asyncio.wait_for(process.wait(), 10)
        await self._client.stop()
        return code

    async def command(self, name: str, **arguments: Any) -> Any:
        """Run one command and return its result as plain values."""
        params = lsp.ExecuteCommandParams(name, [arguments] if arguments else [])
        answer = await self._client.workspace_execute_command_async(params)
        return plain(answer)

    def open(self, path: Path) -> DemoDocument:
        """Open a file."""
        document = DemoDocument(path, path.read_text())
        self.documents[document.uri] = document
        self._did_open(document)
        return document

    def type(self, document: DemoDocument, text: str) -> None:
        """The user changes the text and does not save."""
        document.text = text
        document.version += 1
        self._did_change(document)

    def save(self, document: DemoDocument) -> None:
        """Write the text to disk."""
        document.path.write_text(document.text)
        self._client.text_document_did_save(
            lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(document.uri))
        )

    def _did_open(self, document: DemoDocument) -> None:
        item = lsp.TextDocumentItem(document.uri, "python", document.version, document.text)
        self._client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def _did_change(self, document: DemoDocument) -> None:
        whole = lsp.TextDocumentContentChangeWholeDocument(document.text)
        identifier = lsp.VersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        self._client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [whole]))

    def _handlers(self, client: LanguageClient) -> None:
        @client.feature("workspace/applyEdit")
        def apply(params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
            return self._apply(params)

        @client.feature("window/showMessageRequest")
        def ask(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem | None:
            self.questions.append(split_lines(params.message, ends=False)[0])
            return next((a for a in params.actions or [] if a.title.startswith(("Allow", "Overwrite"))), None)

        @client.feature("window/showMessage")
        def message(params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)

        @client.feature("mazu/documents/save")
        def save(params: Any) -> dict[str, Any]:
            for uri in params.uris:
                self.save(self.documents[uri])
            return {"saved": list(params.uris), "failed": []}

        @client.feature("mazu/session/update")
        def update(params: Any) -> None:
            self.updates.append(plain(params))
            self.heard.set()

        for quiet in ("mazu/changed", "window/logMessage", "$/progress", "textDocument/publishDiagnostics"):
            client.feature(quiet)(lambda params: None)
        client.feature("window/workDoneProgress/create")(lambda params: None)
        client.feature("client/registerCapability")(lambda params: None)
        client.feature("workspace/codeLens/refresh")(lambda *params: None)

    def _apply(self, params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        for change in params.edit.document_changes or []:
            assert isinstance(change, lsp.TextDocumentEdit)
            document = self.documents.get(change.text_document.uri)
            if document is None or change.text_document.version not in (None, document.version):
                return lsp.ApplyWorkspaceEditResult(applied=False, failure_reason="the document changed")
            document.undo.append(document.text)
            self.type(
                document,
                edited(document.text, [edit for edit in change.edits if isinstance(edit, lsp.TextEdit)]),
            )
        return lsp.ApplyWorkspaceEditResult(applied=True)


def edited(text: str, edits: list[lsp.TextEdit]) -> str:
    """The text after LSP edits, which all refer to the text before; positions count UTF-16 units."""
    lines = split_lines(text) or [""]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(position: lsp.Position) -> int:
        if position.line >= len(lines):
            return len(text)
        units = lines[position.line].encode("utf-16-le")[: 2 * position.character]
        return starts[position.line] + len(units.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def plain(value: Any) -> Any:
    """pygls hands custom results over as named tuples; make them dictionaries."""
    if hasattr(value, "_asdict"):
        return {key: plain(inner) for key, inner in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return msgspec.to_builtins(value)
