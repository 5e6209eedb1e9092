"""An open question as a section of its session's chat document, with code actions that answer it."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from mazu_ls.errors import MazuError
from mazu_ls.host import Choice, Question, UserReply
from mazu_ls.server.chat import markdown
from mazu_ls.server.client.answer_words import NO_ANSWER, VERDICTS, answer_title, given_answer
from mazu_ls.server.client.ask_user import OpenQuestion, ReviewDocument, question_text
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.documents.apply_edit import apply_edits
from mazu_ls.server.errors import EditUnanswered
from mazu_ls.server.rpc.lsp_types import LspRange, TextEdit
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.journal import journal
    from mazu_ls.server.client.editor import ConnectedEditor
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.state import ServerState

logger = logging.getLogger(__name__)
ATTEMPTS = 8
RETRY_SECONDS = 0.15
"""Seconds until a refused edit is tried again: the user may be typing."""
SECTION = 50_000
"""Characters of a question that its section holds; a longer one is shown whole in a document next to the chat."""
MESSAGE = 2000
ASKS = re.compile(r"^## Mazu asks <!-- (?P<call>.+?) -->", re.MULTILINE)


def attach(server: ServerState, editor: ConnectedEditor) -> None:
    """Show questions in open chat documents, too."""

    def on_question(asked: OpenQuestion) -> None:
        document = chat_of(editor, asked.question.session_id)
        if document is not None:
            _show(server, editor, document, asked)

    async def open_review(question: Question) -> ReviewDocument | None:
        return await _open_review(server, editor, question)

    editor.approvals.listener = on_question
    editor.approvals.open_review = open_review


def opened(server: ServerState, editor: ConnectedEditor, document: OpenDocument) -> None:
    """A chat document was opened: show the open question in it."""
    asked = editor.approvals.open
    if asked and not asked.in_chat and document is chat_of(editor, asked.question.session_id):
        _show(server, editor, document, asked)


def choices_in(editor: ConnectedEditor, document: OpenDocument) -> OpenQuestion | None:
    """Return the open question of this chat document's session."""
    asked = editor.approvals.open
    return asked if asked and asked.question.session_id == markdown.session_of(document.text) else None


def _show(server: ServerState, editor: ConnectedEditor, document: OpenDocument, asked: OpenQuestion) -> None:
    asked.in_chat = True
    server.jobs.spawn(_follow(server, editor, document, asked))


async def _open_review(
    server: ServerState, editor: ConnectedEditor, question: Question
) -> ReviewDocument | None:
    """Write all of a question to a file and open it for the user; None if none can be written."""
    try:
        project = await server.wait_opened()
        folder = await asyncio.to_thread(mazu_files.folder_of, project, "view")
        text = review_text(question).encode("utf-8", "surrogatepass")
        place = await asyncio.to_thread(mazu_files.write, folder, review_name(question), text)
    except MazuError as error:
        logger.warning("A question could not be saved: %s", error.message)
        return None
    shown = await server.host.show(place)
    return ReviewDocument(str(place), lambda: shown or editor.documents.at(place) is not None)


async def _follow(
    server: ServerState, editor: ConnectedEditor, document: OpenDocument, asked: OpenQuestion
) -> None:
    """Show a question below the conversation until it is answered; then the decision."""
    block, before = _block(asked.question), asked.shown_whole
    asked.shown_whole = before or _is_whole(asked.question)
    if not asked.shown_whole:
        await editor.approvals.review(asked)
    # Its dialog is enough where the user would be asked about this edit, too.
    shown = not editor.asks_about_edits and await _put(editor, document, block)
    if not shown:
        asked.shown_whole = before
    if not shown and asked.in_chat_alone and not asked.verdict.done():
        # Kate accepts no edit so long after a command, and has no dialog; but it always shows a message.
        await server.host.say("warning", await _as_message(editor, asked))
    reply = await asked.verdict
    if shown:
        with suppress(EditUnanswered):  # the document is drawn again when the turn has ended
            await _replace(editor, document, block, asked.question, reply)


def verdict(decision: journal.CallDecided) -> str:
    """Return the user's decision about a call in a few words; "" if somebody else decided."""
    if decision.decided_by == "timeout":
        return NO_ANSWER
    if decision.decided_by != "user":
        return ""
    return VERDICTS["deny" if decision.verdict == "deny" else decision.reason.replace(" ", "_")]


def chat_of(editor: ConnectedEditor, session_id: str) -> OpenDocument | None:
    """Return the open chat document of a session."""
    if not session_id:
        return None
    return next(
        (
            one
            for one in editor.documents
            if markdown.is_chat(one.path) and markdown.session_of(one.text) == session_id
        ),
        None,
    )


def open_section(editor: ConnectedEditor | None, session_id: str) -> str:
    """Return the section of a session's open question as its chat document shows it, "" without one."""
    asked = editor.approvals.open if editor else None
    shown = asked is not None and asked.in_chat and asked.question.session_id == session_id
    return _block(asked.question) if asked and shown else ""


