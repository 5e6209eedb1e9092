"""Our diagnostics in the editor: stale memories (their code changed), and `AI!` comments. Changes are debounced
(REST_SECONDS)."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import MazuError
from mazu_ls.server import uris
from mazu_ls.server.chat.cursor_context import requests
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.features import contradictions, proposals
from mazu_ls.server.features.anchored_memories import anchored, shown_range
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.server.rpc.lsp_types import LspRange

if TYPE_CHECKING:
    from mazu_ls.memory.anchors.anchors import Anchors
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.state import ServerState
    from mazu_ls.tools.knowledge.anchored_files import RenamedFiles

logger = logging.getLogger(__name__)
HINT = 4
REFRESH_SECONDS = 5.0
REST_SECONDS = 0.4
BURST_SECONDS = 5.0
"""How long what was listed and read to find renamed files is used for further ones."""
"""Seconds without changes before a document's anchors are updated."""


class DiagnosticsPublisher:
    """Examines documents shortly after they changed; updates memory and publishes diagnostics."""

    def __init__(self, server: ServerState, editor: ConnectedEditor) -> None:
        self._server = server
        self._editor = editor
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._published: set[str] = set()
        self._moved: tuple[float, RenamedFiles] | None = None
        self.contradictions = contradictions.Contradictions(server)

    def changed(self, document: OpenDocument) -> None:
        """The document was opened or changed."""
        self._later(uris.key(document.uri), document.uri)

    def closed(self, document: OpenDocument) -> None:
        """From now on the file counts; its hints disappear with the document."""
        if document.uri in self._published:
            self._publish(document.uri, None, [])
        self._later(uris.key(document.uri), document.uri)

    def file_changed(self, uri: str) -> None:
        """A file that is not open was changed, created or deleted."""
        if self._editor.documents.get(uri) is None:
            self._later(uris.key(uri), uri)

    async def renamed(self, old: str, new: str) -> None:
        """A file or folder was renamed: its memories follow."""
        before, after = uris.to_path(old), uris.to_path(new)
        if before and after:
            await proposals.renamed(self._server, before, after)
        anchors = self._anchors()
        if before and after and anchors:
            await anchors.renamed(self._server.name_of(before), self._server.name_of(after))
            self._server.notify_changed("memory")
            self.file_changed(new)

    async def refresh_all(self) -> None:
        """The project was opened: examine what changed while no server ran."""
        if (anchors := self._anchors()) is None:
            return
        from mazu_ls.tools.knowledge.anchored_files import RenamedFiles

        moved = RenamedFiles(self._server.workspace)
        for name in await anchors.paths():
            try:
                await self._follow(self._server.workspace.resolve(name), moved)
            except MazuError as error:
                logger.info("The anchors in %s were not followed: %s", name, error.message)
        for document in self._editor.documents:
            await self._refresh(document)

    async def refresh(self) -> None:
        """Memory changed: update the hints of every open document."""
        for document in self._editor.documents:
            await self._refresh(document)
        for path in self.contradictions.closed:
            await self.proposed(self._server.name_of(path))
        if self._editor.profile.declares("workspace.codeLens.refreshSupport") is True:
            try:
                await self._editor.link.ask("workspace/codeLens/refresh", None, REFRESH_SECONDS)
            except (ClientError, TimeoutError) as error:
                logger.info("The editor did not refresh its lenses: %s", error)

    def close(self) -> None:
        """Stop."""
        for handle in self._resting.values():
            handle.cancel()
        self._resting.clear()

    def edited(self, path: Path, before: str, after: str) -> None:
        """The agent changed a file: check whether that contradicts a decision."""
        self.contradictions.edited(path, before, after)

    async def contradiction_actions(
        self, document: OpenDocument, span: LspRange
    ) -> list[tuple[str, str, dict[str, Any]]]:
        """Return title, command and arguments of the actions on contradictions in a range."""
        return await contradictions.actions(self.contradictions, document, span)

    def has_pending_update(self, document: OpenDocument) -> bool:
        """True while the document has changed and its anchors have not been updated."""
        return uris.key(document.uri) in self._resting

    def _later(self, key: str, uri: str) -> None:
        if handle := self._resting.pop(key, None):
            handle.cancel()
        loop = asyncio.get_running_loop()
        self._resting[key] = loop.call_later(REST_SECONDS, self._start, key, uri)

    def _start(self, key: str, uri: str) -> None:
        self._resting.pop(key, None)
        self._server.jobs.spawn(self._look(uri))

    async def _look(self, uri: str) -> None:
        document = self._editor.documents.get(uri)
        notebook = self._editor.notebooks.for_cell(uri)
        path = notebook.path if notebook else document.path if document else uris.to_path(uri)
        changed = await self._follow(path) if path and self._server.workspace.contains(path) else False
        if changed:
            self._server.notify_changed("memory")
        elif document:
            await self._refresh(document)
        elif path and self._server.workspace.contains(path):
            await self.proposed(self._server.name_of(path))

    async def proposed(self, name: str) -> None:
        """A file's proposals changed, or the file did; it need not be open."""
        path = self._server.workspace.resolve(name)
        if document := self._editor.documents.at(path):
            await self._refresh(document)
            return
        uri = uris.from_path(path)
        found = await proposals.hints_of_file(self._server, path)
        if document := await self._closed_document(path):
            found += await contradictions.hints(self.contradictions, document)
        if found or uri in self._published:
            self._publish(uri, None, found)

    async def _closed_document(self, path: Path) -> OpenDocument | None:
        """Return the text of a file that is not open and may hold a contradiction."""
        if not self.contradictions.has(uris.from_path(path)):
            return None
        return await proposals.text_of(self._server, path)

    async def _follow(self, path: Path, moved: RenamedFiles | None = None) -> bool:
        """Update the anchors of a file from its current text; return whether any changed."""
        anchors = self._anchors()
        name = self._server.name_of(path)
        if anchors is None or not await anchors.at(name):
            return False
        try:
            text: str | None = await self._server.host.read(path)
        except FileNotFoundError:
            from mazu_ls.tools.knowledge.anchored_files import follow_renamed

            if new := await follow_renamed(anchors, name, moved or self._renamed_files()):
                await self._follow(self._server.workspace.resolve(new))
                return True
            text = None
        except (OSError, MazuError) as error:
            logger.info("%s could not be read for its anchors: %s", name, error)
            return False
        return bool(await anchors.document_changed(name, text))

    def _renamed_files(self) -> RenamedFiles:
        """One for a burst of events, such as a switch of branches."""
        from mazu_ls.tools.knowledge.anchored_files import RenamedFiles

        if self._moved is None or time.monotonic() - self._moved[0] > BURST_SECONDS:
            self._moved = time.monotonic(), RenamedFiles(self._server.workspace)
        return self._moved[1]

    async def _refresh(self, document: OpenDocument) -> None:
        """Publish the hints of an open document; nothing is sent if there were none and are none."""
        found = await ai_hints(document) + await self._checks(document)
        found += proposals.hints(self._server, document)
        found += await contradictions.hints(self.contradictions, document)
        if found or document.uri in self._published:
            self._publish(document.uri, document.version, found)

    async def _checks(self, document: OpenDocument) -> list[dict[str, Any]]:
        return [
            hint(
                shown_range(document, at),
                f"Needs a check: {at.memory.title} (the code it is about changed)",
                {"memory": at.memory.id},
            )
            for at in await anchored(self._server, document)
            if at.memory.state == "check"
        ]

    def _publish(self, uri: str, version: int | None, found: list[dict[str, Any]]) -> None:
        (self._published.add if found else self._published.discard)(uri)
        params = {"uri": uri, "diagnostics": found}
        if version is not None:
            params["version"] = version
        self._editor.link.notify("textDocument/publishDiagnostics", params)

    def _anchors(self) -> Anchors | None:
        project = self._server.project
        return project.memories.anchors if project and project.memories else None


async def ai_hints(document: OpenDocument) -> list[dict[str, Any]]:
    """Return one hint for each `AI!` comment."""
    return [
        hint(
            LspRange(document.position(line, start), document.position(line, end)),
            f"AI! {instruction} (a quick fix does it)",
            {"comment": instruction},
        )
        for line, start, end, instruction in await requests(document)
    ]


def hint(span: LspRange, message: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return a diagnostic of ours."""
    return {"range": span, "severity": HINT, "source": "mazu", "message": message, "data": data}
