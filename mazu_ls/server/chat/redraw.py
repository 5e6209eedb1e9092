"""Redraws chat documents from the journal when a turn ends, the head moves, or one is opened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.journal import journal
from mazu_ls.server.chat import markdown
from mazu_ls.server.chat.merge import redrawn
from mazu_ls.server.chat.questions import open_section
from mazu_ls.server.chat.render import generated_lines, render_turns
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.documents.apply_edit import apply_to_document
from mazu_ls.server.errors import EditUnanswered
from mazu_ls.server.rpc.client_requests import ClientError
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
ATTEMPTS = 6
RETRY_SECONDS = 0.3
"""Some editors report their changes late, or refuse edits while the user types."""
SAVE_SECONDS = 10.0


def attach(server: ServerState, project: Project) -> None:
    """Redraw the chat documents of this project's sessions whenever the sessions change."""

    def on_event(session_id: str, event: journal.Event) -> None:
        if isinstance(event.body, journal.TurnEnded):
            server.jobs.spawn(redraw_session(server, session_id))

    project.subscribe(on_event)
    project.head_listeners.append(
        lambda session_id, head: server.jobs.spawn(redraw_session(server, session_id))
    )


def opened(server: ServerState, document: OpenDocument) -> None:
    """A chat document was opened: it may be older than its session."""
    session_id = markdown.session_of(document.text) if markdown.is_chat(document.path) else None
    if session_id is not None:
        server.jobs.spawn(redraw_session(server, session_id))


async def redraw_session(server: ServerState, session_id: str) -> None:
    """Redraw every document of a session, unless a turn of it runs or its reply is in progress."""
    project = await server.wait_opened()
    if (session := project.sessions.find(session_id)) is not None:
        if session.ending:
            await session.wait_idle()
        if session.running:
            return
    for path in await asyncio.to_thread(_documents_of, server, project, session_id):
        if server.editor is None or path not in server.editor.replying:
            await redraw(server, path, session_id)


async def redraw(server: ServerState, path: Path, session_id: str, *, replying: bool = False) -> bool:
    """Make a document show its session, by small edits, and save it if the client can; return whether it does now.

    `replying`: called by the writer of a reply; nobody else redraws it meanwhile.
    """
    project = await server.wait_opened()
    try:
        seen = await project.sessions.snapshot(session_id, now=lambda session: None)
    except MazuError as error:
        logger.info("%s was not redrawn: %s", path, error.message)
        return False
    drawn = render_turns(session_id, seen.events, seen.head)
    known = generated_lines(session_id, seen.events)

    def draw(text: str) -> str:
        asked = open_section(server.editor, session_id)  # no turn's, as that of an undo, is in no journal
        if not asked or asked.partition("\n")[0] not in text:
            return redrawn(text, drawn, known)
        return redrawn(text, drawn + asked, [*known, *split_lines(asked, ends=False)])

    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(RETRY_SECONDS * attempt)
        try:
            if await _draw(server, path, draw, replying=replying):
                await _save(server, path)
                return True
        except EditUnanswered as error:
            # Another request now would wait behind the question that its user may be looking at.
            logger.info("%s is drawn once the editor sends something: %s", path, error)
            server.jobs.spawn(_redraw_when_heard(server, path, session_id))
            return False
        except (MazuError, OSError) as error:
            logger.info("%s was not redrawn yet: %s", path, error)
    return False


async def _redraw_when_heard(server: ServerState, path: Path, session_id: str) -> None:
    """Redraw a document when the editor sends anything again. Emacs forgets an edit about which it asks its user while it waits for
    the answer to a request of its own."""
    editor = server.editor
    if editor is None or path in editor.undrawn:
        return
    editor.undrawn.add(path)
    try:
        editor.unprompted.clear()
        await editor.unprompted.wait()
    finally:
        editor.undrawn.discard(path)
    if server.editor is editor and editor.documents.at(path) and path not in editor.replying:
        await redraw(server, path, session_id)


async def _draw(server: ServerState, path: Path, draw: Callable[[str], str], *, replying: bool) -> bool:
    """Edit the document, open or not; return whether it shows the wanted text."""
    document = server.editor.documents.at(path) if server.editor else None
    if document is None or server.editor is None:
        text = await mazu_files.read(server, path)
        if (after := draw(text)) != text:
            await mazu_files.edit(server, path, text, after)
        return True
    async with server.editor.chat_edits:
        if not replying and path in server.editor.replying:
            return True  # the writer of the reply redraws all of it at its end
        text = document.text.replace("\r\n", "\n")
        after = draw(text)
        if after.rstrip() == text.rstrip():
            return True
        if "\r\n" in document.text:
            after = after.replace("\n", "\r\n")
        await apply_to_document(server.editor, document, after)
    return True


async def _save(server: ServerState, path: Path) -> None:
    """Save it, so that no editor asks about the document on closing."""
    document = server.editor.documents.at(path) if server.editor else None
    if document is None or server.editor is None or not server.editor.profile.opted("save"):
        return
    try:
        await server.editor.link.ask("mazu/documents/save", {"uris": [document.uri]}, SAVE_SECONDS)
    except (ClientError, TimeoutError) as error:
        logger.info("%s was not saved: %s", path, error)


def _documents_of(server: ServerState, project: Project, session_id: str) -> list[Path]:
    """Return the open chat documents of a session, and its own one on the disk."""
    shown = [
        document.path
        for document in (server.editor.documents if server.editor else ())
        if document.path
        and markdown.is_chat(document.path)
        and markdown.session_of(document.text) == session_id
    ]
    own = mazu_files.chat_of(project, session_id)
    return [*shown, own] if own is not None and own not in shown else shown
