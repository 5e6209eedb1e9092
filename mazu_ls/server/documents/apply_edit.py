"""Edits open documents by `workspace/applyEdit`, then checks that the editor shows the intended text."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

from mazu_ls.server import uris
from mazu_ls.server.chat import markdown
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.documents.edit_confirmation import EditConfirmation
from mazu_ls.server.documents.late_edit import LateEdit
from mazu_ls.server.documents.text_edits import annotated, text_edits
from mazu_ls.server.errors import ContentModified, EditUnanswered
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.server.rpc.lsp_types import DocumentItem, TextEdit

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 120.0
"""Seconds; some editors let the user review every edit first."""
CHAT_SECONDS = 10.0
"""The same for a chat document, which is drawn again once the editor sends something."""
REVIEW_SECONDS = 1800.0
"""Seconds for the answer to an edit that the editor shows for review."""
PART_SECONDS = 1.0
"""Seconds for the whole of such an edit; then the document holds what the user accepted."""
ECHO_SECONDS = 5.0
"""Seconds for the didChange that shows the edit; eglot sends it after half a second of idle time."""
NO_ANSWER = "no answer in time"
WORD_SECONDS = 1.0
"""The same during a command; then the editor's answer counts."""


async def apply_to_document(
    editor: ConnectedEditor,
    document: OpenDocument,
    after: str,
    label: str = "Mazu",
    *,
    in_command: bool = False,
    revert_late: bool = False,
) -> None:
    """Set an open document's text to `after`, unsaved, in the editor's own undo stack.

    `in_command`: for the user's command, whose answer some editors await before they report the edit; an editor that says it applied
    the edit and reports nothing else is then trusted. `revert_late`: an edit that the editor makes after nobody waits for it any
    more is reverted. Raises ContentModified if the editor refuses, or shows something else afterwards.
    """
    edits = text_edits(document, after)
    await apply_edits(editor, document, edits, after, label, in_command=in_command, revert_late=revert_late)


async def apply_edits(
    editor: ConnectedEditor,
    document: OpenDocument,
    edits: list[TextEdit],
    after: str,
    label: str = "Mazu",
    *,
    in_command: bool = False,
    revert_late: bool = False,
) -> None:
    """Apply edits that result in the text `after`. Like `apply_to_document`."""
    if not edits:
        return
    echo = EditConfirmation(editor, document, edits, after)
    late = _late_edit(editor, document, edits, after, label) if revert_late else None
    version = document.version
    answered = made = trusted = False
    try:
        await _request(editor, document, edits, label, echo=echo, late=late)
        answered = True
        async with asyncio.timeout(WORD_SECONDS if in_command else ECHO_SECONDS):
            await echo.settled.wait()
        made = True
        await _keep_typed(editor, document, echo, label)
    except asyncio.CancelledError:
        made = echo.settled.is_set()
        raise
    except TimeoutError as error:
        if trusted := in_command and document.version == version:
            logger.info(
                "%s was edited according to the editor; its change notification has not arrived.",
                name(document),
            )
            return
        raise ContentModified(
            f"The editor shows another text of {name(document)} than the edit should have made.",
            "Read it again before going on.",
        ) from error
    finally:
        if late and answered and not echo.settled.is_set():
            late.watch()
            late.answer({"applied": True})
        if trusted:  # what the editor reports after the command is this edit
            asyncio.get_running_loop().call_later(ECHO_SECONDS, echo.close, True)
        else:
            echo.close(made)
        editor.note_edited(document)


def _late_edit(
    editor: ConnectedEditor, document: OpenDocument, edits: list[TextEdit], after: str, label: str
) -> LateEdit:
    async def apply(reverting: list[TextEdit], text: str) -> None:
        await apply_edits(editor, document, reverting, text, label)

    return LateEdit(editor, document, edits, after, apply)


async def review_edits(editor: ConnectedEditor, document: OpenDocument, after: str, label: str) -> str:
    """Like `apply_to_document`, but shown to the user for review if the editor supports that; return the resulting text.

    The user may accept a part of the edit, or none of it, which raises ContentModified. A single change in the visible document can
    be seen and undone at once: it is labelled, and needs no confirmation.
    """
    edits = text_edits(document, after)
    if not editor.profile.reviews:
        await apply_edits(editor, document, edits, after, label, revert_late=True)
        return after
    before = document.text
    late = _late_edit(editor, document, edits, after, label)
    shown = annotated(editor.profile, [_versioned(document, edits)], label, confirm=len(edits) > 1)
    echo = EditConfirmation(editor, document, edits, after)
    made = False
    try:
        problem = await _ask(editor, label, shown, REVIEW_SECONDS, late)
        if problem is not None and (problem != NO_ANSWER or document.text == before):
            raise rejection_reason(name(document), problem)
        async with asyncio.timeout(PART_SECONDS):
            await echo.settled.wait()
        made = True
        await _keep_typed(editor, document, echo, label)
    except asyncio.CancelledError:
        made = echo.settled.is_set()
        raise
    except TimeoutError:
        if document.text == before:
            raise rejection_reason(name(document), "") from None
        logger.info("An edit of %s was only partly applied.", name(document))
        echo.accept_all()
        made = True
        return document.text
    finally:
        echo.close(made)
        editor.note_edited(document)
    return after


