"""Completes a rollback in the editor that a kill of mazu-ls interrupted: the open documents it had yet to change."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.server import uris
from mazu_ls.server.documents.apply_edit import apply_to_document
from mazu_ls.server.host import LspHost

if TYPE_CHECKING:
    from mazu_ls.checkpoints.restore.pending_buffers import PendingBuffer, PendingBuffers
    from mazu_ls.host import Buffer, Host
    from mazu_ls.server.client.editor import ConnectedEditor

logger = logging.getLogger(__name__)


class PendingRollback:
    """Documents of an interrupted rollback, each changed once it is open and shows what the rollback saw, unsaved."""

    def __init__(self, editor: ConnectedEditor, host: Host, pending: PendingBuffers) -> None:
        self._editor = editor
        self._host = host
        self._pending = pending
        self._left: dict[str, PendingBuffer] = {}

    async def load(self) -> None:
        """The project was opened: change what is open, and wait for the rest."""
        self._left = {uris.key(one.uri): one for one in await self._pending.list()}
        for document in (*self._editor.documents, *self._editor.notebooks):
            await self.opened(document.uri)

    def concerns(self, uri: str) -> bool:
        """Return whether this document has a pending change."""
        return uris.key(uri) in self._left

    async def opened(self, uri: str) -> None:
        """A document was opened: complete it. Text that the user typed since, or saved, stays."""
        if (one := self._left.pop(uris.key(uri), None)) is None:
            return
        unsaved = {uris.key(buffer.uri): buffer for buffer in await self._host.buffers() if buffer.dirty}
        buffer = unsaved.get(uris.key(uri))
        if buffer is not None and one.shows_before(buffer.text):
            try:
                await self._restore(buffer, one.text)
            except MazuError as error:
                logger.warning("%s was not rolled back after a restart: %s", uri, error)
        await self._pending.drop(one.uri)

    async def _restore(self, buffer: Buffer, text: str) -> None:
        if (notebook := self._editor.notebooks.get(buffer.uri)) is not None:
            host = self._host
            if not isinstance(host, LspHost) or not await host.restore_notebook(notebook, buffer, text):
                logger.warning("%s was not rolled back after a restart: it is a notebook", buffer.uri)
        elif (document := self._editor.documents.get(buffer.uri)) is not None:
            await apply_to_document(self._editor, document, text, "Mazu: roll back")
