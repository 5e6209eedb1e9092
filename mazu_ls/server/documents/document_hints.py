"""Interface of what follows the editor's documents and publishes hints in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.rpc.lsp_types import LspRange


class DocumentHints(Protocol):
    """Our diagnostics in documents, and the anchors that follow their text. `DiagnosticsPublisher` implements it."""

    def changed(self, document: OpenDocument) -> None:
        """The document was opened or changed."""
        ...

    def closed(self, document: OpenDocument) -> None:
        """The document was closed: its hints disappear, and from now on the file counts."""
        ...

    def file_changed(self, uri: str) -> None:
        """A file that is not open was changed, created or deleted."""
        ...

    async def renamed(self, old: str, new: str) -> None:
        """A file or folder was renamed; both are URIs."""
        ...

    def edited(self, path: Path, before: str, after: str) -> None:
        """The agent changed a file's text."""
        ...

    async def proposed(self, name: str) -> None:
        """A file's proposals changed, or the file did; it need not be open."""
        ...

    def has_pending_update(self, document: OpenDocument) -> bool:
        """True while the document has changed and its anchors have not been updated."""
        ...

    async def contradiction_actions(
        self, document: OpenDocument, span: LspRange
    ) -> list[tuple[str, str, dict[str, Any]]]:
        """Return title, command and arguments of the actions on contradictions in a range."""
        ...

    async def refresh(self) -> None:
        """Memory changed: publish the hints of every open document again."""
        ...

    async def refresh_all(self) -> None:
        """The project was opened: follow what changed while no server ran."""
        ...

    def close(self) -> None:
        """Stop."""
        ...
