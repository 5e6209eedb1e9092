"""Chat documents in the editor: opened, sent, and answered by small edits while the user may type elsewhere in them."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.server.chat import commands, markdown
from mazu_ls.server.chat.attachments import attached, last_line
from mazu_ls.server.chat.merge import split_draft
from mazu_ls.server.chat.redraw import redraw
from mazu_ls.server.chat.render import TurnMarkdown, render_turns
from mazu_ls.server.chat.send_later import send_later
from mazu_ls.server.client.editor_words import in_editor_words
from mazu_ls.server.commands.turn import turn_jobs
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.documents.apply_edit import apply_edits
from mazu_ls.server.documents.file_io import unified_text
from mazu_ls.server.errors import EditUnanswered
from mazu_ls.server.rpc.answer_first import answer_goes_first
from mazu_ls.server.rpc.lsp_types import LspRange, TextEdit
from mazu_ls.server.wire import turns as wire
from mazu_ls.server.wire.common import DocumentRange
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.jobs import Token
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
EDIT_SECONDS = 0.12
"""Seconds between two edits of one reply: at most ten per second."""
REFUSALS = 3
"""After so many refused edits in a row the rest is written when the turn has ended."""


async def open_chat(
    server: ServerState, session_id: str | None, places: Sequence[DocumentRange] = ()
) -> wire.StartedResult:
    """Show a session's chat document, with the attachments named in the next message."""
    project = await server.wait_opened()
    session = await project.sessions.get(session_id)
    path = await _document_of(server, session)
    shown = server.editor.documents if server.editor else None
    loose = [place for place in places if shown and (one := shown.get(place.uri)) and one.path is None]
    mentioned_files = [_mention(server, place) for place in places if place not in loose]
    quoted = [_quotation(server, place) for place in loose]
    if named := "\n\n".join([" ".join(mentioned_files), *quoted]).strip("\n"):
        if shown and shown.at(path):
            server.jobs.spawn(_name(server, path, named, shown=True))
        else:
            await _name(server, path, named)
    text = await mazu_files.read(server, path)
    # Not every editor counts the empty line after the last line end.
    if not await server.host.show(path, max(0, text.count("\n") - 1)):
        await server.host.say("info", f"Mazu: the chat is in {path}")
    return wire.StartedResult(session.id, None)


async def _name(server: ServerState, path: Path, named: str, *, shown: bool = False) -> None:
    """Name the attachments in the next message."""
    if shown:
        await answer_goes_first()  # meanwhile an editor may not report edits of an open document
    before = await mazu_files.read(server, path)
    await mazu_files.edit(server, path, before, before.rstrip("\r\n") + f"\n\n{named}\n\n")


async def send(
    server: ServerState, uri: str, params: wire.ChatParams, token: Token | None
) -> wire.StartedResult | wire.TurnResultView:
    """Send the text under the last heading of a chat document; the reply streams in below it."""
    from mazu_ls.agent.session.ids import new_id
    from mazu_ls.agent.turn.turn import Prompt

    project = await server.wait_opened()
    path = server.path_of(uri)
    text = await mazu_files.read(server, path)
    message = markdown.pending_message(text)
    if not message:
        raise MazuError(
            Kind.NOT_FOUND, "There is no message to send.", 'Write it under the last heading "## You".'
        )
    session = await _session_of(server, text, params.session_id)
    try:
        reply = await commands.run(partial(_execute, server), message, session.id)
    except MazuError as error:
        # Answered in the document, too: otherwise the refused line would be sent along with the next message.
        said = in_editor_words(f"{error.message} {error.hint}".strip())
        server.jobs.spawn(_answer(server, path, session.id, said))
        raise
    if reply is not None:
        server.jobs.spawn(_answer(server, path, session.id, reply))
        return wire.StartedResult(session.id, None)
    if session.running and not session.ending:
        await send_later(server, session, path, partial(send, server, uri, params, None))
        return wire.StartedResult(session.id, None)
    others = [place for place in params.attachments if place.uri != uri]
    files = await attached(server, others, message)
    asked = Prompt(message, files, model=params.model, limits=turn_jobs.limits(project))
    await turn_jobs.check_ready(session, asked)
    turn_id = new_id("t")
    writer = ReplyWriter(
        server, path, session.id, turn_id, verbatim=message.startswith("!"), awaited=params.wait
    )
    stop = project.subscribe(writer.on_event)
    server.jobs.spawn(writer.run(stop))
    return await turn_jobs.start(server, session, asked, wait=params.wait, token=token, turn_id=turn_id)


async def _execute(server: ServerState, name: str, arguments: dict[str, Any]) -> Any:
    from mazu_ls.server.commands import execute

    return await execute(server, name, [arguments])


