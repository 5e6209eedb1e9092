"""Messages queued until the running turn ends, then sent one after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mazu_ls.errors import Kind, MazuError
from mazu_ls.journal import journal
from mazu_ls.server.wire import turns as wire

if TYPE_CHECKING:
    from mazu_ls.agent.project.project import Project
    from mazu_ls.agent.session.session import Session
    from mazu_ls.agent.turn.types import Prompt
    from mazu_ls.server.state import ServerState

STOPPED = ("cancelled", "error")
"""Stop reasons after which nothing is sent automatically: the user should decide what comes next."""


async def enqueue(session: Session, asked: Prompt) -> wire.QueuedResult:
    """Queue a message; when this returns it is on the disk."""
    from mazu_ls.agent.session.ids import new_id

    pairs = zip(asked.attached, asked.attachments, strict=True)
    attached = tuple(one if given.is_file else replace(one, text=given.text) for one, given in pairs)
    queued = journal.MessageQueued(new_id("q"), asked.text, attached, asked.model)
    session.append(queued)
    await asyncio.to_thread(session.journal.sync)
    return wire.QueuedResult(session.id, None, queued.id)


def remove(session: Session, queue_id: str) -> None:
    """Remove a message from the queue. Raises MazuError(not_found)."""
    if queue_id not in session.queue:
        raise MazuError(Kind.NOT_FOUND, "That message is no longer queued.", "See mazu.session.queue.")
    session.append(journal.MessageDequeued(queue_id))


def attach(server: ServerState, project: Project) -> None:
    """Send the next message whenever a turn of this project has ended."""

    def on_event(session_id: str, event: journal.Event) -> None:
        ended = event.body
        session = project.sessions.find(session_id)
        if (
            isinstance(ended, journal.TurnEnded)
            and ended.stop_reason not in STOPPED
            and session
            and session.queue
        ):
            server.jobs.spawn(send_next(server, session))

    project.subscribe(on_event)


async def send_next(server: ServerState, session: Session) -> None:
    """Send the oldest queued message, once nothing runs."""
    with server.jobs.accepted.accept(session.id):
        await _send_next(server, await server.wait_opened(), session)


async def _send_next(server: ServerState, project: Project, session: Session) -> None:
    from mazu_ls.agent.turn.types import Prompt
    from mazu_ls.server.chat.attachments import attachments, place_of, text_attachment
    from mazu_ls.server.commands.turn import turn_jobs

    await session.wait_idle()
    if session.running or not session.queue:
        return
    queued = next(iter(session.queue.values()))
    places = [place for one in queued.attached if one.text is None and (place := place_of(server, one))]
    texts = [text_attachment(one.path, one.text) for one in queued.attached if one.text is not None]
    attached = (*await attachments(server, places), *texts)
    asked = Prompt(queued.text, attached, model=queued.model, limits=turn_jobs.limits(project))
    try:
        await turn_jobs.start(
            server,
            session,
            asked,
            wait=False,
            begun=lambda: session.append(journal.MessageDequeued(queued.id)),
        )
    except MazuError as error:
        await server.host.say("warning", f"Mazu: a queued message was not sent. {error.message} {error.hint}")
