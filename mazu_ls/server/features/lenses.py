"""Code lenses: *send* in a chat document, memories at the code they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mazu_ls.server.chat.markdown import is_chat, pending_message, sections
from mazu_ls.server.chat.questions import ASKS, choices_in
from mazu_ls.server.client.answer_words import answer_title
from mazu_ls.server.features import feature
from mazu_ls.server.features.anchored_memories import anchored
from mazu_ls.server.rpc import lsp_types
from mazu_ls.workspace.visible_text import shorten

if TYPE_CHECKING:
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.state import ServerState

TITLE = 80


@feature("textDocument/codeLens", lsp_types.DocumentParams)
async def code_lenses(server: ServerState, params: lsp_types.DocumentParams) -> list[dict[str, Any]]:
    """Return *Mazu: send* on the last heading of a chat document, and one lens per line with anchored memories."""
    document = server.editor.documents.get(params.text_document.uri) if server.editor else None
    if document is None:
        return []
    if is_chat(document.path):
        return [*_answers(server, document), *_send(document)]
    titles: dict[int, list[str]] = {}
    for at in await anchored(server, document):
        line = min(at.anchor.range.start_line if at.anchor.range else 0, max(0, len(document.lines) - 1))
        titles.setdefault(line, []).append(
            ("check: " if at.memory.state == "check" else "") + at.memory.title
        )
    return [
        _lens(line, _title(found), "mazu.actions.recall", {"query": found[0], "uri": document.uri})
        for line, found in titles.items()
    ]


def _answers(server: ServerState, document: OpenDocument) -> list[dict[str, Any]]:
    """Return the choices of the open question in this chat, on its section."""
    asked = choices_in(server.editor, document) if server.editor else None
    if asked is None:
        return []
    call = asked.question.call_id
    head = next((head for head in ASKS.finditer(document.text) if head["call"] == call), None)
    if head is None:
        return []
    line = document.position_at(head.start()).line
    return [
        _lens(line, answer_title(choice), "mazu.permissions.answer", {"optionId": choice.id, "callId": call})
        for choice in asked.choices
    ]


def _send(document: OpenDocument) -> list[dict[str, Any]]:
    if not pending_message(document.text):
        return []
    line = document.position_at(max(0, sections(document.text)[-1].start - 1)).line
    return [_lens(line, "send", "mazu.chat", {"attachments": [{"uri": document.uri}]})]


def _title(titles: list[str]) -> str:
    first = shorten(titles[0], TITLE)
    return first if len(titles) == 1 else f"{first} (+{len(titles) - 1})"


def _lens(line: int, title: str, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    place = lsp_types.LspRange(lsp_types.LspPosition(line, 0), lsp_types.LspPosition(line, 0))
    return {
        "range": place,
        "command": {"title": f"Mazu: {title}", "command": command, "arguments": [arguments]},
    }