async def opened(server: ServerState, document: OpenDocument) -> None:
    """A chat document was opened: turns that are started elsewhere show in it while they run, also one that runs now."""
    project, editor = await server.wait_opened(), server.editor
    session_id = markdown.session_of(document.text)
    if editor is None or session_id is None or document.path is None:
        return
    if editor.followed is not project:
        editor.followed = project
        project.subscribe(lambda session, event: _begin(server, project, session, event))
    session = project.sessions.find(session_id)
    if session is None or not session.running or document.path not in _open_documents(server, session_id):
        return
    seen = await project.sessions.snapshot(session_id, now=lambda session: None)
    starts = (event.turn for event in reversed(seen.events) if isinstance(event.body, journal.TurnStarted))
    if (turn := next(starts, None)) is not None and document.path not in editor.replying:
        writer = ReplyWriter(server, document.path, session_id, turn, begun=True)
        await writer.run(project.subscribe(writer.on_event))


def _begin(server: ServerState, project: Project, session_id: str, event: journal.Event) -> None:
    """A turn begins: show it in every open chat document that has no reply in progress."""
    if isinstance(event.body, journal.UserSaid) and event.body.shown and event.turn:
        for path in _open_documents(server, session_id):
            writer = ReplyWriter(server, path, session_id, event.turn, message=event.body.shown)
            server.jobs.spawn(writer.run(project.subscribe(writer.on_event)))


def _open_documents(server: ServerState, session_id: str) -> list[Path]:
    """Return the open chat documents of a session that have no reply in progress."""
    editor = server.editor
    return [
        document.path
        for document in (editor.documents if editor else ())
        if editor
        and document.path
        and markdown.is_chat(document.path)
        and document.path not in editor.replying
        and markdown.session_of(document.text) == session_id
    ]


class ReplyWriter:
    """Writes one turn's reply into a chat document while it streams.

    `verbatim`: the reply is the output of a command. `message`: what the user said elsewhere, which is not in the document yet.
    `begun`: the turn runs already, and the document shows nothing of it. `awaited`: the command is answered when the turn has ended.
    """

    def __init__(
        self,
        server: ServerState,
        path: Path,
        session_id: str,
        turn_id: str,
        *,
        verbatim: bool = False,
        message: str | None = None,
        begun: bool = False,
        awaited: bool = False,
    ) -> None:
        self._server = server
        self._awaited = awaited
        self._path = path
        self._session, self._turn = session_id, turn_id
        self._message, self._begun = message, begun
        self._said = TurnMarkdown(session_id, verbatim or (message or "").startswith("!"))
        if server.editor:
            server.editor.replying.add(path)
        self._ended = False
        self._news = asyncio.Event()
        self._refused = 0

    def on_event(self, session_id: str, event: journal.Event) -> None:
        """Append events of this turn as text."""
        if event.turn != self._turn:
            return
        self._said.add(event, streamed=True)
        self._ended = self._ended or isinstance(event.body, journal.TurnEnded)
        self._news.set()

    async def run(self, stop_listening: object) -> None:
        """Write until the turn has ended and everything is in the document."""
        editor = self._server.editor
        replying = editor.replying if editor else set[Path]()
        try:
            if self._begun:
                await self._draw_begun()
            else:
                await self._make_room()
            while not self._ended:
                await self._news.wait()
                self._news.clear()
                # Where the user is asked about each edit, the rest is one edit when the turn has ended.
                if self._refused < REFUSALS and not (editor and editor.asks_about_edits):
                    await self._flush()
                await asyncio.sleep(EDIT_SECONDS)
            await self._finish()
        finally:
            replying.discard(self._path)
            if callable(stop_listening):
                stop_listening()

    async def _make_room(self) -> None:
        """Insert the heading of the reply below the message."""
        try:
            async with self._alone():  # a question waits, too: its section goes below the heading
                if not self._awaited:
                    await answer_goes_first()
                text = await mazu_files.read(self._server, self._path)
                await mazu_files.edit(self._server, self._path, text, self._with_room(text))
        except EditUnanswered:
            self._refused = REFUSALS
        except MazuError as error:
            if self._message is not None:
                logger.info("A turn started elsewhere will be drawn when it has ended: %s", error.message)
                return
            await self._server.host.say(
                "warning", f"Mazu: the reply cannot be written to {self._path.name}. {error.message}"
            )

    def _with_room(self, text: str) -> str:
        if self._message is None:
            return markdown.escape_label(text, self._session).rstrip("\r\n") + markdown.opening(self._turn)
        above, draft = split_draft(text)
        said = f"{above.rstrip()}\n\n## You\n\n{markdown.quoted(self._message)}"
        return said + markdown.opening(self._turn, draft)

    async def _draw_begun(self) -> None:
        """Write what the journal has of the turn, and what streamed since its last event; an open question stays."""
        asked = self._server.editor.approvals.open if self._server.editor else None
        if asked is not None and asked.question.session_id == self._session:
            return
        drawn = await redraw(self._server, self._path, self._session, replying=True)
        if not drawn and self._said.text:
            return  # the editor refuses the heading: what was said meanwhile is not in the document
        streamed = self._server.updates.partial(self._session)
        self._said.text = streamed["message"] if streamed else ""

    def _alone(self) -> AbstractAsyncContextManager[None]:
        """Hold the lock that keeps other tasks from editing a chat document."""
        return self._server.editor.chat_edits if self._server.editor else nullcontext()

    async def _finish(self) -> None:
        """Redraw the document from the journal, which repairs what an editor applied late, twice or not at all."""
        session = (await self._server.wait_opened()).sessions.find(self._session)
        if session is not None:
            await session.wait_idle()
        if await redraw(self._server, self._path, self._session, replying=True):
            return
        # Kate accepts edits only for two seconds after a command. No part of a reply is ever lost.
        if rest := self._said.text.strip("\n"):
            await _show_elsewhere(self._server, self._path, rest)

    async def _flush(self) -> None:
        """Insert the new text, without the line ends at its end: the end of the reply is recognised by them."""
        document = self._server.editor.documents.at(self._path) if self._server.editor else None
        if (
            document and markdown.reply_end(document.text, self._turn) is None
        ):  # it was opened again meanwhile
            await self._draw_begun()
        ready = self._said.text.rstrip("\n")
        if not ready:
            return
        async with self._alone():
            await self._insert(ready)

    async def _insert(self, ready: str) -> None:
        document = self._server.editor.documents.at(self._path) if self._server.editor else None
        text = document.text if document else await mazu_files.read(self._server, self._path)
        place = markdown.reply_end(text, self._turn)
        if place is None:
            self._refused += 1
            return
        started = bool(split_lines(text[:place], ends=False)) and not text[:place].endswith("\n")
        new = markdown.quoted(ready if started else ready.lstrip("\n"))
        if text[place:] and not text[place:].startswith(("\n", "\r")):  # the next heading
            new += "\n\n"
        after = text[:place] + new + text[place:]
        try:
            if document and self._server.editor:
                at = document.position_at(place)
                await apply_edits(self._server.editor, document, [TextEdit(LspRange(at, at), new)], after)
            else:
                await mazu_files.edit(self._server, self._path, text, after)
        except MazuError as error:
            if not self._arrived(text[:place], new):
                logger.info("A piece of the reply was not applied: %s", error.message)
                self._refused += REFUSALS if isinstance(error, EditUnanswered) else 1
                return
        self._refused = 0
        self._said.text = self._said.text[len(ready) :]

    def _arrived(self, before: str, new: str) -> bool:
        """Return whether the piece is in the document although the user typed at the same time."""
        document = self._server.editor.documents.at(self._path) if self._server.editor else None
        if document is None:
            return False
        said = unified_text(markdown.reply_so_far(document.text, self._turn))
        grown = len(said) - len(unified_text(markdown.reply_so_far(before, self._turn)))
        return grown >= len(new) and said.endswith(new.rstrip("\n"))


