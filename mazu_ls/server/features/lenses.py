"""Code lenses: *send* in a chat document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.server import lsp
from mazu_ls.server.chats import is_chat, pending_message, sections
from mazu_ls.server.features import feature

if TYPE_CHECKING:
    from mazu_ls.server.server import Server


@feature("textDocument/codeLens", lsp.OfDocument)
def code_lenses(server: Server, params: lsp.OfDocument) -> list[dict[str, Any]]:
    """*Mazu: send* on the last heading of a chat document that has a message under it."""
    document = server.editor.documents.get(params.text_document.uri) if server.editor else None
    if document is None or not is_chat(document.path) or not pending_message(document.text):
        return []
    line = document.position_at(max(0, sections(document.text)[-1].start - 1)).line
    place = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
    arguments = [{"attachments": [{"uri": document.uri}]}]
    return [
        {"range": place, "command": {"title": "Mazu: send", "command": "mazu.chat", "arguments": arguments}}
    ]
