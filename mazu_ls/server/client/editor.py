"""The connected editor: its capabilities, its open documents, where the user was last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from mazu_ls.server.client.ask_user import ClientApprovals
from mazu_ls.server.client.profile import ClientConnection, ClientProfile
from mazu_ls.server.documents.documents import OpenDocument, OpenDocuments
from mazu_ls.server.documents.notebooks import OpenNotebooks
from mazu_ls.server.documents.own_edits import OwnEdits
from mazu_ls.server.rpc import lsp_types

ASKING_SECONDS = 1.0
"""An editor that takes longer for an edit seems to ask its user about it."""


class EditorFocus(Struct, frozen=True):
    """Where the user was last: the document last seen, the range and diagnostics of the last code action in it."""

    uri: str
    range: lsp_types.LspRange | None = None
    diagnostics: tuple[lsp_types.LspDiagnostic, ...] = ()


class ConnectedEditor:
    """One connected editor. `heard_at`: when it last sent anything, on the monotonic clock."""

    def __init__(self, link: ClientConnection, profile: ClientProfile, documents: OpenDocuments) -> None:
        self.link = link
        self.profile = profile
        self.documents = documents
        self.notebooks = OpenNotebooks(documents)
        self.approvals = ClientApprovals(link, profile)
        self.chat_edits = asyncio.Lock()
        """Held while editing a chat document: the reply and a question may arrive at the same time."""
        self.edited: set[str] = set()
        """URIs of documents that we edited and that were not saved since."""
        self.unsaved_listener: Callable[[], object] | None = None
        """Called when a document may have gained or lost unsaved text."""
        self._typed: set[str] = set()
        self.replying: set[Path] = set()
        """Chat documents with a reply in progress."""
        self.to_send: set[Path] = set()
        """Chat documents whose message is sent when the running turn has ended."""
        self.edit_seconds = 0.0
        """Seconds until the editor answered the last edit."""
        self.undrawn: set[Path] = set()
        """Chat documents that are drawn again once the editor sends something, since it did not answer an edit."""
        self.followed: object = None
        """The project whose turns show in the open chat documents while they run."""
        self.own_edits = OwnEdits()
        self.late_edits: set[asyncio.Task[None]] = set()
        """What reverts edits that the editor made too late."""
        self.focus: EditorFocus | None = None
        self.own_settings: Mapping[str, Any] = {}
        """Settings from `initialize`: the user's own, like the command line."""
        self.heard_at = time.monotonic()
        self.unprompted = asyncio.Event()
        """Set by whatever it sends of its own accord; whoever waits for that clears it."""

    @property
    def asks_about_edits(self) -> bool:
        """Whether it seems to ask its user about each edit."""
        return self.edit_seconds > ASKING_SECONDS

    def note_edited(self, document: OpenDocument) -> None:
        """Record that we edited a document."""
        self.edited.add(document.uri)
        self._unsaved_changed()

    def note_typed(self, document: OpenDocument) -> None:
        """The text of a document changed."""
        self._typed.add(document.uri)
        self._unsaved_changed()
        self.approvals.note_changed(document)

    def forget_edited(self, document: OpenDocument) -> None:
        """A document was saved or closed."""
        if document.uri in self.edited or document.uri in self._typed:
            self.edited.discard(document.uri)
            self._typed.discard(document.uri)
            self._unsaved_changed()

    def _unsaved_changed(self) -> None:
        if self.unsaved_listener:
            self.unsaved_listener()

    def set_focus(self, uri: str) -> None:
        """Record that the user is in this document; the range of a code action in it stays."""
        if self.focus is None or self.focus.uri != uri:
            self.focus = EditorFocus(uri)

    @property
    def document(self) -> OpenDocument | None:
        """The document last seen, if it is still open."""
        return self.documents.get(self.focus.uri) if self.focus else None

    @property
    def selection(self) -> str:
        """The text of the last code action's range; "" if there is none."""
        document = self.document
        if document is None or self.focus is None or self.focus.range is None:
            return ""
        return document.slice(self.focus.range)