async def _answer(server: ServerState, path: Path, session_id: str, reply: str) -> None:
    """Insert the reply of a `/command` below it."""
    await answer_goes_first()
    text = await mazu_files.read(server, path)
    said = markdown.escape_label(text, session_id).rstrip("\r\n")
    after = f"{said}\n\n## Mazu\n\n{markdown.quoted(reply)}\n\n## You\n\n"
    try:
        await mazu_files.edit(server, path, text, after)
    except MazuError as error:
        logger.info("The reply is not in %s: %s", path, error)
        await _show_elsewhere(server, path, reply)


async def _show_elsewhere(server: ServerState, path: Path, reply: str) -> None:
    """Show what the editor did not take into a chat document."""
    said = f"{path.name} has no reply yet, since the editor did not make the edit. It is here: "
    await mazu_files.show_text(server, f"{path.stem}-reply.md", f"{reply}\n", said)


async def _document_of(server: ServerState, session: Session) -> Path:
    """Return the session's chat document, created with the conversation so far if there is none."""
    project = await server.wait_opened()
    path = await asyncio.to_thread(mazu_files.folder_of, project, "chats") / f"{session.id}.md"
    if not os.path.lexists(path):
        seen = await project.sessions.snapshot(session.id, now=lambda session: None)
        text = f"{markdown.header(session.id)}{render_turns(session.id, seen.events, seen.head)}## You\n\n"
        await asyncio.to_thread(mazu_files.write, path.parent, path.name, text.encode())
    return path


async def _session_of(server: ServerState, text: str, wanted: str | None) -> Session:
    """Return the session that a chat document names; a new one if it names none; the reply then adds the name."""
    project = await server.wait_opened()
    named = wanted or markdown.session_of(text)
    return await project.sessions.get(named) if named else await project.sessions.new()


def _mention(server: ServerState, place: DocumentRange) -> str:
    name = server.name_of(server.path_of(place.uri))
    if place.range is None:
        return markdown.mention_of(name)
    return markdown.mention_of(name, place.range.start.line, last_line(place.range))


def _quotation(server: ServerState, place: DocumentRange) -> str:
    """Return a quotation of a document that is no file, which no mention could find again."""
    document = server.editor.documents.get(place.uri) if server.editor else None
    assert document is not None
    lines = document.lines[place.range.start.line : last_line(place.range)] if place.range else document.lines
    text = "".join(lines).rstrip("\r\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"From {server.title_of(document)}:\n\n{fence}{document.language_id}\n{text}\n{fence}"
