"""The editor's other language servers, shared with the agent through `mazu/editor/*` if the client opted in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mazu_ls.errors import Kind, MazuError
from mazu_ls.host import Diagnosed, EditorDiagnostic, EditorSymbol, Severity, Spot
from mazu_ls.server import uris
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.file_io import DiskFiles
from mazu_ls.server.rpc import lsp_types
from mazu_ls.server.rpc.client_requests import ClientError

logger = logging.getLogger(__name__)
METHODS = {
    "diagnostics": "mazu/editor/diagnostics",
    "definition": "mazu/editor/definition",
    "references": "mazu/editor/references",
    "symbols": "mazu/editor/symbols",
}
ANSWER_SECONDS = 15.0
"""Seconds; a language server takes this long to find all references in a large project."""
MOST = 1000
"""Maximum number of items read from one answer."""
MOST_FILES = 50
"""Maximum number of closed files read for one answer."""
SEVERITIES: dict[int | None, Severity] = {1: "error", 2: "warning", 3: "info", 4: "hint"}
Found = TypeVar("Found")


class LentLocation(lsp_types.Lsp, frozen=True):
    """A location in a document."""

    uri: str
    range: lsp_types.LspRange


class LentSymbol(lsp_types.Lsp, frozen=True):
    """One symbol; an editor may know its document without its range."""

    name: str
    uri: str
    kind: str | int | None = None
    container_name: str | None = None
    range: lsp_types.LspRange | None = None


class LentDiagnostic(lsp_types.Lsp, frozen=True):
    """A diagnostic; some servers use objects as codes."""

    range: lsp_types.LspRange
    message: str
    severity: int | None = None
    code: Any = None
    source: str | None = None


class LentDocument(lsp_types.Lsp, frozen=True):
    """The diagnostics of one document."""

    uri: str
    diagnostics: Any = ()
    version: int | None = None


class EditorLanguageServices:
    """`LanguageServices` of an editor over LSP. Positions are converted with the document's text, open or on disk."""

    def __init__(self, editor: ConnectedEditor, disk: DiskFiles) -> None:
        self._editor = editor
        self._disk = disk
        self._dated = False

    @property
    def lends(self) -> frozenset[str]:
        """What the client opted in to."""
        return self._editor.profile.lends & METHODS.keys()

    @property
    def dated(self) -> bool:
        """Whether the editor once named an older version than its current one, so that its versions can be trusted."""
        return self._dated

    def version(self, path: Path) -> int | None:
        """Return the version of the open document."""
        document = self._editor.documents.at(path)
        return document.version if document else None

    async def text(self, path: Path) -> str:
        """Return the text that those servers see."""
        return (await self._document(path)).text

    async def diagnostics(self, path: Path | None = None) -> Sequence[Diagnosed]:
        """Return the diagnostics of one file, or of all that have some."""
        known = {uris.key(document.uri): document.version for document in self._editor.documents}
        answer = await self._ask("diagnostics", {} if path is None else {"uri": self._uri(path)})
        texts = DocumentCache(self._editor, self._disk)
        found: list[Diagnosed] = []
        for item in items(answer, "documents", LentDocument):
            self._dated |= item.version is not None and item.version < known.get(uris.key(item.uri), 0)
            said = items({"diagnostics": item.diagnostics}, "diagnostics", LentDiagnostic)
            spots = [await texts.locate(item.uri, one.range) for one in said]
            together = tuple(map(_diagnostic, said, spots))
            found.append(Diagnosed(item.uri, uris.to_path(item.uri), item.version, together))
        return found

    async def definition(self, path: Path, line: int, column: int) -> Sequence[Spot]:
        """Return where the name at a place is defined."""
        return await self._locations("definition", path, line, column)

    async def references(self, path: Path, line: int, column: int) -> Sequence[Spot]:
        """Return where the name at a place is used."""
        return await self._locations("references", path, line, column)

    async def symbols(self, path: Path | None, query: str = "") -> Sequence[EditorSymbol]:
        """Return the symbols of one file, or those of the workspace that match `query`."""
        answer = await self._ask("symbols", {"query": query} if path is None else {"uri": self._uri(path)})
        texts = DocumentCache(self._editor, self._disk)
        return [
            EditorSymbol(
                one.name,
                str(one.kind or ""),
                one.container_name or "",
                await texts.locate(one.uri, one.range),
            )
            for one in items(answer, "symbols", LentSymbol)
        ]

    async def _locations(self, what: str, path: Path, line: int, column: int) -> list[Spot]:
        at = (await self._document(path)).position(line, column)
        position = {"line": at.line, "character": at.character}
        answer = await self._ask(what, {"uri": self._uri(path), "position": position})
        texts = DocumentCache(self._editor, self._disk)
        return [await texts.locate(one.uri, one.range) for one in items(answer, "locations", LentLocation)]

    async def _document(self, path: Path) -> OpenDocument:
        if document := self._editor.documents.at(path):
            return document
        return await asyncio.to_thread(load, self._disk.read, path, self._editor.documents.encoding)

    def _uri(self, path: Path) -> str:
        document = self._editor.documents.at(path)
        return document.uri if document else uris.from_path(path)

    async def _ask(self, what: str, params: dict[str, str | dict[str, int]]) -> Any:
        try:
            return await self._editor.link.ask(METHODS[what], params, ANSWER_SECONDS)
        except ClientError as error:
            raise MazuError(
                Kind.UNSUPPORTED, f"The editor could not answer: {error}.", "Use grep and read_file instead."
            ) from error
        except TimeoutError as error:
            raise MazuError(
                Kind.UNSUPPORTED,
                f"The editor did not answer within {ANSWER_SECONDS:g} seconds.",
                "Use grep and read_file instead.",
            ) from error


