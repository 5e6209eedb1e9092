"""mazu.chat, run, ask, edit, council, cancel: the commands that call a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments
from mazu_ls.server import uris
from mazu_ls.server.chat.ai_comments import instruction_at
from mazu_ls.server.chat.attachments import attached, attached_before
from mazu_ls.server.chat.cursor_context import resolve_target
from mazu_ls.server.chat.markdown import is_chat
from mazu_ls.server.chat.message_queue import enqueue
from mazu_ls.server.commands import command
from mazu_ls.server.commands.turn import turn_jobs
from mazu_ls.server.errors import ContentModified
from mazu_ls.server.features import resume_offer
from mazu_ls.server.rpc.lsp_types import LspRange
from mazu_ls.server.wire import sessions
from mazu_ls.server.wire import turns as wire

if TYPE_CHECKING:
    from mazu_ls.server.jobs import BackgroundJob, Token
    from mazu_ls.server.state import ServerState

REWRITES = {
    "Simplify": "Make this simpler and easier to read; it must do the same as before.",
    "Make it robust": "Handle the errors and edge cases that this ignores; change nothing else.",
    "Make it faster": "Make this faster without changing what it does.",
    "Add types": "Add or fix type annotations; change nothing else.",
}


@command("mazu.chat", progress=True)
async def chat(
    server: ServerState, params: wire.ChatParams, token: Token | None
) -> wire.StartedResult | wire.QueuedResult | wire.TurnResultView:
    """Send a message in a session. Without a message the chat document is opened."""
    from mazu_ls.agent.turn.turn import Prompt

    project = await server.wait_opened()
    if params.message is None:
        return await _chat_document(server, params, token)
    session = await project.sessions.get(params.session_id)
    with session.start.noting_refusal():
        again = params.resend and await attached_before(server, session.id, params.resend, params.message)
        asked = Prompt(
            params.message,
            (*(again or ()), *await attached(server, params.attachments, params.message, params.texts)),
            model=params.model,
            limits=turn_jobs.limits(project),
        )
        if params.queue:
            await server.jobs.accepted.wait_for_earlier(session.id)
            if session.running and not session.ending:
                return await enqueue(session, asked)
        return await turn_jobs.start(server, session, asked, wait=params.wait, token=token)


async def _chat_document(
    server: ServerState, params: wire.ChatParams, token: Token | None
) -> wire.StartedResult | wire.QueuedResult | wire.TurnResultView:
    """Send the attached chat document's last message; else open the session's document with what is attached."""
    from mazu_ls.server.chat.documents import open_chat, send

    chat = next((place for place in params.attachments if is_chat(uris.to_path(place.uri))), None)
    if chat is not None:
        return await send(server, chat.uri, params, token)
    return await open_chat(server, params.session_id, params.attachments)


async def _selected_task(server: ServerState) -> wire.RunParams:
    """Without arguments: the selected text is the task."""
    return wire.RunParams(task=turn_jobs.selection(server, "task"))


@command("mazu.run", natural=_selected_task, progress=True)
async def run(
    server: ServerState, params: wire.RunParams, token: Token | None
) -> wire.StartedResult | wire.TurnResultView:
    """Carry out a task autonomously, within limits."""
    from mazu_ls.agent.turn.turn import Prompt

    project = await server.wait_opened()
    session = await project.sessions.get(params.session_id)
    with session.start.noting_refusal():
        attachments = await attached(server, (), params.task)
    asked = Prompt(
        params.task,
        attachments,
        model=params.model,
        limits=turn_jobs.limits(
            project,
            steps=params.max_steps,
            cost=params.max_cost,
            tokens=params.max_tokens,
            seconds=params.max_seconds,
        ),
        kind="run",
        allow_shell=params.allow_shell,
        checkpoint_every=params.checkpoint_every,
    )
    return await turn_jobs.start(
        server, session, asked, wait=params.wait, token=token, report=resume_offer.after_run
    )


async def _selected_question(server: ServerState) -> wire.AskParams:
    """Without arguments: the selected text is the question."""
    return wire.AskParams(question=turn_jobs.selection(server, "question"))


@command("mazu.ask", natural=_selected_question, progress=True)
async def ask(
    server: ServerState, params: wire.AskParams, token: Token | None
) -> wire.StartedResult | wire.AskResult:
    """Ask one question, without tools or memory."""
    from mazu_ls.agent.jobs import ask
    from mazu_ls.agent.session.session import new_id

    project = await server.wait_opened()
    await project.model(params.model)
    places = await attached(server, params.attachments, params.question, params.texts)

    job_id = new_id("q")

    async def work(job: BackgroundJob) -> wire.AskResult:
        reply, usage = await ask.ask(project, params.question, places, params.model)
        server.notify_changed("usage")
        return wire.AskResult(reply, usage)

    return await server.jobs.answer(
        "answering a question",
        work,
        wait=params.wait,
        token=token,
        started=wire.StartedResult(job_id, job_id),
        name=job_id,
        then=lambda answer: turn_jobs.show_answer(server, params.question, answer.reply),
    )


async def _edit_of_focus(server: ServerState) -> wire.EditParams:
    """Without arguments: the last selection, or the definition around the cursor, with the instruction of an `AI!` comment in it or
    of the user's choice."""
    found = await focus_target(server, "range")
    if asked := instruction_at(found.text, found.language):
        return wire.EditParams(found.uri, found.range, asked)
    choice = await server.pick(
        "How should it be rewritten? (An AI! comment can say anything else.)", list(REWRITES)
    )
    if choice is None:
        raise InvalidArguments(
            "`instruction` is missing: write an `AI!` comment in the selection", "instruction"
        )
    return wire.EditParams(found.uri, found.range, list(REWRITES.values())[choice])


