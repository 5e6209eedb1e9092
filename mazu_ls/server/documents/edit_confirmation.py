"""Whether an open document shows an edit that the editor was asked to make."""

from __future__ import annotations

import asyncio

from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.file_io import unified_text
from mazu_ls.server.rpc.lsp_types import TextEdit


class EditConfirmation:
    """Watches a document until it shows the edit, or the edit overwrote what the user typed meanwhile.

    Some editors apply a stale edit all the same. `overwritten` is then the text the user had before it. Until `close`, the edit
    counts as one that mazu-ls waits for.
    """

    def __init__(
        self, editor: ConnectedEditor, document: OpenDocument, edits: list[TextEdit], expected: str
    ) -> None:
        self._expected = {unified_text(expected)}
        if not expected.endswith(("\n", "\r")):
            # Vim cannot remove the last line end of a file that has one.
            self._expected.add(unified_text(expected) + "\n")
        self._edits = edits
        self._before = self._previous = document.text
        self.overwritten: str | None = None
        self.settled = asyncio.Event()
        self._documents, self._own, self._uri = editor.documents, editor.own_edits, document.uri
        self._begun = self._documents.changes
        self._made = range(0)
        self._own.begin(document.uri)
        self._stop = editor.documents.watch(document.uri, self._changed)

    def _changed(self, document: OpenDocument) -> None:
        typed = self._previous != self._before
        stale = typed and document.text == document.with_edits(self._previous, self._edits)
        if stale and not self._halfway(document):
            self.overwritten = self._previous
            self._made = range(self._documents.changes, self._documents.changes + 1)
            self.settled.set()
        elif unified_text(document.text) in self._expected:
            # The user may type on at once: it suffices that the document once had the intended text.
            if not self.settled.is_set():
                self.accept_all()
            self.settled.set()
        self._previous = document.text

    def _halfway(self, document: OpenDocument) -> bool:
        """Return whether what looks typed is a part of the edit: Neovim reports one hunk, then the rest."""
        shown = unified_text(self._previous).rstrip("\n")
        return any(
            shown == unified_text(step).rstrip("\n") for step in document.steps(self._before, self._edits)
        )

    def accept_all(self) -> None:
        """Everything that the document has shown since the request is this edit: a part of it, or hunk by hunk the whole."""
        self._made = range(self._begun + 1, self._documents.changes + 1)

    def close(self, made: bool) -> None:
        """Stop watching. `made`: whether the edit counts as made by this request, so that no earlier one made it."""
        self._stop()
        self._own.end(self._uri, self._made if made else range(0))
