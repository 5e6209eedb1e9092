"""Turns as jobs: started by a command, shown as progress, answered at once or when they are done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mazu_ls.errors import InvalidArguments, Kind, MazuError
from mazu_ls.server import uris
from mazu_ls.server.chat.attachments import read_document
from mazu_ls.server.documents import mazu_files
from mazu_ls.server.documents.documents import OpenDocument
from mazu_ls.server.wire import turns as wire

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.agent.turn.limits import Limits
    from mazu_ls.agent.turn.turn import Prompt, TurnResult
    from mazu_ls.server.jobs import BackgroundJob, Token
    from mazu_ls.server.state import ServerState

    Report = Callable[[ServerState, Session, wire.TurnResultView], Awaitable[None]]

REPLY_LINE = 200
SENTENCES = {
    "max_steps": "stopped at the limit of steps",
    "max_cost": "stopped at the limit of money",
    "max_tokens": "stopped at the limit of tokens",
    "max_seconds": "stopped at the limit of time",
    "stuck": "stopped: it went round in circles",
    "refusal": "was refused by the model",
}


def limits(project: Project, **asked: float | None) -> Limits:
    """Return the limits of the settings, capped by a command's arguments."""
    from mazu_ls.agent.turn.limits import Limits

    return Limits.from_settings(project.config.limits).capped_by(**asked)


async def check_ready(session: Session, asked: Prompt | None = None) -> None:
    """Raise what would fail at once: a busy session, and no key or an unknown model, unless the request is a
    `!command`."""
    if session.ending:
        await session.wait_idle()
    if session.running:
        raise MazuError(
            Kind.BUSY, "A turn is still running in this session.", "Wait for it, or stop it with mazu.cancel."
        )
    if asked is None or not asked.command:
        await session.project.model((asked and asked.model) or session.conversation.model)


async def start(
    server: ServerState,
    session: Session,
    asked: Prompt,
    *,
    wait: bool,
    token: Token | None = None,
    turn_id: str | None = None,
    begun: Callable[[], object] | None = None,
    report: Report | None = None,
) -> wire.StartedResult | wire.TurnResultView:
    """Start a turn. With `wait` return the finished result, else the ids once the user's message is on the disk.

    `begun` is called at that moment; `report` tells the user how a turn ended that nobody waited for, by default
    `show_turn_end`. Raises what `check_ready` raises.
    """
    from mazu_ls.agent.session.ids import headline, new_id

    await server.follow_settings(waits=True)
    with session.start.noting_refusal():
        await check_ready(session, asked)
    turn = turn_id or new_id("t")
    recorded = asyncio.Event()

    def on_disk() -> None:
        recorded.set()
        if begun:
            begun()

    async def work(job: BackgroundJob) -> wire.TurnResultView:
        server.updates.track_job(turn, job)
        result = encoded(await session.prompt(asked, turn, on_disk))
        job.sentence = ending(result)
        return result

    return await server.jobs.answer(
        headline(asked.text),
        work,
        wait=wait,
        token=token,
        started=wire.StartedResult(session.id, turn),
        then=lambda result: report(server, session, result) if report else show_turn_end(server, result),
        begun=recorded,
    )


def encoded(result: TurnResult, uri: str | None = None) -> wire.TurnResultView:
    """Return a turn's result for the wire. `uri`: of the one document that it was about, which need not be a file."""
    return wire.TurnResultView(
        session_id=result.session_id,
        turn_id=result.turn_id,
        reply=result.reply,
        stop_reason=result.stop_reason,
        detail=result.detail,
        usage=result.usage,
        edits=[
            wire.FileEditView(uri or uris.from_path(edit.path), edit.added, edit.removed)
            for edit in result.edits
        ],
        checkpoints=list(result.checkpoints),
        memories=wire.TurnMemories(list(result.injected), list(result.written)),
        error=wire.ErrorView.from_error(result.error),
        uncounted=result.uncounted,
    )


def ending(result: wire.TurnResultView) -> str:
    """Describe how a turn ended, and its result, in a line."""
    if result.stop_reason == "cancelled":
        how = "stopped"
    elif result.error:
        how = "failed"
    else:
        how = SENTENCES.get(result.stop_reason, "done")
    count = len(result.edits)
    files = f"; {count} file{'' if count == 1 else 's'} changed" if count else ""
    cost = result.usage.cost_usd
    return how + files + (f"; ${cost:.4f}" if cost else "")


async def show_turn_end(server: ServerState, result: wire.TurnResultView) -> None:
    """Report how a turn ended that nobody waited for, unless it finished normally or the user stopped it."""
    if result.error:
        await server.host.say("error", f"Mazu{sentence(result)}")
    elif result.stop_reason in SENTENCES:
        await server.host.say("warning", f"Mazu{sentence(result)}")


def sentence(result: wire.TurnResultView) -> str:
    """Return why a turn ended before its task was done, as the continuation of a sentence."""
    if result.error:
        return f": {result.error.message} {result.error.hint}".rstrip()
    detail = f" ({result.detail})" if result.detail and result.stop_reason in SENTENCES else ""
    return f" {SENTENCES.get(result.stop_reason, 'was stopped')}{detail}."


async def show_answer(server: ServerState, question: str, reply: str) -> None:
    """Show a reply: as a message if it is short, else as a file that is opened."""
    if len(reply) <= REPLY_LINE and "\n" not in reply:
        await server.host.say("info", reply)
        return
    await mazu_files.show_text(server, "answer.md", f"# {question.strip()}\n\n{reply}\n")


async def document_at(server: ServerState, uri: str) -> OpenDocument:
    """Return the open document, else the file. Raises InvalidArguments if it is neither."""
    document = server.editor.documents.get(uri) if server.editor else None
    return document or await read_document(server, uri, server.path_of(uri))


def selection(server: ServerState, field: str) -> str:
    """Return the text of the last code action. Raises InvalidArguments that names `field`, for which it is the default."""
    text = server.editor.selection if server.editor else ""
    if not text.strip():
        raise InvalidArguments(f"`{field}` is missing, and no text is selected to use instead", field)
    return text