async def apply_to_closed(
    editor: ConnectedEditor, path: Path, before: str, after: str, label: str = "Mazu"
) -> str | None:
    """Edit a file that is not open, through the editor, with review if supported; None if the editor took the edit, else why not.

    Most editors open the file for that. Then its text is theirs to report; it is not awaited, since some do not.
    """
    closed = OpenDocument(DocumentItem(uris.from_path(path), 0, before), editor.documents.encoding)
    edits = text_edits(closed, after)
    versioned = {"textDocument": {"uri": closed.uri, "version": None}, "edits": edits}
    shown = annotated(editor.profile, [versioned], label)
    seconds = REVIEW_SECONDS if editor.profile.reviews else ANSWER_SECONDS
    problem = await _ask(editor, label, shown, seconds)
    declared = editor.profile.declares("workspace.workspaceEdit.documentChanges") is True
    if problem not in (None, NO_ANSWER) and not declared:
        problem = await _ask(editor, label, {"changes": {closed.uri: edits}}, ANSWER_SECONDS)
    return problem


async def _keep_typed(
    editor: ConnectedEditor, document: OpenDocument, echo: EditConfirmation, label: str
) -> None:
    """Raise ContentModified if the edit overwrote what the user typed, which is restored."""
    if echo.overwritten is not None:
        await _give_back(editor, document, echo.overwritten, label)
        raise ContentModified(
            f"{name(document)} was changed in the editor while it was edited; what was typed was put back.",
            "Read it again and redo the edit.",
        )


async def _give_back(editor: ConnectedEditor, document: OpenDocument, text: str, label: str) -> None:
    """Undo a stale edit, so that the user has what they typed."""
    try:
        await _request(editor, document, text_edits(document, text), label)
    except ContentModified as error:
        logger.warning(
            "A stale edit of %s was applied: %s Undo it in the editor.", name(document), error.message
        )


async def _request(
    editor: ConnectedEditor,
    document: OpenDocument,
    edits: list[TextEdit],
    label: str,
    *,
    echo: EditConfirmation | None = None,
    late: LateEdit | None = None,
) -> None:
    """Request versioned changes; plain ones are tried too if the client never declared versioned ones."""
    version = document.version
    versioned = {"documentChanges": [_versioned(document, edits)]}
    seconds = CHAT_SECONDS if markdown.is_chat(document.path) else ANSWER_SECONDS
    begun = time.monotonic()
    problem = await _ask(editor, label, versioned, seconds, late)
    if markdown.is_chat(document.path):  # others may be shown for review
        editor.edit_seconds = time.monotonic() - begun
    undeclared = editor.profile.declares("workspace.workspaceEdit.documentChanges") is not True
    if problem not in (None, NO_ANSWER) and undeclared and document.version == version:
        logger.info("Versioned changes were refused (%s); trying plain ones.", problem)
        problem = await _ask(editor, label, {"changes": {document.uri: edits}}, seconds, late)
    if problem is not None and not (problem == NO_ANSWER and echo and echo.settled.is_set()):
        raise rejection_reason(name(document), problem)


def _versioned(document: OpenDocument, edits: list[TextEdit]) -> dict[str, Any]:
    return {"textDocument": {"uri": document.uri, "version": document.version}, "edits": edits}


async def _ask(
    editor: ConnectedEditor, label: str, edit: dict[str, Any], seconds: float, late: LateEdit | None = None
) -> str | None:
    """Return None if the editor says it applied the edit, else its reason, if it gives one."""
    # Neovim prints the label each time, and waits for a key if there are two lines of that.
    params = {"edit": edit} if editor.profile.name == "Neovim" else {"label": label, "edit": edit}
    try:
        answer = await editor.link.ask(
            "workspace/applyEdit", params, seconds, None if late is None else late.answer
        )
    except asyncio.CancelledError:
        if late:
            late.watch()
        raise
    except TimeoutError:
        if late:
            late.watch()
        return NO_ANSWER  # whether it made the edit is unknown, so it is not asked again
    except ClientError as error:
        return str(error)
    fields = answer if isinstance(answer, dict) else {}
    if fields.get("applied") is True:
        return None
    reason = fields.get("failureReason")
    return reason if isinstance(reason, str) else ""


def rejection_reason(named: str, reason: str) -> ContentModified:
    """Return the error for an edit that the editor, or its user, did not accept."""
    detail = f": {reason.rstrip('.')}" if reason else ""
    said = "did not say that it made" if reason == NO_ANSWER else "did not apply"
    error = EditUnanswered if reason == NO_ANSWER else ContentModified
    return error(f"The editor {said} the edit of {named}{detail}.", "Read it again before going on.")


def name(document: OpenDocument) -> str:
    """Return a document's name for a sentence."""
    return document.path.name if document.path else document.uri
