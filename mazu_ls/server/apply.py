"""Edits of open documents: `workspace/applyEdit`, then proof that the editor shows what was meant."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mazu_ls.server.disk import unified
from mazu_ls.server.documents import Document
from mazu_ls.server.edits import text_edits
from mazu_ls.server.editor import Editor
from mazu_ls.server.errors import ContentModified
from mazu_ls.server.lsp import TextEdit
from mazu_ls.server.outgoing import ClientError

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 120.0
"""Some editors let the user look at every edit first."""
ECHO_SECONDS = 5.0
"""For the didChange that shows the edit; eglot sends it after half a second of rest."""


class Echo:
    """Watches a document for the moment in which its text is the expected one."""

    def __init__(self, editor: Editor, document: Document, expected: str) -> None:
        self._expected = unified(expected)
        self.seen = asyncio.Event()
        self._stop = editor.documents.watch(document.uri, self._changed)

    def _changed(self, document: Document) -> None:
        # The user may type on at once: it counts that the text was once what was meant.
        if unified(document.text) == self._expected:
            self.seen.set()

    def close(self) -> None:
        """Stop watching."""
        self._stop()


async def apply_to_document(editor: Editor, document: Document, after: str, label: str = "Mazu") -> None:
    """Make an open document's text `after`, unsaved, in the editor's own undo stack.

    Raises ContentModified where the editor refuses, or shows something else afterwards.
    """
    edits = text_edits(document, after)
    if not edits:
        return
    echo = Echo(editor, document, after)
    try:
        await _request(editor, document, edits, label)
        async with asyncio.timeout(ECHO_SECONDS):
            await echo.seen.wait()
    except TimeoutError as error:
        raise ContentModified(
            f"The editor shows another text of {name(document)} than the edit should have made.",
            "Read it again before going on.",
        ) from error
    finally:
        echo.close()


async def _request(editor: Editor, document: Document, edits: list[TextEdit], label: str) -> None:
    versioned = {"textDocument": {"uri": document.uri, "version": document.version}, "edits": edits}
    try:
        answer = await _ask(editor, label, {"documentChanges": [versioned]})
    except ClientError as error:
        if editor.profile.says("workspace.workspaceEdit.documentChanges"):
            raise _refused(document, str(error)) from error
        logger.info("The editor does not take documentChanges (%s); plain changes are tried.", error)
        try:
            answer = await _ask(editor, label, {"changes": {document.uri: edits}})
        except ClientError as again:
            raise _refused(document, str(again)) from again
    if not isinstance(answer, dict) or answer.get("applied") is not True:
        reason = answer.get("failureReason") if isinstance(answer, dict) else None
        raise _refused(document, reason if isinstance(reason, str) else "")


async def _ask(editor: Editor, label: str, edit: dict[str, Any]) -> Any:
    return await editor.link.ask("workspace/applyEdit", {"label": label, "edit": edit}, ANSWER_SECONDS)


def _refused(document: Document, reason: str) -> ContentModified:
    detail = f": {reason.rstrip('.')}" if reason else ""
    return ContentModified(
        f"The editor did not apply the edit of {name(document)}{detail}.", "Read it again before going on."
    )


def name(document: Document) -> str:
    """How a document is named in a sentence."""
    return document.path.name if document.path else document.uri