def drawn_lines(asked: journal.QuestionAsked) -> list[str]:
    """Return every line that a question may have been drawn with: its section, and the line once it is decided."""
    choices = tuple(Choice(one["id"], one["label"], one["kind"]) for one in asked.options)  # pyright: ignore[reportArgumentType]
    question = Question("", asked.call_id, asked.tool, asked.title, asked.detail, choices, asked.diff)
    title = markdown.escape(question.title)
    return [
        *split_lines(_block(question), ends=False),
        *(f"*{title}: {said}*" for said in (NO_ANSWER, *map(given_answer, choices))),
    ]


def _block(question: Question) -> str:
    """Return the section; its heading begins as ours do, so that nothing in it counts as the user's message."""
    parts = [f"## Mazu asks <!-- {question.call_id} -->", f"**{markdown.escape(question.title)}**"]
    detail, diff = question.detail.strip()[:SECTION], (question.diff or "")[:SECTION].rstrip("\n")
    if detail:
        parts.append("\n".join(f"> {line}" for line in markdown.fenced(detail).split("\n")))
    if diff:
        parts.append(markdown.fenced(diff, "diff"))
    if not _is_whole(question):
        parts.append(f"It is too long to be shown here: see {review_name(question)} for the full text.")
    names = ", ".join(f"*Mazu: {answer_title(choice)}*" for choice in question.choices)
    return "\n\n".join([*parts, f"Answer with a code action here: {names}."]) + "\n\n"


def _is_whole(question: Question) -> bool:
    """Return whether the section holds all of a question."""
    return len(question.detail) <= SECTION and len(question.diff or "") <= SECTION


def review_name(question: Question) -> str:
    """Return the name of the document that holds all of a question."""
    return f"question-{re.sub(r'[^A-Za-z0-9_-]', '_', question.call_id or question.tool)[:60]}.md"


def review_text(question: Question) -> str:
    """Return all of a question as Markdown, with its text escaped."""
    parts = [f"# {markdown.escape(question.title)}", markdown.fenced(question.detail.strip())]
    if question.diff:
        parts.append(markdown.fenced(question.diff.rstrip("\n"), "diff"))
    return "\n\n".join(parts) + "\n"


async def _as_message(editor: ConnectedEditor, asked: OpenQuestion) -> str:
    """Show the question as a message if its section cannot be inserted."""
    whole = question_text(asked.question)
    if len(whole) <= MESSAGE:
        asked.shown_whole = True
    elif document := await editor.approvals.review(asked):
        whole = f"{whole[:MESSAGE]}…\n\nOpen {document.name} and read it: then it can be allowed."
    first = answer_title(asked.question.choices[0])
    return f"{whole}\n\nAnswer with a code action in the chat document, such as Mazu: {first}."


async def _put(editor: ConnectedEditor, document: OpenDocument, block: str) -> bool:
    """Insert the section before the heading of the next message, so that the draft stays a message; return whether it is there."""
    for _ in range(ATTEMPTS):
        text = document.text
        heads = list(markdown.HEADING.finditer(text))
        place = heads[-1].start() if heads and heads[-1]["who"] == "You" else len(text)
        new = block if text[:place].endswith("\n\n") or not place else "\n\n" + block
        at = document.position_at(place)
        after = text[:place] + new + text[place:]
        try:
            if await _tried(editor, document, [TextEdit(LspRange(at, at), new)], after):
                return True
        except EditUnanswered:
            return False
    return False


async def _replace(
    editor: ConnectedEditor, document: OpenDocument, block: str, question: Question, reply: UserReply | None
) -> None:
    """Replace the section by the decision; what was typed into it stays."""
    said = given_answer(reply.choice if reply else None)
    heading = block.partition("\n")[0]
    for _ in range(ATTEMPTS):
        text = document.text
        found = re.search(re.escape(block).replace("\\\n", r"\r?\n"), text)
        begin = found.start() if found else text.find(heading)
        if begin < 0:
            return
        end = found.end() if found else begin + len(heading)
        # A reply in progress reports the decision itself, at the call in question.
        written = bool(found) and document.path in editor.replying
        note = "" if written else f"*{markdown.escape(question.title)}: {said}*" + ("\n\n" if found else "")
        edits = [TextEdit(LspRange(document.position_at(begin), document.position_at(end)), note)]
        after = text[:begin] + note + text[end:]
        if await _tried(editor, document, edits, after):
            return


async def _tried(editor: ConnectedEditor, document: OpenDocument, edits: list[TextEdit], after: str) -> bool:
    """Return whether the edit is made. Raises EditUnanswered, after which it should not be tried again."""
    try:
        async with editor.chat_edits:
            if document.with_edits(document.text, edits) != after:
                return False  # a piece of the reply arrived while this task waited
            await apply_edits(editor, document, edits, after)
    except EditUnanswered:
        raise
    except MazuError as error:
        logger.info("A question could not be shown in the chat yet: %s", error.message)
        await asyncio.sleep(RETRY_SECONDS)
        return False
    return True