@command("mazu.edit", natural=_edit_of_focus, progress=True)
async def edit(
    server: ServerState, params: wire.EditParams, token: Token | None
) -> wire.StartedResult | wire.TurnResultView:
    """Rewrite a range according to the instruction; the result stays unsaved in the editor."""
    from mazu_ls.agent.jobs.rewrite import PassageChanged, RewriteSource, rewrite
    from mazu_ls.agent.session.ids import new_id

    project = await server.wait_opened()
    document = await turn_jobs.document_at(server, params.uri)
    lines = document.text.count("\n") + 1
    if params.range.start.line >= lines:
        raise InvalidArguments(
            f"`range` begins in line {params.range.start.line + 1}, but the document has {lines}", "range"
        )
    await project.model(params.model)
    document.count_as_typed()
    start, end = document.offset(params.range.start), document.offset(params.range.end)
    turn_id, name, text = new_id("t"), server.title_of(document), document.text

    async def now() -> str:
        return (await turn_jobs.document_at(server, params.uri)).text

    async def propose_edit(before: str, after: str) -> str:
        return await server.propose_edit(document.uri, before, after)

    async def work(job: BackgroundJob) -> wire.TurnResultView:
        job.report(name)
        place = server.workspace.follow(document.path) if document.path else None
        inside = place is not None and server.workspace.contains(place)
        source = RewriteSource(name, place if inside else None, text, now, propose_edit)
        result = await rewrite(
            project, source, min(start, end), max(start, end), instruction=params.instruction, model=params.model,
            turn_id=turn_id,
        )  # fmt: skip
        if params.wait and isinstance(result.error, PassageChanged):
            raise ContentModified(result.error.message, result.error.hint)
        told = turn_jobs.encoded(result, document.uri)
        job.sentence = turn_jobs.ending(told)
        return told

    return await server.jobs.answer(
        f"rewriting {name.rpartition('/')[2]}",
        work,
        wait=params.wait,
        token=token,
        started=wire.StartedResult(turn_id, turn_id),
        name=turn_id,
        then=lambda result: turn_jobs.show_turn_end(server, result),
    )


@command("mazu.cancel")
async def cancel(server: ServerState, params: sessions.SessionParams) -> wire.CancelResult:
    """Stop the turn of a session, or the job of a question, a rewrite or a council; without an id, all."""
    project = await server.wait_opened()
    stopped = [
        session.cancel() for session in project.sessions.opened() if params.session_id in (None, session.id)
    ]
    stopped.append(server.jobs.stop(params.session_id))
    stopped.append(server.jobs.accepted.cancel(params.session_id, project.sessions.current))
    return wire.CancelResult(any(stopped))


@dataclass(frozen=True)
class CursorTarget:
    """A place in an open document and its text."""

    uri: str
    range: LspRange
    text: str
    language: str


async def focus_target(server: ServerState, field: str) -> CursorTarget:
    """Return what the last code action was about: its selection, or the definition around the cursor, or the line.

    Raises InvalidArguments that names `field`, for which it is the default.
    """
    editor = server.editor
    document = editor.document if editor else None
    if editor and document and editor.focus and editor.focus.range:
        span = await resolve_target(document, editor.focus.range)
        if (text := document.slice(span)).strip():
            return CursorTarget(document.uri, span, text, document.language_id)
    raise InvalidArguments(f"`{field}` is missing, and nothing is selected to use instead", field)