class DocumentCache:
    """The documents that one answer names, each read once, for converting positions to lines and characters."""

    def __init__(self, editor: ConnectedEditor, disk: DiskFiles) -> None:
        self._documents = editor.documents
        self._disk = disk
        self._read: dict[str, OpenDocument | None] = {}

    async def locate(self, uri: str, span: lsp_types.LspRange | None) -> Spot:
        """Return where a range begins. Without the text its column counts code units, which mostly are characters."""
        path = uris.to_path(uri)
        if span is None:
            return Spot(uri, path, 0, 0)
        document = self._documents.get(uri) or await self._closed(uri, path)
        if document is None:
            return Spot(uri, path, span.start.line, span.start.character)
        line, column = document.locate(span.start)
        return Spot(uri, path, line, column, document.line(line).rstrip("\r\n"))

    async def _closed(self, uri: str, path: Path | None) -> OpenDocument | None:
        if uri not in self._read and len(self._read) < MOST_FILES and path is not None:
            try:
                self._read[uri] = await asyncio.to_thread(
                    load, self._disk.read, path, self._documents.encoding
                )
            except (MazuError, OSError) as error:
                logger.info("%s is named by the editor and is not read: %s", path, error)
                self._read[uri] = None
        return self._read.get(uri)


def load(read: Callable[[Path], str], path: Path, encoding: Any) -> OpenDocument:
    """Return a file as if it were open. Raises what `read` raises."""
    return OpenDocument(lsp_types.DocumentItem(uris.from_path(path), 0, read(path)), encoding)


def items(answer: Any, field: str, kind: type[Found]) -> list[Found]:
    """Return the valid items of the list in an answer: an invalid one does not hide the rest."""
    listed = answer.get(field) if isinstance(answer, dict) else None
    found: list[Found] = []
    for item in listed[:MOST] if isinstance(listed, list) else ():
        try:
            found.append(msgspec.convert(item, kind))
        except msgspec.ValidationError as error:
            logger.info("One of the editor's %s cannot be read: %s", field, error)
    return found


def _diagnostic(one: LentDiagnostic, spot: Spot) -> EditorDiagnostic:
    code = one.code.get("value") if isinstance(one.code, dict) else one.code
    severity = SEVERITIES.get(one.severity, "error")
    return EditorDiagnostic(spot, severity, one.message, one.source or "", "" if code is None else str(code))
